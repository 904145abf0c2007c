"""Learn a description prompt: load the sample, search, keep the prompt and its history."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from actors import storage
from actors.mllm_models import MllmModel
from methods.autosep.draws import choose
from methods.autosep.history import History
from methods.autosep.instance import InstanceObjective
from methods.autosep.labels import LabelObjective, majority_labels, random_labels
from methods.autosep.objective import Objective
from methods.autosep.search import Search
from methods.autosep.spo import PreferenceSearch
from methods.errors import InputError
from ray_jobs.autosep.asking import REPLY, SampleMllm
from ray_jobs.autosep.plans import METHOD, PROMPT, Plan, make_plan
from ray_jobs.autosep.record import Record, to_json
from ray_jobs.autosep.sample import load_sample
from ray_jobs.class_files import say_what_the_mllm_knows
from ray_jobs.config import FitAutosepConfig
from ray_jobs.drawn_sample import draw_sample
from ray_jobs.mllm_replicas import Replicas, mllm_replicas, plan_mllm
from ray_jobs.ray_context import Capacity, start_ray
from ray_jobs.run_folder import FINISHED, RunFolder, open_run
from ray_jobs.usage import count_usage

logger = logging.getLogger(__name__)


def fit(config: FitAutosepConfig) -> dict[str, Any]:
    """Learn a prompt and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the archive, a model, a prompt, the classes or the folder cannot work.
        NothingCame: a model answers nothing at all.
    """
    plan = make_plan(config)
    say_what_the_mllm_knows(plan.mllm.name, plan.wording.classes)
    run = open_run(config.out, plan.identity(config), config.public())
    if run.finished:
        logger.warning("%s is finished; nothing to do (give a new --out to fit again)", run.uri)
    else:
        draw_sample(run, config.images, config.sample, config.seed)
        with run.timed("start"):
            capacity = start_ray()
        _fit(run, config, plan, capacity)
    kept = ("images", "usable", "errors", "prompt", "score", "mllm_calls", "answers_reused")
    return {
        "folder": run.uri,
        "method": METHOD,
        **{key: run.record[key] for key in (*kept, "engine_starts")},
    }


def _fit(run: RunFolder, config: FitAutosepConfig, plan: Plan, capacity: Capacity) -> None:
    with run.timed("read"):
        sample = load_sample(run, config, capacity)
    images, held_out = split(sorted(sample.pictures), plan)
    with _replicas(config, plan, capacity) as replicas:
        mllm = SampleMllm(run, config, plan, sample, replicas)
        record = Record(run, config, plan, sample, mllm, len(held_out))
        history = search(config, plan, mllm, images, held_out, record)
    chosen = history.prompts[history.chosen]
    learned = {
        "prompt": chosen.text,
        "category": plan.wording.category,
        "classes": list(plan.wording.classes),
        "score": history.final,
        "mllm": plan.mllm.name,
    }
    storage.write_bytes(storage.join(run.uri, PROMPT), to_json(learned))
    total = count_usage(run, {stage: [REPLY] for stage in mllm.used})
    run.save(
        usable=len(sample.pictures),
        errors=dict(sorted(sample.errors.items())),
        prompt=chosen.text,
        score=history.final,
        **total.record(),
        state=FINISHED,
    )


def split(images: Sequence[int], plan: Plan) -> tuple[list[int], list[int]]:
    """Divide the images into those of the search and those held out, at random.

    Raises:
        InputError: too few to compare each with others.
    """
    settings = plan.settings
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
    plan: Plan,
    mllm: SampleMllm,
    images: list[int],
    held_out: list[int],
    record: Record,
) -> History:
    """Run the search that the settings name."""
    wording, settings = plan.wording, plan.settings
    if settings.objective == "spo":
        reading = config.compare_reading
        return PreferenceSearch(mllm, images, wording, settings, reading, record.write).run()
    objective: Objective
    if settings.objective == "instance":
        objective = InstanceObjective(mllm, images, wording, settings, config.compare_reading)
    else:
        every = [*images, *held_out]
        if settings.objective == "random_labels":
            labels = random_labels(every, len(wording.classes), settings.seed)
        else:
            labels = majority_labels(mllm, every, wording, settings)
        objective = LabelObjective(mllm, labels, wording, settings)
    return Search(mllm, objective, images, held_out, wording, settings, record.write).run()


@contextlib.contextmanager
def _replicas(
    config: FitAutosepConfig, plan: Plan, capacity: Capacity
) -> Iterator[dict[MllmModel, Replicas]]:
    """Hold the replicas of the model and, if it is another one, of the writer."""
    with contextlib.ExitStack() as held:
        if plan.writer == plan.mllm:
            how = plan_mllm(config, plan.mllm, capacity, plan.pictures)
            yield {plan.mllm: held.enter_context(mllm_replicas(plan.mllm, how))}
            return
        own = config.model_copy(update={"mllm_replicas": 1})
        writing = plan_mllm(own, plan.writer, capacity, plan.pictures)
        # one replica writes; the rest of the GPUs are for the model that sees the images
        left = replace(capacity, gpus=max(0, capacity.gpus - writing.options.gpus))
        if capacity.gpus and not left.gpus and plan.mllm.engine == "vllm":
            raise InputError(
                f"--optimizer-mllm {plan.writer.name} takes all {capacity.gpus} GPUs and leaves "
                f"none for --mllm {plan.mllm.name}; give one of them as an endpoint, or more GPUs"
            )
        judging = plan_mllm(config, plan.mllm, left)
        yield {
            plan.writer: held.enter_context(mllm_replicas(plan.writer, writing)),
            plan.mllm: held.enter_context(mllm_replicas(plan.mllm, judging)),
        }
