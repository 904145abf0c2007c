"""Make a multi-label classifier from class names: ask, gather, encode, train, keep."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.classifier_store import save_classifier
from methods.classifier import Classifier
from methods.data_free.relations import make_groups
from methods.data_free.training import held_out_texts
from methods.zero_shot import SIMPLE_TEMPLATES
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity, start_ray
from ray_jobs.passes.train import epochs_file, forget_training
from ray_jobs.pipelines.data_free.class_queries import ANSWER
from ray_jobs.pipelines.data_free.corpus import (
    Corpus,
    Relations,
    ask_relations,
    ask_sentences,
    read_corpus,
    read_relations,
    write_texts,
)
from ray_jobs.pipelines.data_free.features import FEATURES, encode_texts
from ray_jobs.pipelines.data_free.inputs import METHOD, Inputs, resolve_inputs
from ray_jobs.pipelines.data_free.training import Task, Trained, train_prompts
from ray_jobs.runs.class_names import say_what_small_models_know
from ray_jobs.runs.folder import FINISHED, RunFolder, open_run, versions
from ray_jobs.runs.usage import count_usage

logger = logging.getLogger(__name__)

_ZERO_SHOT_SCALE = 100.0


def fit(config: FitDataFreeConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the classes, a prompt, a model, the settings or the folder cannot work.
    """
    inputs = resolve_inputs(config)
    say_what_small_models_know(inputs.clip.name, inputs.mllm.name, inputs.labels)
    run = open_run(config.out, inputs.identity(config), config.public())
    if run.finished:
        logger.warning("%s is finished; nothing to do (give a new --out to fit again)", run.uri)
    else:
        with run.timed("start"):
            capacity = start_ray()
        if config.baseline == "none":
            _fit(run, config, inputs, capacity)
        else:
            _fit_baseline(run, config, inputs, capacity)
    counted = ("mllm_calls", "answers_reused", "engine_starts")
    kept = ("sentences", "sentences_missing_a_name", "classes_short_of_text", "training")
    return {
        "classifier": run.uri,
        "method": run.record["made_by"],
        "labels": len(inputs.labels),
        "clip": inputs.clip.name,
        **{key: run.record.get(key) for key in (*kept, *counted)},
    }


def _fit(run: RunFolder, config: FitDataFreeConfig, inputs: Inputs, capacity: Capacity) -> None:
    with mllm_replicas(inputs.mllm, size_mllm_pool(config, inputs.mllm, capacity)) as replicas:
        asked = ask_relations(run, config, inputs, replicas)
        relations, dropped = read_relations(run, inputs, asked)
        stages = ask_sentences(run, config, inputs, relations.together, replicas)
    corpus = read_corpus(run, inputs, stages)
    groups = _groups(config, inputs, relations, capacity)
    with run.timed(FEATURES):
        texts = write_texts(run, corpus)
        table = encode_texts(run, config, inputs.clip, texts, len(corpus.texts), capacity)
    with run.timed("training"):
        trained = _train(run, config, inputs, corpus, relations, groups, table, capacity)
    usage = count_usage(run, {stage: [ANSWER] for stage in (*asked, *stages)}).record()
    record = {
        **corpus.record,
        "relations_dropped": dict(sorted(dropped.items())),
        "attribute_groups": _named(inputs, groups[0]),
        "context_groups": _named(inputs, groups[1]),
        "training": trained.epochs[-1],
        **usage,
    }
    scoring = {
        **asdict(inputs.scoring),
        "dense_mode": config.dense_mode,
        "global_positions": False,
    }
    save_classifier(_classifier(config, inputs, trained, scoring, record), run.uri)
    run.save(**record, made_by=METHOD, state=FINISHED)
    forget_training(run)


def _groups(
    config: FitDataFreeConfig, inputs: Inputs, relations: Relations, capacity: Capacity
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups of classes that look alike, and of those seen together."""
    names, features = inputs.questions.classes, None
    if inputs.groups.source == "clip_text_kmeans":
        features, _ = encode_names(config, inputs.clip, names, SIMPLE_TEMPLATES, capacity)
    alike, together = (
        make_groups(inputs.groups, names, relation=relation, features=features)
        for relation in (relations.attributes, relations.together)
    )
    return alike, together


def _named(inputs: Inputs, groups: NDArray[np.int64]) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in range(int(groups.max()) + 1)]
    for name, group in zip(inputs.labels, groups, strict=True):
        found[group].append(name)
    return found


def _train(
    run: RunFolder,
    config: FitDataFreeConfig,
    inputs: Inputs,
    corpus: Corpus,
    relations: Relations,
    groups: tuple[NDArray[np.int64], NDArray[np.int64]],
    table: str,
    capacity: Capacity,
) -> Trained:
    settings = inputs.training
    worker = size_clip_pool(capacity, config, 1)
    task = Task(
        clip=inputs.clip,
        names=inputs.questions.classes,
        table=table,
        held_out=held_out_texts(corpus.texts, settings.held_out, settings.seed),
        attribute_groups=groups[0],
        context_groups=groups[1],
        together=relations.together,
        settings=settings,
        fusion=inputs.scoring.fusion if settings.local else 0.0,
        device=worker.device,
        threads=worker.threads,
        epochs=epochs_file(run),
        checkpoint_seconds=config.checkpoint_seconds,
    )
    return train_prompts(run, task, worker)


def _fit_baseline(
    run: RunFolder, config: FitDataFreeConfig, inputs: Inputs, capacity: Capacity
) -> None:
    """Zero-shot CLIP: one photo template, for whole images or for positions as well."""
    matrix, record = encode_names(
        config, inputs.clip, inputs.questions.classes, SIMPLE_TEMPLATES, capacity
    )
    dense = config.baseline == "zero_shot_dense"
    trained = Trained(matrix, matrix if dense else None, None, record["logit_scale"], [])
    scoring = {
        "scale": _ZERO_SHOT_SCALE,
        "kappa_image": _ZERO_SHOT_SCALE,
        "fusion": 0.5 if dense else 0.0,
        "dense_mode": config.dense_mode,
        "global_positions": True,
    }
    save_classifier(_classifier(config, inputs, trained, scoring, {}), run.uri)
    usage = Counter(mllm_calls=0, answers_reused=0, engine_starts=0)
    run.save(**usage, made_by=f"{config.baseline}_multi_label", state=FINISHED)


def _classifier(
    config: FitDataFreeConfig,
    inputs: Inputs,
    trained: Trained,
    scoring: dict[str, Any],
    record: dict[str, Any],
) -> Classifier:
    method = METHOD if config.baseline == "none" else f"{config.baseline}_multi_label"
    return Classifier(
        labels=inputs.labels,
        matrix=trained.whole,
        local_matrix=trained.local,
        thresholds=trained.thresholds,
        clip={**inputs.clip.record(), "logit_scale": trained.logit_scale},
        method=method,
        logit_scale=trained.logit_scale,
        multi_label=True,
        scoring=scoring,
        made={"config": config.public(), **record, "versions": versions()},
    )
