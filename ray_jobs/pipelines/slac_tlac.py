"""SLAC and TLAC: name an archive by what a multimodal LLM says of each image.

recognise: manifest -> fetch -> what is known -> decode -> MLLM -> stage table.
choose (TLAC): distinct descriptions -> MLLM with the class list -> stage table.
label: stage tables -> the class that was named, or the closest in CLIP's text space -> labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors import storage
from actors.clip.model import ClipModel, resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.labels.slac_tlac import (
    CHOOSE,
    RECOGNISE,
    ClassChoicePrompt,
    Shortlist,
    TextMatchLabels,
    clean_descriptions,
    join_choices,
)
from actors.mllm.generate import ImagePrompt
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.request import ResponseFormat, Sampling
from methods.class_matching import PATHS, ClassMatcher
from methods.prompt import Prompt
from ray_jobs.config import LabelSlacConfig, LabelTlacConfig
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.generate import PassQuery, generate_for_images, generate_for_texts
from ray_jobs.passes.label_job import LABEL, label_archive
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.resources import ReplicaPool, size_clip_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.runs.class_names import read_classes, say_what_small_models_know
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import count_values
from ray_jobs.runs.prompts import read_prompt
from ray_jobs.runs.stage_tables import distinct, index_of, read_stage, stage_table
from ray_jobs.runs.usage import count_usage

Config = LabelSlacConfig | LabelTlacConfig

_LONG_LIST = 1000
_SHORT_LIST = 100


@dataclass(frozen=True)
class Inputs:
    """What a run of SLAC or TLAC works with, checked before Ray or a model starts."""

    names: list[str]
    clip: ClipModel
    mllm: MllmModel
    recognise: Prompt
    choose: Prompt | None
    choices: ResponseFormat
    shortlist: int
    sampling: Sampling

    def image_ask(self, config: Config) -> PassQuery:
        """What is asked about images."""
        identity = {
            "model": self.mllm.fingerprint,
            "prompt": self.recognise.text,
            "sampling": self.sampling.identity(),
            "max_side": config.max_side,
        }
        return PassQuery(RECOGNISE, ImagePrompt(self.recognise.text, self.sampling), identity)

    def choice_ask(self) -> PassQuery:
        """What is asked about descriptions."""
        assert self.choose is not None
        identity = {
            "model": self.mllm.fingerprint,
            "prompt": self.choose.text,
            "sampling": self.sampling.identity(),
            "classes": self.names,
            "choices": self.choices,
            "shortlist": [self.shortlist, self.clip.fingerprint] if self.shortlist else None,
        }
        question = ClassChoicePrompt(self.choose, self.names, self.sampling, self.choices)
        return PassQuery(CHOOSE, question, identity)


def label(config: Config) -> dict[str, Any]:
    """Label an archive with SLAC or TLAC; returns the content of ``run.json``.

    Raises:
        InputError: the classes, a prompt, a model, the archive or the folder cannot work.
    """
    inputs = resolve_inputs(config)
    say_what_small_models_know(inputs.clip.name, inputs.mllm.name, inputs.names)
    identity = {
        "method": config.method,
        "clip": inputs.clip.fingerprint,
        "precision": config.precision,
        "classes": inputs.names,
        "upstream_compat": config.upstream_compat,
        "recognise": dict(inputs.image_ask(config).identity),
        "choose": dict(inputs.choice_ask().identity) if inputs.choose else None,
    }
    return label_archive(
        config,
        identity,
        lambda run, capacity: run_stages(run, config, inputs, capacity),
        asking=RECOGNISE,
    )


def resolve_inputs(config: Config) -> Inputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    names = read_classes(config.classes, config.method)
    ClassMatcher(names)
    choose, choices, shorter = None, "none", 0
    mllm = resolve_mllm(config.mllm)
    if config.method == "tlac":
        choose = read_prompt("tlac", "choose", config.choose_prompt, ("classes", "answer"))
        guided = "guided" if mllm.engine == "vllm" else "none"
        choices = guided if config.choices == "auto" else config.choices
        long = _SHORT_LIST if len(names) > _LONG_LIST else 0
        shorter = long if config.shortlist is None else config.shortlist
    return Inputs(
        names=names,
        clip=resolve_clip(config.clip),
        mllm=mllm,
        recognise=read_prompt("tlac", "recognise", config.recognise_prompt),
        choose=choose,
        choices=choices,  # type: ignore[arg-type]
        shortlist=shorter if shorter < len(names) else 0,
        sampling=Sampling(config.max_tokens, config.temperature, config.top_p, config.seed),
    )


def run_stages(run: RunFolder, config: Config, inputs: Inputs, capacity: Capacity) -> None:
    """Run the stages one after another, each resumes, and count what they asked."""
    stages = [RECOGNISE, CHOOSE] if inputs.choose else [RECOGNISE]
    clip = size_clip_pool(capacity, config)
    # the replicas are gone before the last pass: it may want their GPUs
    with mllm_replicas(inputs.mllm, size_mllm_pool(config, inputs.mllm, capacity)) as replicas:
        asked = inputs.image_ask(config)
        with run.timed(RECOGNISE):
            generate_for_images(run, config, RECOGNISE, [asked], replicas)
        if inputs.choose:
            texts = descriptions(run, config, inputs)
            asked = inputs.choice_ask()
            with run.timed(CHOOSE):
                generate_for_texts(run, config, CHOOSE, texts, "description", asked, replicas)
    with run.timed(LABEL):
        label_pass(run, config, inputs, clip)
    usage = count_usage(run, {stage: [stage] for stage in stages})
    paths = count_values(run.labels, "answer_path")
    run.save(**usage.record(), answer_paths={path: paths.get(path, 0) for path in PATHS})


def descriptions(run: RunFolder, config: Config, inputs: Inputs) -> Callable[[], Any]:
    """Return what makes the dataset of distinct cleaned descriptions, with their shortlists."""

    def dataset() -> Any:
        from ray.data import ActorPoolStrategy

        table = read_stage(stage_table(run, RECOGNISE), [RECOGNISE])
        cleaned = table.map_batches(
            clean_descriptions,
            batch_format="pyarrow",
            fn_kwargs={"ask": RECOGNISE, "upstream_compat": config.upstream_compat},
        )
        found = distinct(cleaned, "description", int(run.record["images"]))
        if not inputs.shortlist:
            return found
        return found.map_batches(
            Shortlist,
            batch_format="pyarrow",
            batch_size=config.clip_batch,
            fn_constructor_kwargs={
                # the GPUs are the multimodal LLM's in this pass
                "clip": ClipRuntime(inputs.clip, device="cpu"),
                "names": inputs.names,
                "size": inputs.shortlist,
            },
            compute=ActorPoolStrategy(size=1),
            num_cpus=0,
        )

    return dataset


def label_pass(run: RunFolder, config: Config, inputs: Inputs, clip: ReplicaPool) -> None:
    """Read what was said and write ``labels/``, finished images aside."""
    from ray.data import SaveMode

    filesystem, labels = storage.resolve(run.labels)
    with pass_settings(run.checkpoint(LABEL)):
        rows = read_stage(stage_table(run, RECOGNISE))
        if inputs.choose:
            rows = rows.map_batches(
                join_choices,
                batch_format="pyarrow",
                fn_kwargs={
                    "choices": index_of(stage_table(run, CHOOSE)),
                    "upstream_compat": config.upstream_compat,
                },
            )
        through_clip(
            rows,
            TextMatchLabels,
            config,
            clip,
            model=inputs.clip,
            names=inputs.names,
            method=config.method,
            response_format=inputs.choices,
            upstream_compat=config.upstream_compat,
        ).write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)
