"""Labels that are clusters, or the classes that their clusters are named by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.labels.table import IMAGE_COLUMNS, LABELS_SCHEMA
from actors.stage import RowErrors, stage
from methods.errors import RowError


@dataclass(frozen=True)
class Clustered:
    """Where each image of an archive is.

    Attributes:
        ids: of the images that have a feature, int64 (n,), ascending.
        clusters: theirs, int32 (n,).
        labels: of each cluster; None where it has no name.
        errors: of the other images, by id: code and detail.
    """

    ids: NDArray[np.int64]
    clusters: NDArray[np.int32]
    labels: Sequence[str | None]
    errors: Mapping[int, tuple[str, str]]


@stage("label", LABELS_SCHEMA)
def label_by_cluster(batch: pa.Table, clustered: ray.ObjectRef[Clustered], method: str) -> pa.Table:
    """Rows of the labels table from rows of the manifest.

    There is no score. An image whose cluster has no name is ``no_class``.

    Args:
        batch: with `IMAGE_COLUMNS`.
        clustered: where each image is.
        method: for the column of that name.
    """
    found: Clustered = ray.get(clustered)
    errors, ids = RowErrors.of(batch), batch.column("image_id").to_numpy()
    at = np.searchsorted(found.ids, ids)
    labels: list[str | None] = [None] * batch.num_rows
    for row, (image, place) in enumerate(zip(ids.tolist(), at.tolist(), strict=True)):
        if image in found.errors:
            errors.fail(row, RowError(*found.errors[image]))
            continue
        cluster = int(found.clusters[place])
        labels[row] = found.labels[cluster]
        if labels[row] is None:
            why = f"no image of its cluster, number {cluster + 1}, was given a class"
            errors.fail(row, RowError("no_class", why))
    return pa.table(
        {
            **{name: batch.column(name) for name in IMAGE_COLUMNS},
            "label": labels,
            "score": pa.nulls(batch.num_rows, pa.float32()),
            "top_labels": [[label] if label is not None else [] for label in labels],
            "top_scores": [[] for _ in labels],
            "method": [method] * batch.num_rows,
            **errors.columns(),
        },
        schema=LABELS_SCHEMA,
    )
