"""Between asking and labelling: the answers teach a head, once, which the run keeps.

``RUN/start`` holds the classifier that scored the images, ``RUN/classifier`` the head: what the run
labels with, and what a later job or an endpoint takes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from actors.classifier_store import load_classifier, save_classifier
from actors.cores import usable_cores
from actors.labels.cascade_labels import LearnedFiles
from methods.cascade.choosing import at_random, ranked
from methods.cascade.head import Head, learn_head, most_answers
from methods.class_names import ClassNames
from methods.classifier import Classifier
from ray_jobs.config import LabelCascadeConfig
from ray_jobs.passes.job import Job
from ray_jobs.passes.remote_tasks import start_task
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.pipelines.base import Told
from ray_jobs.pipelines.cascade.answers import UNUSABLE, read_choices
from ray_jobs.pipelines.cascade.choosing import decided
from ray_jobs.pipelines.cascade.inputs import METHOD, CascadeInputs
from ray_jobs.pipelines.cascade.scored import features_of
from ray_jobs.pipelines.cascade.spending import ASK, PILOT
from ray_jobs.runs.folder import RunFolder, versions
from ray_jobs.runs.growth import GROWN
from ray_jobs.runs.usage import count_usage

logger = logging.getLogger(f"onoma.{__name__}")

LEARNED: Final = "learned"
"""What ``run.json`` calls what is known of the head, under ``cascade``."""


def start_of(run: RunFolder, inputs: CascadeInputs) -> str:
    """Folder of the classifier that scores the images of a run."""
    return run.start if inputs.learns else run.classifier


def teach(job: Job, config: LabelCascadeConfig, inputs: CascadeInputs) -> None:
    """Fit a head to the answers, and keep it as the run's classifier.

    A run that goes on learns once more, from all answers: rows that are there stay.
    """
    run, known = job.run, decided(job.run)
    grown = int(run.record.get(GROWN, 0))
    if known.get(LEARNED, {}).get(GROWN) == grown:
        return
    plan = size_clip_pool(job.capacity, config, 1)
    lesson = Lesson(run.uri, run.record, inputs.named, start_of(run, inputs), config.seed)
    head = start_task(_learn, lesson, plan.device, gpus=plan.gpus, resource=plan.resource)()
    classifier = load_classifier(lesson.start)
    figures = {
        "answers": head.answers,
        "moved": head.strength is not None,
        "strength": head.strength,
        "left_out": head.left_out,
        "agreed": head.agreed,
        "agreed_before": head.agreed_before,
    }
    made = {
        "config": config.public(),
        "mllm": {"name": inputs.mllm.name, "fingerprint": inputs.mllm.fingerprint},
        "start": {"method": classifier.method, **classifier.made},
        LEARNED: figures,
        "usage": _usage(job, classifier),
        "versions": versions(),
    }
    # a threshold below which labels are not given was one of other scores
    taught = replace(
        classifier,
        matrix=head.matrix,
        logit_scale=head.scale,
        method=METHOD,
        abstain_below=None,
        made=made,
    )
    save_classifier(taught, run.classifier)
    run.save(cascade={**known, LEARNED: {**figures, GROWN: grown}})
    _tell(head)


def learned_files(run: RunFolder) -> LearnedFiles:
    """The head for the tasks that label."""
    files = load_classifier(run.classifier).dump()
    return LearnedFiles(files, bool(decided(run)[LEARNED]["moved"]))


def told(record: Mapping[str, Any]) -> Sequence[Told]:
    """How far the head of a run agrees with what it did not learn from."""
    learned = record.get("cascade", {}).get(LEARNED, {})
    if not learned.get("left_out"):
        return ()
    hint = f"of {learned['left_out']:,} answers left out; CLIP in {learned['agreed_before']:.0%}"
    return (Told("Head agrees with the MLLM", learned["agreed"], hint),)


@dataclass(frozen=True)
class Lesson:
    """What a head learns from.

    Attributes:
        uri, record: of the run.
        classes: in the order of the class matrix.
        start: folder of the classifier that the head starts at.
        seed: of the order in which answers are left out.
    """

    uri: str
    record: dict[str, Any]
    classes: ClassNames
    start: str
    seed: int


def _learn(lesson: Lesson, device: str) -> Head:
    """Runs as a Ray task."""
    import torch

    torch.set_num_threads(usable_cores())
    run, start = RunFolder(lesson.uri, lesson.record), load_classifier(lesson.start)
    ids, said = read_choices(run, lesson.classes, (PILOT, ASK))
    ids, said = ids[said != UNUSABLE], said[said != UNUSABLE]
    order = ranked(ids, at_random(ids, lesson.seed))[: most_answers(len(start.labels))]
    features = np.zeros((0, start.matrix.shape[1]), np.float32)
    if len(order):
        features = features_of(run, np.sort(ids[order]))[np.argsort(np.argsort(ids[order]))]
    return learn_head(features, said[order], start.matrix, start.logit_scale, device)


def _usage(job: Job, start: Classifier) -> dict[str, int]:
    """What was asked for the head: by the run, and by the fit of what it started at."""
    usage, earlier = count_usage(job.run, job.asked).record(), start.made.get("usage", {})
    return {name: count + int(earlier.get(name, 0)) for name, count in usage.items()}


def _tell(head: Head) -> None:
    """Say what was learned."""
    if head.strength is None:
        logger.warning(
            "%d answers teach nothing about other images: CLIP labels those that were not asked "
            "about",
            head.answers,
        )
        return
    logger.info(
        "a head learned from %d answers; of answers left out it names %.0f%%, CLIP alone %.0f%%",
        head.answers,
        100 * head.agreed,
        100 * head.agreed_before,
    )
