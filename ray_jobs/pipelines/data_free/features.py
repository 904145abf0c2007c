"""The pass that encodes sentences, and reading what it wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors import storage
from actors.clip.model import ClipModel
from actors.labels.data_free import SentenceFeatures
from methods.data_free.text_features import TextFeatures
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table

FEATURES = "features"
"""Name of the stage."""

_BATCH = 256


def encode_texts(
    run: RunFolder,
    config: FitDataFreeConfig,
    model: ClipModel,
    texts: str,
    count: int,
    capacity: Capacity,
) -> str:
    """Encode the texts of a file, unless an earlier attempt has; returns the stage table."""
    import ray
    from ray.data import SaveMode

    table = stage_table(run, FEATURES)
    if FEATURES in run.record.get("stages", []):
        return table
    storage.delete_folder(table)
    inputs = size_clip_pool(capacity, config)
    batches = -(-count // _BATCH)
    source, path = storage.resolve(texts)
    filesystem, written = storage.resolve(table)
    with pass_settings(None):
        rows = ray.data.read_parquet(path, filesystem=source).repartition(batches)
        few = replace(inputs, replicas=min(inputs.replicas, batches))
        through_clip(rows, SentenceFeatures, config, few, batch=_BATCH, model=model).write_parquet(
            written, filesystem=filesystem, mode=SaveMode.APPEND
        )
    run.save(stages=[*run.record.get("stages", []), FEATURES])
    return table


def read_texts(table: str, classes: int) -> tuple[TextFeatures, NDArray[np.bool_]]:
    """Read the features of all texts, in the order of their numbers.

    Args:
        table: the stage table.
        classes: N.

    Returns:
        Features in half precision, and labels, bool (n, N).
    """
    columns = ("text_id", "classes", "length", "whole", "tokens")
    parts: dict[str, list[Any]] = {name: [] for name in columns}
    for batch in batches_of(table, columns):
        lengths = batch.column("length").to_numpy()
        whole = batch.column("whole").flatten().to_numpy().reshape(len(lengths), -1)
        tokens = batch.column("tokens").flatten().to_numpy().reshape(-1, whole.shape[1])
        parts["text_id"].append(batch.column("text_id").to_numpy())
        parts["classes"] += batch.column("classes").to_pylist()
        parts["length"].append(lengths)
        parts["whole"].append(whole)
        parts["tokens"].append(tokens)
    order = np.argsort(np.concatenate(parts["text_id"]), kind="stable")
    lengths = np.concatenate(parts["length"])
    tokens = np.concatenate(parts["tokens"])
    starts = np.cumsum(lengths) - lengths
    places = [np.arange(starts[at], starts[at] + lengths[at]) for at in order]
    labels = np.zeros((len(order), classes), np.bool_)
    for row, at in enumerate(order):
        labels[row, parts["classes"][at]] = True
    features = TextFeatures(
        np.concatenate(parts["whole"])[order], tokens[np.concatenate(places)], lengths[order]
    )
    return features, labels
