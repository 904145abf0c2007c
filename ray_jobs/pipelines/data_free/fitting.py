"""Make a multi-label classifier from class names: ask, gather, encode, train, keep."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.classifier_store import save_classifier
from actors.clip.checks import check_towers
from methods.classifier import Classifier, with_classes
from methods.data_free.relations import make_groups
from methods.data_free.training import held_out_texts
from methods.prompt_templates import SIMPLE_TEMPLATES
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.fit_job import fit_job
from ray_jobs.passes.job import Job
from ray_jobs.passes.remote_tasks import start_task
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity
from ray_jobs.passes.train import forget_training
from ray_jobs.pipelines.base import FitMethod
from ray_jobs.pipelines.data_free.class_relations import (
    Relations,
    ask_relations,
    read_relations,
)
from ray_jobs.pipelines.data_free.corpus import (
    Corpus,
    ask_sentences,
    read_corpus,
    write_texts,
)
from ray_jobs.pipelines.data_free.features import encode_texts
from ray_jobs.pipelines.data_free.inputs import METHOD, DataFreeInputs, resolve_inputs
from ray_jobs.pipelines.data_free.training import DataFreeTask, DataFreeTrained, train_prompts
from ray_jobs.runs.folder import RunFolder, versions
from ray_jobs.runs.usage import count_usage

logger = logging.getLogger(f"onoma.{__name__}")

_ZERO_SHOT_SCALE = 100.0
_TAI_STEPS = 4600


def learn(job: Job, inputs: DataFreeInputs) -> dict[str, Any]:
    """Ask, gather, encode, train, keep; or make one of the baselines."""
    config = job.settings(FitDataFreeConfig)
    _check_clip(config, inputs)
    if config.baseline != "none":
        return _fit_baseline(job.run, config, inputs, job.capacity)
    return _fit(job, config, inputs)


def _check_clip(config: FitDataFreeConfig, inputs: DataFreeInputs) -> None:
    """Try what the fit, and labelling after it, needs of the model: before anything is asked.

    Raises:
        InputError: one of its towers is of another kind.
    """
    if config.baseline == "none":
        context, without = inputs.training.tokens.total, "leave them out with --no-local-prompts"
        local = inputs.training.local_prompts and bool(inputs.scoring.fusion)
    else:
        context, without = None, "leave them out with --baseline zero_shot"
        local = config.baseline == "zero_shot_dense"
    if context is not None or local:
        dense = config.dense_mode if local else None
        start_task(check_towers, inputs.clip, context, dense, without)()


def result(run: RunFolder, inputs: DataFreeInputs) -> dict[str, Any]:
    """What the verb returns."""
    counted = ("mllm_calls", "answers_reused", "engine_starts")
    kept = ("sentences", "sentences_missing_a_name", "classes_short_of_text", "training")
    return {
        "classifier": run.uri,
        "method": run.record["made_by"],
        "labels": len(inputs.labels),
        "clip": inputs.clip.name,
        **{key: run.record.get(key) for key in (*kept, *counted)},
    }


def _fit(job: Job, config: FitDataFreeConfig, inputs: DataFreeInputs) -> dict[str, Any]:
    run, capacity = job.run, job.capacity
    with job.mllm_pool():  # its engines start with the first request: with captions perhaps never
        asked = ask_relations(job, inputs) if _need_relations(inputs) else []
        relations, dropped = read_relations(run, inputs, asked)
        stages = [] if inputs.captions else ask_sentences(job, inputs, relations.together)
    corpus = read_corpus(run, inputs, stages)
    groups = _groups(config, inputs, relations, capacity)
    texts = write_texts(run, corpus)
    table = encode_texts(job, inputs.clip, texts, len(corpus.texts))
    with run.timed("training"):
        trained = _train(run, config, inputs, corpus, relations, groups, table, capacity)
    record = {
        **corpus.record,
        "relations_dropped": dropped,
        "attribute_groups": _named(inputs, groups[0]),
        "context_groups": _named(inputs, groups[1]),
        "training": trained.epochs[-1],
        **count_usage(run, job.asked).record(),
    }
    scoring = {
        **asdict(inputs.scoring),
        "dense_mode": config.dense_mode,
        "global_positions": False,
    }
    save_classifier(_classifier(config, inputs, trained, scoring, record), run.uri)
    return {**record, "made_by": METHOD}


def _need_relations(inputs: DataFreeInputs) -> bool:
    """Whether anything is made of how classes are related."""
    tokens = inputs.training.tokens
    grouped = inputs.groups.groups in ("llm", "random") and bool(tokens.attribute or tokens.context)
    drawn = inputs.captions is None and bool(inputs.corpus.graph_share)
    return grouped or drawn or inputs.training.mask_implied


def _groups(
    config: FitDataFreeConfig, inputs: DataFreeInputs, relations: Relations, capacity: Capacity
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups of classes that look alike, and of those seen together."""
    names, features = inputs.questions.classes, None
    if inputs.groups.groups == "clip_text_kmeans":
        features, _ = encode_names(config, inputs.clip, names, SIMPLE_TEMPLATES, capacity)
    alike, together = (
        make_groups(inputs.groups, names, relation=relation, features=features)
        for relation in (relations.attributes, relations.together)
    )
    return alike, together


def _named(inputs: DataFreeInputs, groups: NDArray[np.int64]) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in range(int(groups.max()) + 1)]
    for name, group in zip(inputs.labels, groups, strict=True):
        found[group].append(name)
    return found


def _train(
    run: RunFolder,
    config: FitDataFreeConfig,
    inputs: DataFreeInputs,
    corpus: Corpus,
    relations: Relations,
    groups: tuple[NDArray[np.int64], NDArray[np.int64]],
    table: str,
    capacity: Capacity,
) -> DataFreeTrained:
    held_out = held_out_texts(corpus.texts, inputs.training.held_out, inputs.training.seed)
    used = int((~held_out).sum())
    settings = inputs.training.for_texts(used)
    steps = settings.steps(used)
    run.save(training_texts=used, training_steps=steps)
    if steps < _TAI_STEPS // 2:
        logger.info(
            "%d texts make %d steps in %d epochs, TaI-DPT trains for about %d; where CLIP has "
            "much to learn, give --least-steps %d",
            used, steps, settings.epochs, _TAI_STEPS, _TAI_STEPS,
        )  # fmt: skip
    worker = size_clip_pool(capacity, config, 1)
    task = DataFreeTask(
        clip=inputs.clip,
        names=inputs.questions.classes,
        table=table,
        held_out=held_out,
        attribute_groups=groups[0],
        context_groups=groups[1],
        together=relations.together,
        settings=settings,
        fusion=inputs.scoring.fusion if settings.local_prompts else 0.0,
        device=worker.device,
        threads=worker.threads,
        run=run.uri,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    return train_prompts(run, task, worker)


def _fit_baseline(
    run: RunFolder, config: FitDataFreeConfig, inputs: DataFreeInputs, capacity: Capacity
) -> dict[str, Any]:
    """Zero-shot CLIP: one photo template, for whole images or for positions as well."""
    matrix, record = encode_names(
        config, inputs.clip, inputs.questions.classes, SIMPLE_TEMPLATES, capacity
    )
    dense = config.baseline == "zero_shot_dense"
    trained = DataFreeTrained(matrix, matrix if dense else None, None, record["logit_scale"], [])
    scoring = {
        "scale": _ZERO_SHOT_SCALE,
        "kappa_image": _ZERO_SHOT_SCALE,
        "fusion": 0.5 if dense else 0.0,
        "dense_mode": config.dense_mode,
        "global_positions": True,
    }
    save_classifier(_classifier(config, inputs, trained, scoring, {}), run.uri)
    return {"made_by": f"{config.baseline}_multi_label"}


def _classifier(
    config: FitDataFreeConfig,
    inputs: DataFreeInputs,
    trained: DataFreeTrained,
    scoring: dict[str, Any],
    record: dict[str, Any],
) -> Classifier:
    method = METHOD if config.baseline == "none" else f"{config.baseline}_multi_label"
    made = Classifier(
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
    return with_classes(made, inputs.classes)


FIT = FitMethod(METHOD, resolve_inputs, learn, result, forget=forget_training)


def fit(config: FitDataFreeConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the classes, a prompt, a model, the settings or the folder cannot work.
    """
    return fit_job(FIT, config)
