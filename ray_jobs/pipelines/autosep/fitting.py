"""Learn a description prompt: load the sample, search, keep the prompt and its history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from actors import storage
from actors.mllm.model import MllmModel
from methods.autosep.history import History
from methods.autosep.instance import InstanceObjective
from methods.autosep.labels import LabelObjective, MajorityObjective, random_labels
from methods.autosep.objective import Objective
from methods.autosep.search import Search
from methods.autosep.seeded_choice import choose
from methods.autosep.spo import PreferenceSearch
from methods.errors import InputError
from ray_jobs.config import FitAutosepConfig
from ray_jobs.passes.fit_job import fit_job
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_pool import Replicas, mllm_replicas, size_mllm_pool
from ray_jobs.passes.read_images import images_of
from ray_jobs.passes.session import Capacity
from ray_jobs.pipelines.autosep.inputs import METHOD, AutosepInputs, resolve_inputs
from ray_jobs.pipelines.autosep.record import Record, to_json
from ray_jobs.pipelines.autosep.sample import load_sample
from ray_jobs.pipelines.autosep.sample_mllm import SampleMllm
from ray_jobs.pipelines.base import FitMethod
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.learned_prompt import LEARNED_PROMPT
from ray_jobs.runs.subsample import draw_sample


def learn(job: Job, inputs: AutosepInputs) -> dict[str, Any]:
    """Load the sample, search, keep the prompt and its history.

    Raises:
        NothingCame: a model answers nothing at all.
    """
    run, config = job.run, job.settings(FitAutosepConfig)
    with run.timed("read"):
        sample = load_sample(images_of(run), config, job.capacity)
    images, held_out = split(sorted(sample.pictures), inputs)
    with _replicas(config, inputs, job.capacity) as replicas:
        mllm = SampleMllm(job, inputs, sample, replicas)
        record = Record(run, config, inputs, sample, mllm, len(held_out))
        history = search(config, inputs, mllm, images, held_out, record)
    chosen = history.prompts[history.chosen]
    learned = {
        "prompt": chosen.text,
        "category": inputs.texts.category,
        "classes": list(inputs.texts.classes),
        "score": history.final,
        "mllm": inputs.mllm.name,
    }
    storage.write_bytes(storage.join(run.uri, LEARNED_PROMPT), to_json(learned))
    return {
        "usable": len(sample.pictures),
        "errors": dict(sorted(sample.errors.items())),
        "prompt": chosen.text,
        "score": history.final,
    }


def draw(run: RunFolder, config: FitAutosepConfig) -> None:
    """Draw the sample from the listing; no image is read."""
    draw_sample(run, config, config.sample)


def result(run: RunFolder, _inputs: AutosepInputs) -> dict[str, Any]:
    """What the verb returns."""
    kept = ("images", "usable", "errors", "prompt", "score", "mllm_calls", "answers_reused")
    return {
        "folder": run.uri,
        "method": METHOD,
        **{key: run.record[key] for key in (*kept, "engine_starts")},
    }


def split(images: Sequence[int], inputs: AutosepInputs) -> tuple[list[int], list[int]]:
    """Divide the images into those of the search and those held out, at random.

    Raises:
        InputError: too few to compare each with others.
    """
    settings = inputs.settings
    held: list[int] = []
    if "held_out" in settings.improvements:
        count = round(settings.held_out_share * len(images))
        held = sorted(choose(images, count, settings.seed, "held out"))
    kept = [image for image in images if image not in set(held)]
    if min(len(kept), len(held) if held else len(kept)) <= settings.negatives:
        raise InputError(
            f"{len(images)} usable images are too few: each is compared with "
            f"{settings.negatives} others{' in each share' if held else ''}; give a larger --sample"
        )
    return kept, held


def search(
    config: FitAutosepConfig,
    inputs: AutosepInputs,
    mllm: SampleMllm,
    images: list[int],
    held_out: list[int],
    record: Record,
) -> History:
    """Run the search that the settings name."""
    texts, settings = inputs.texts, inputs.settings
    if settings.objective == "spo":
        reading = config.compare_reading
        return PreferenceSearch(mllm, images, texts, settings, reading, record.write).run()
    objective: Objective
    if settings.objective == "instance":
        objective = InstanceObjective(mllm, images, texts, settings, config.compare_reading)
    elif settings.objective == "majority_labels":
        objective = MajorityObjective(mllm, [*images, *held_out], texts, settings)
    else:
        labels = random_labels([*images, *held_out], len(texts.classes), settings.seed)
        objective = LabelObjective(mllm, labels, texts, settings)
    return Search(mllm, objective, images, held_out, texts, settings, record.write).run()


@contextlib.contextmanager
def _replicas(
    config: FitAutosepConfig, inputs: AutosepInputs, capacity: Capacity
) -> Iterator[dict[MllmModel, Replicas]]:
    """Hold the replicas of the model and, if it is another one, of the writer."""
    with contextlib.ExitStack() as held:
        if inputs.writer == inputs.mllm:
            how = size_mllm_pool(config, inputs.mllm, capacity, inputs.pictures)
            yield {inputs.mllm: held.enter_context(mllm_replicas(inputs.mllm, how))}
            return
        own = config.model_copy(update={"mllm_replicas": 1})
        writing = size_mllm_pool(own, inputs.writer, capacity, inputs.pictures)
        # one replica writes; the rest of the GPUs are for the model that sees the images
        left = replace(capacity, gpus=max(0, capacity.gpus - writing.options.gpus))
        if capacity.gpus and not left.gpus and inputs.mllm.engine == "vllm":
            raise InputError(
                f"--optimizer-mllm {inputs.writer.name} takes all {capacity.gpus} GPUs and leaves "
                f"none for --mllm {inputs.mllm.name}; give one of them as an endpoint, or more GPUs"
            )
        judging = size_mllm_pool(config, inputs.mllm, left)
        yield {
            inputs.writer: held.enter_context(mllm_replicas(inputs.writer, writing)),
            inputs.mllm: held.enter_context(mllm_replicas(inputs.mllm, judging)),
        }


FIT = FitMethod(METHOD, resolve_inputs, learn, result, draw)


def fit(config: FitAutosepConfig) -> dict[str, Any]:
    """Learn a prompt and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the archive, a model, a prompt, the classes or the folder cannot work.
        NothingCame: a model answers nothing at all.
    """
    return fit_job(FIT, config)
