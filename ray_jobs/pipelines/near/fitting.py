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
from methods.discovered_names import name_key, write_names
from methods.near.candidates import candidate_sets
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.resources import ReplicaPool
from ray_jobs.passes.session import Capacity, start_ray
from ray_jobs.passes.train import epochs_file, forget_training
from ray_jobs.pipelines.near.checks import check_workers, checking_context
from ray_jobs.pipelines.near.features import FEATURES, Features, compute_features
from ray_jobs.pipelines.near.inputs import Inputs, resolve_inputs
from ray_jobs.pipelines.near.sample import choose_spread, draw_images
from ray_jobs.pipelines.near.sample_names import Said, name_sample
from ray_jobs.pipelines.near.training import Task, Trained, train_prompt
from ray_jobs.pipelines.near.vocabulary import (
    Labelled,
    keep_names,
    label_sample,
    neighbours_of,
    sample_table,
)
from ray_jobs.runs.class_names import say_what_small_models_know
from ray_jobs.runs.folder import FINISHED, RunFolder, open_run, versions
from ray_jobs.runs.stage_tables import forget_stage
from ray_jobs.runs.usage import count_usage

logger = logging.getLogger(__name__)

METHOD = "near"
NAMES, SAMPLE = "names.csv", "sample.csv"
"""Files for a person, in the classifier's folder."""


def fit(config: FitNearConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the archive, a model, a prompt, the names or the folder cannot work, or the
            model names nothing.
    """
    inputs = resolve_inputs(config)
    run = open_run(config.out, inputs.identity(config), config.public())
    if run.finished:
        logger.warning("%s is finished; nothing to do (give a new --out to fit again)", run.uri)
    else:
        draw_images(run, config)
        with run.timed("start"):
            capacity = start_ray()
        _fit(run, config, inputs, capacity)
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


def _fit(run: RunFolder, config: FitNearConfig, inputs: Inputs, capacity: Capacity) -> None:
    workers = check_workers(config, capacity)
    checked = checking_context(inputs)
    with run.timed(FEATURES):
        features = compute_features(run, config, inputs.clip, capacity)
    checked()
    said, stages = _ask_for_names(run, config, inputs, features, capacity)
    labelled = label_sample(config, inputs, said, features, capacity)
    say_what_small_models_know(inputs.clip.name, inputs.mllm.name, labelled.vocabulary.forms)
    _write(run, NAMES, write_names(labelled.names, labelled.merges))
    _write(run, SAMPLE, sample_table(labelled, said, features))
    with run.timed("training"):
        trained = _train(run, config, inputs, labelled, workers)
    labelled, trained = _predicted_names(config, labelled, trained)
    usage = count_usage(run, {stage: ["name"] for stage in stages}).record()
    counts = _counts(labelled, said, features)
    save_classifier(_classifier(config, inputs, labelled, trained, counts, usage), run.uri)
    run.save(**counts, **usage, training=trained.epochs[-1], state=FINISHED)
    forget_training(run)


def _ask_for_names(
    run: RunFolder, config: FitNearConfig, inputs: Inputs, features: Features, capacity: Capacity
) -> tuple[dict[int, Said], list[str]]:
    """Choose the sample and ask; what came by image id, and the names of the stages."""
    sample = choose_spread(run, config, features)
    # the replicas come when CLIP has left the GPUs, and are gone before training comes
    with mllm_replicas(inputs.mllm, size_mllm_pool(config, inputs.mllm, capacity)) as replicas:
        said, stages = name_sample(run, config, inputs.question, inputs.mllm, sample, replicas)
    if not any(each.name for each in said.values()):
        for stage in stages:  # an outage may have been why: the same command asks again
            forget_stage(run, stage)
    return said, stages


def _train(
    run: RunFolder, config: FitNearConfig, inputs: Inputs, labelled: Labelled, each: ReplicaPool
) -> Trained:
    neighbours = neighbours_of(labelled, config.neighbours)
    task = Task(
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
        epochs=epochs_file(run),
        checkpoint_seconds=config.checkpoint_seconds,
    )
    return train_prompt(run, task, each)


def _predicted_names(
    config: FitNearConfig, labelled: Labelled, trained: Trained
) -> tuple[Labelled, Trained]:
    """With ``--label-filter trained``, drop the names that no image of the sample gets."""
    if config.label_filter != "trained":
        return labelled, trained
    kept = np.unique((labelled.features @ trained.matrix.T).argmax(axis=1))
    logger.warning(
        "the classifier gives %d of %d names to some image; the others are left out",
        len(kept),
        len(trained.matrix),
    )
    return keep_names(labelled, kept), replace(trained, matrix=trained.matrix[kept])


def _counts(labelled: Labelled, said: dict[int, Said], features: Features) -> dict[str, Any]:
    """What became of the images: each of the sample is named, unnamed or has an error, by code."""
    unnamed = Counter(each.problem for each in said.values() if each.asked and each.problem)
    unread = {key: each.problem for key, each in said.items() if not each.asked}
    errors = Counter({**unread, **features.errors}.values())
    return {
        "sample": len(said),
        "named": sum(each.name is not None for each in said.values()),
        "unnamed": dict(sorted(unnamed.items())),
        "errors": dict(sorted(errors.items())),
        "names": len(labelled.vocabulary.keys),
        "merged": sum(name_key(goal) not in ("", key) for key, goal in labelled.merges.items()),
    }


def _classifier(
    config: FitNearConfig,
    inputs: Inputs,
    labelled: Labelled,
    trained: Trained,
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
            "sample": counts,
            "usage": usage,
            "training": trained.epochs[-1],
            "versions": versions(),
        },
    )


def _write(run: RunFolder, name: str, text: str) -> None:
    storage.write_bytes(storage.join(run.uri, name), text.encode())
