"""The pass that encodes sentences, and reading what it wrote."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors import storage
from actors.clip.model import ClipModel
from actors.labels.data_free import SentenceFeatures
from methods.data_free.text_features import TextFeatures
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.steps import clip, items
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table

FEATURES = "features"
"""Name of the stage."""

_BATCH = 256


def encode_texts(job: Job, model: ClipModel, texts: str, count: int) -> str:
    """Encode the texts of a file, unless an earlier attempt has; returns the stage table.

    Args:
        job: the fit.
        model: encodes.
        texts: Parquet file of the texts.
        count: of the texts.
    """
    batches = -(-count // _BATCH)
    encode = clip(SentenceFeatures, model, batch=_BATCH, most_replicas=batches, keeps_images=False)
    run_pass(job, Pass(FEATURES, items(partial(_dataset, texts, batches)) >> encode))
    return stage_table(job.run, FEATURES)


def _dataset(texts: str, batches: int) -> Any:
    import ray

    filesystem, path = storage.resolve(texts)
    rows = ray.data.read_parquet(
        path, filesystem=filesystem, partitioning=None, file_extensions=None
    )
    return rows.repartition(batches)


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
