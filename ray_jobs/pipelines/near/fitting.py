"""Make a classifier from unlabelled images: name a sample, learn the names, keep the matrix."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from actors import storage
from actors.classifier_store import save_classifier
from methods.classifier import Classifier
from methods.discovered_names import write_names
from methods.name_spelling import name_key
from methods.near.candidates import candidate_sets
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.fit_job import fit_job
from ray_jobs.passes.job import Job
from ray_jobs.passes.resources import ReplicaPool
from ray_jobs.passes.train import forget_training
from ray_jobs.pipelines.base import FitMethod
from ray_jobs.pipelines.near.checks import check_workers
from ray_jobs.pipelines.near.features import Features, compute_features
from ray_jobs.pipelines.near.inputs import NearInputs, resolve_inputs
from ray_jobs.pipelines.near.sample import choose_spread, draw_images
from ray_jobs.pipelines.near.sample_names import SampleName, name_sample
from ray_jobs.pipelines.near.training import NearTask, NearTrained, train_prompt
from ray_jobs.pipelines.near.vocabulary import (
    Labelled,
    keep_names,
    label_sample,
    neighbours_of,
    sample_table,
)
from ray_jobs.runs.builtin_models import warn_of_found_names
from ray_jobs.runs.folder import RunFolder, versions
from ray_jobs.runs.stage_tables import forget_stage
from ray_jobs.runs.usage import count_usage

logger = logging.getLogger(f"onoma.{__name__}")

METHOD = "near"
NAMES, SAMPLE = "names.csv", "sample.csv"
"""Files for a person, in the classifier's folder."""


def learn(job: Job, inputs: NearInputs) -> dict[str, Any]:
    """Encode, name, label the sample, train, keep the classifier."""
    run, config, capacity = job.run, job.settings(FitNearConfig), job.capacity
    workers = check_workers(config, capacity)
    features = compute_features(job, inputs.clip, inputs.context, inputs.store)
    names = _ask_for_names(job, inputs, features)
    labelled = label_sample(config, inputs, names, features, capacity)
    warn_of_found_names(inputs.clip, inputs.mllm, labelled.vocabulary.forms)
    _write(run, NAMES, write_names(labelled.names, labelled.merges))
    _write(run, SAMPLE, sample_table(labelled, names, features))
    with run.timed("training"):
        trained = _train(run, config, inputs, labelled, workers)
    labelled, trained = _predicted_names(config, labelled, trained)
    usage = count_usage(run, job.asked).record()
    counts = _counts(labelled, names, features)
    save_classifier(_classifier(config, inputs, labelled, trained, counts, usage), run.uri)
    return {**counts, "training": trained.epochs[-1]}


def result(run: RunFolder, inputs: NearInputs) -> dict[str, Any]:
    """What the verb returns."""
    kept = ("images", "sample", "named", "unnamed", "errors", "names", "merged")
    used = ("mllm_calls", "answers_reused", "engine_starts")
    return {
        "classifier": run.uri,
        "method": METHOD,
        "labels": run.record["names"],
        "clip": inputs.clip.name,
        **{key: run.record[key] for key in (*kept, *used)},
        "training": run.record["training"],
    }


def _ask_for_names(job: Job, inputs: NearInputs, features: Features) -> dict[int, SampleName]:
    """Choose the sample and ask; what came, by image id."""
    sample = choose_spread(job.run, job.settings(FitNearConfig), features)
    # the replicas come when CLIP has left the GPUs, and are gone before training comes
    with job.mllm_pool():
        names, stages = name_sample(job, inputs.reader, sample)
    if not any(each.name for each in names.values()):
        for stage in stages:  # an outage may have been why: the same command asks again
            forget_stage(job.run, stage)
    return names


def _train(
    run: RunFolder, config: FitNearConfig, inputs: NearInputs, labelled: Labelled, each: ReplicaPool
) -> NearTrained:
    neighbours = neighbours_of(labelled, config.neighbours)
    task = NearTask(
        clip=inputs.clip,
        names=labelled.vocabulary.forms,
        context=inputs.context,
        features=labelled.features,
        labels=labelled.labels,
        candidates=candidate_sets(labelled.labels, neighbours),
        neighbours=neighbours,
        settings=inputs.settings,
        device=each.device,
        threads=each.threads,
        run=run.uri,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    return train_prompt(run, task, each)


def _predicted_names(
    config: FitNearConfig, labelled: Labelled, trained: NearTrained
) -> tuple[Labelled, NearTrained]:
    """With ``--label-filter trained``, drop the names that no image of the sample gets."""
    if config.label_filter != "trained":
        return labelled, trained
    kept = np.unique((labelled.features @ trained.matrix.T).argmax(axis=1))
    logger.info(
        "the classifier gives %d of %d names to some image; the others are left out",
        len(kept),
        len(trained.matrix),
    )
    return keep_names(labelled, kept), replace(trained, matrix=trained.matrix[kept])


def _counts(labelled: Labelled, names: dict[int, SampleName], features: Features) -> dict[str, Any]:
    """What became of the images: each of the sample is named, unnamed or has an error, by code."""
    unnamed = Counter(each.problem for each in names.values() if each.asked and each.problem)
    unread = {key: each.problem for key, each in names.items() if not each.asked}
    errors = Counter({**unread, **features.errors}.values())
    return {
        "sample": len(names),
        "named": sum(each.name is not None for each in names.values()),
        "unnamed": dict(sorted(unnamed.items())),
        "errors": dict(sorted(errors.items())),
        "names": len(labelled.vocabulary.keys),
        "merged": sum(name_key(goal) not in ("", key) for key, goal in labelled.merges.items()),
    }


def _classifier(
    config: FitNearConfig,
    inputs: NearInputs,
    labelled: Labelled,
    trained: NearTrained,
    counts: dict[str, Any],
    usage: dict[str, Any],
) -> Classifier:
    """The names and their features, with how they were made."""
    return Classifier(
        labels=labelled.vocabulary.forms,
        matrix=trained.matrix,
        clip={**inputs.clip.record(), "logit_scale": trained.logit_scale},
        method=METHOD,
        logit_scale=trained.logit_scale,
        made={
            "config": config.public(),
            "mllm": {"name": inputs.mllm.name, "fingerprint": inputs.mllm.fingerprint},
            "sample": counts,
            "usage": usage,
            "training": trained.epochs[-1],
            "versions": versions(),
        },
    )


def _write(run: RunFolder, name: str, text: str) -> None:
    storage.write_bytes(storage.join(run.uri, name), text.encode())


FIT = FitMethod(METHOD, resolve_inputs, learn, result, draw_images, forget_training)


def fit(config: FitNearConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the archive, a model, a prompt, the names or the folder cannot work, or the
            model names nothing.
    """
    return fit_job(FIT, config)
