"""Label an archive: describe each image with the learned prompt, then choose a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from actors.labels.autosep import (
    ABOUT,
    CLASSIFY,
    DESCRIBE,
    DescribedChoicePrompt,
    choice_reader,
    join_description,
    label_by_choice,
)
from actors.labels.table import CHOICE_LABELS_SCHEMA
from actors.mllm.model import FIELD_GUIDE, MllmModel, resolve_mllm
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from methods.autosep.prompts import PromptTexts
from methods.class_names import ClassNames
from methods.errors import InputError
from ray_jobs.config import LabelAutosepConfig
from ray_jobs.passes.generate import cached, generate, prepare
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import engine_options, image_query, sampling
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Flow, fetch, images, rows, table
from ray_jobs.pipelines.autosep.inputs import METHOD, make_prompt_texts
from ray_jobs.pipelines.autosep.shots import SHOTS, few_shot_passes
from ray_jobs.pipelines.base import ANSWERS_CUT, LabelMethod
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.learned_prompt import read_learned

ANSWERS: Final = "answers"
"""Name of the pass that asks about images."""

_CATEGORY: Final = "object"
_LETTERS: Final = 26


@dataclass(frozen=True)
class LabelAutosepInputs:
    """What a labelling run works with.

    Attributes:
        mllm: the model.
        texts: the prompts, with the category and the classes.
        classes: the same with their ids.
        prompt: that descriptions are asked for with; None where the class is asked for at once.
        first: what is asked about each image: a description, or votes for a class.
        then: what is asked when there is a description; None without one.
        shots: images shown before each.
    """

    mllm: MllmModel
    texts: PromptTexts
    classes: ClassNames
    prompt: str | None
    first: tuple[Query, ...]
    then: Query | None
    shots: int = 0
    clip: None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.texts.classes

    @property
    def pictures(self) -> int:
        """Most images in one request."""
        return self.shots + 1

    @property
    def choices(self) -> list[str]:
        """Names of the queries whose responses choose a class."""
        return [self.then.name] if self.then else [query.name for query in self.first]

    def identity(self, config: LabelAutosepConfig) -> dict[str, Any]:
        """What decides the rows."""
        engine = engine_options(config)
        few = {}
        if self.shots:
            said = {"images": self.shots, "labels": config.shot_labels, "seed": config.seed}
            few = {SHOTS: {**said, "prompt": self.texts.prompts["few_shot"].text}}
        queries = [*self.first, *([self.then] if self.then else [])]
        return {
            **self.classes.identity(),
            "reading": config.reading,
            **few,
            **{query.name: query.cache_identity(self.mllm, engine) for query in queries},
        }


def resolve_inputs(config: LabelAutosepConfig) -> LabelAutosepInputs:
    """Read the files and find the model that the settings name.

    Raises:
        InputError: one of them cannot work, or settings contradict each other.
    """
    if config.votes > 1 and config.description:
        raise InputError("--votes is for --no-description: a described image is classified once")
    if config.prompt is not None and not config.description:
        raise InputError("--prompt and --no-description contradict each other; give one of them")
    if config.shots and (config.description or config.votes > 1):
        raise InputError("--shots is for --no-description, and for one vote")
    learned = read_learned(config.prompt) if config.prompt is not None else {}
    category = config.category or learned.get("category", _CATEGORY)
    classes = read_classes(config.classes, METHOD)
    texts = make_prompt_texts(config, category, classes)
    if config.reading == "published" and len(texts.classes) > _LETTERS:
        raise InputError(
            f"--reading published reads letters, for up to {_LETTERS} classes (the published code "
            f"has three), and there are {len(texts.classes)}; give --reading strict"
        )
    mllm = resolve_mllm(config.mllm)
    if config.shots and mllm.name == FIELD_GUIDE:
        raise InputError(
            f"--shots {config.shots}: the built-in model takes one image; give another --mllm"
        )
    if not config.description:
        votes = _votes(config, texts)
        return LabelAutosepInputs(mllm, texts, classes, None, votes, None, config.shots)
    prompt = learned.get("prompt") or texts.initial()
    describe = image_query(config, DESCRIBE, ImagePrompt(prompt), sampling(config))
    greedy = Sampling(config.answer_tokens)
    choose = image_query(config, CLASSIFY, DescribedChoicePrompt(texts), greedy)
    return LabelAutosepInputs(mllm, texts, classes, prompt, (describe,), choose)


def _votes(config: LabelAutosepConfig, texts: PromptTexts) -> tuple[Query, ...]:
    """The class asked for at once, as often as wanted."""
    temperature = config.vote_temperature if config.votes > 1 else 0.0
    return tuple(
        image_query(
            config,
            f"{CLASSIFY}_{vote}",
            ImagePrompt(texts.vanilla()),
            sampling(
                config,
                max_tokens=config.answer_tokens,
                temperature=temperature,
                seed=config.seed * config.votes + vote,
            ),
        )
        for vote in range(config.votes)
    )


def passes(config: LabelAutosepConfig, inputs: LabelAutosepInputs) -> Sequence[Pass | Call]:
    """Describe and choose in one pass, then read what was chosen."""
    first, then = inputs.first, inputs.then
    if inputs.shots:
        read = choice_reader(inputs.names, inputs.classes.others, config.reading)
        few = few_shot_passes(config, inputs.texts, first[0], read, ANSWERS)
        return [*few, Pass(LABEL, table(ANSWERS) >> _chosen(config, inputs))]
    asked = images() >> fetch() >> cached("bytes", *first)
    if then is None:
        asked = asked >> generate(*first)
    else:
        asked = (
            asked
            >> generate(*first, keep_bytes=True)
            >> prepare(join_description)
            >> cached(ABOUT, then)
            >> generate(then)
        )
    return [Pass(ANSWERS, asked), Pass(LABEL, table(ANSWERS) >> _chosen(config, inputs))]


def _chosen(config: LabelAutosepConfig, inputs: LabelAutosepInputs) -> Flow:
    """Read which class the answers choose."""
    return rows(
        label_by_choice,
        names=inputs.names,
        ids=inputs.classes.ids,
        others=inputs.classes.others,
        asks=inputs.choices,
        method=METHOD,
        reading=config.reading,
    )


def keep_prompt(_job: Job, inputs: LabelAutosepInputs) -> dict[str, Any]:
    """What the descriptions were asked for with."""
    return {"prompt": inputs.prompt}


def planned_images(
    config: LabelAutosepConfig, _record: dict[str, Any], forecast: Any, images_: int
) -> int | None:
    """How many images a pass of the planned job is over; None for all of them."""
    return min(images_, config.shots) if forecast.name == SHOTS else None


LABEL_AUTOSEP = LabelMethod(
    name=METHOD,
    columns=CHOICE_LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    counters=(ANSWERS_CUT,),
    responses={"description": "description", "answer": "class chosen"},
    asks={"description": DESCRIBE, "answer": CLASSIFY},
    finish=keep_prompt,
    planned_images=planned_images,
)
