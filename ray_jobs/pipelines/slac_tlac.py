"""SLAC and TLAC: name an archive by what a multimodal LLM says of each image.

recognise: manifest -> fetch -> what is cached -> decode -> MLLM -> stage table.
choose (TLAC): distinct descriptions -> MLLM with the class list -> stage table.
label: stage tables -> the class that was named, or the closest in CLIP's text space -> labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from actors.clip.alike_names import check_names_apart
from actors.clip.model import ClipModel, resolve_clip
from actors.labels.slac_tlac import (
    CHOOSE,
    RECOGNISE,
    ClassChoicePrompt,
    Shortlist,
    TextMatchLabels,
    clean_descriptions,
    join_choices,
)
from actors.labels.table import ANSWER_LABELS_SCHEMA
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from actors.mllm.request import ResponseFormat
from methods.class_matching import ClassMatcher
from methods.class_names import ClassNames
from methods.prompt import Prompt
from methods.slac_tlac import TEMPLATE
from ray_jobs.config import LabelSlacConfig, LabelTlacConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.mllm_settings import engine_options, image_query, sampling
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Flow, Late, clip, distinct, fetch, images, rows, table
from ray_jobs.pipelines.base import ANSWERS_CUT, Counter, LabelMethod
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.prompts import read_prompt
from ray_jobs.runs.stage_tables import index_of, stage_table

Config = LabelSlacConfig | LabelTlacConfig

_LONG_LIST: Final = 1000
_SHORT_LIST: Final = 100


@dataclass(frozen=True)
class SlacTlacInputs:
    """What a run of SLAC or TLAC works with.

    Attributes:
        classes: their ids and names.
        clip, mllm: the models.
        recognise: asked about every image.
        choose: asked about every distinct description; None with SLAC.
        choose_mllm: what is asked that, where it is another model.
        choices: how the model is held to the class list.
        shortlist: names that are shown with a description; 0 where all are.
    """

    classes: ClassNames
    clip: ClipModel
    mllm: MllmModel
    recognise: Query
    choose: Query | None
    choices: ResponseFormat
    shortlist: int
    choose_mllm: MllmModel | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, as models read them."""
        return self.classes.names

    def identity(self, config: Config) -> dict[str, Any]:
        """What decides the rows."""
        engine = engine_options(config)
        chooses = self.choose_mllm or self.mllm
        its_engine = engine_options(config, model=chooses)
        return {
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            **self.classes.identity(),
            "upstream_compat": config.upstream_compat,
            **({"matching": config.matching} if config.matching != "names" else {}),
            RECOGNISE: self.recognise.cache_identity(self.mllm, engine),
            CHOOSE: self.choose and self.choose.cache_identity(chooses, its_engine),
        }


def resolve_inputs(config: Config) -> SlacTlacInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    classes = read_classes(config.classes, config.method)
    ClassMatcher(classes.names, classes.others)
    clip_model, mllm = resolve_clip(config.clip), resolve_mllm(config.mllm)
    where = f"--classes {config.classes}"
    check_names_apart(clip_model, classes, (TEMPLATE,), where, underscores=True)
    prompt = read_prompt("tlac", "recognise", config.recognise_prompt)
    recognise = image_query(config, RECOGNISE, ImagePrompt(prompt.text), sampling(config))
    inputs = SlacTlacInputs(classes, clip_model, mllm, recognise, None, "none", 0)
    if not isinstance(config, LabelTlacConfig):
        return inputs
    choose = read_prompt("tlac", "choose", config.choose_prompt, ("classes", "answer"))
    return _with_choice(inputs, config, choose)


def _with_choice(inputs: SlacTlacInputs, config: LabelTlacConfig, prompt: Prompt) -> SlacTlacInputs:
    """The inputs with TLAC's second query."""
    names, chooses = inputs.names, inputs.mllm
    if config.choose_mllm is not None:
        chooses = resolve_mllm(config.choose_mllm, flag="--choose-mllm")
    held: ResponseFormat = "guided" if chooses.engine == "vllm" else "none"
    choices: ResponseFormat = held if config.choices == "auto" else config.choices
    long = _SHORT_LIST if len(names) > _LONG_LIST else 0
    shown = long if config.shortlist is None else config.shortlist
    shown = shown if shown < len(names) else 0
    shortlist = (shown, inputs.clip.fingerprint) if shown else None
    builder = ClassChoicePrompt(prompt, names, choices, shortlist, config.class_list)
    query = Query(CHOOSE, builder, sampling(config))
    other = chooses if chooses != inputs.mllm else None
    return replace(inputs, choose=query, choices=choices, shortlist=shown, choose_mllm=other)


def passes(config: Config, inputs: SlacTlacInputs) -> Sequence[Pass | Call]:
    """Recognise, choose (TLAC), label."""
    recognise, compat = inputs.recognise, config.upstream_compat
    found: list[Pass | Call] = [
        Pass(RECOGNISE, images() >> fetch() >> cached("bytes", recognise) >> generate(recognise))
    ]
    answered = table(RECOGNISE)
    if inputs.choose:
        described = (
            table(RECOGNISE, [RECOGNISE])
            >> rows(clean_descriptions, keeps_images=False, ask=RECOGNISE, upstream_compat=compat)
            >> distinct("description")
        )
        if inputs.shortlist:
            described = described >> _shortlisted(inputs)
        found.append(
            Pass(
                CHOOSE,
                described
                >> cached("description", inputs.choose)
                >> generate(inputs.choose, images=False),
                mllm=inputs.choose_mllm,
            )
        )
        chosen = Late(lambda job: index_of(stage_table(job.run, CHOOSE)))
        answered = answered >> rows(join_choices, choices=chosen, upstream_compat=compat)
    labels = clip(
        TextMatchLabels,
        inputs.clip,
        names=inputs.names,
        ids=inputs.classes.ids,
        others=inputs.classes.others,
        method=config.method,
        response_format=inputs.choices,
        upstream_compat=compat,
        matching=config.matching,
    )
    return [*found, Pass(LABEL, answered >> labels)]


def _shortlisted(inputs: SlacTlacInputs) -> Flow:
    """Add to descriptions the names closest to them, on a CPU: the MLLM has the GPUs."""
    return clip(
        Shortlist,
        inputs.clip,
        on_cpu=True,
        keeps_images=False,
        names=inputs.names,
        size=inputs.shortlist,
    )


_COUNTERS = (
    Counter(
        key="answer_paths",
        columns={"": "answer_path"},
        heading="From answers to labels",
        row="label from answer: {value}",
        meanings={
            "exact": ("Exact", "the answer is a class name"),
            "normalised": ("Normalised", "a name in other letters or words"),
            "clip_fallback": ("Closest in CLIP", "no class was named"),
            "failed": ("Failed", "no usable answer"),
        },
    ),
    ANSWERS_CUT,
)

_ANSWER, _CHOICE = {"answer": "what it shows"}, {"choice": "chosen from the list"}

SLAC = LabelMethod(
    "slac",
    ANSWER_LABELS_SCHEMA,
    resolve_inputs,
    passes,
    _COUNTERS,
    _ANSWER,
    asks={"answer": RECOGNISE},
)
TLAC = LabelMethod(
    "tlac",
    ANSWER_LABELS_SCHEMA,
    resolve_inputs,
    passes,
    _COUNTERS,
    {**_ANSWER, **_CHOICE},
    asks={"answer": RECOGNISE, "choice": CHOOSE},
)
