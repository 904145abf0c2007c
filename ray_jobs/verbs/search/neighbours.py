"""Near-duplicates and outliers of a store: columns that are computed once and kept beside it.

``DIR/neighbours/part-00000.parquet`` has a row for each image with a feature, ordered by path.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.embedding_store import EmbeddingStore, feature_array
from actors.storage.tables import write_table
from methods.nearest import find_neighbours
from ray_jobs.config import SearchConfig
from ray_jobs.verbs.search.query import encoded_rows

logger = logging.getLogger(f"onoma.{__name__}")

NEIGHBOURS_SCHEMA: Final = pa.schema(
    [
        ("image_id", pa.int64()),
        ("path", pa.string()),
        ("uri", pa.string()),
        ("nearest_id", pa.int64()),
        ("nearest_similarity", pa.float32()),
        ("duplicate_of", pa.int64()),
        ("duplicate_similarity", pa.float32()),
        ("outlier_score", pa.float32()),
    ]
)
"""The most similar other image and its cosine; of a near-duplicate the image that stands for it
and their cosine (null for others); 1 less the mean cosine of the ten nearest."""

_FOLDER: Final = "neighbours"
_RECORD: Final = "neighbours.json"
_LONG: Final = 50_000


def find_duplicates(store: EmbeddingStore, config: SearchConfig) -> dict[str, Any]:
    """The near-duplicates, most similar first, and how many there are in all."""
    table = neighbours_of(store, config.duplicate_similarity)
    found = table.filter(pc.is_valid(table.column("duplicate_of")))
    best = found.sort_by([("duplicate_similarity", "descending"), ("path", "ascending")])
    rows = best.slice(0, config.top).to_pylist()
    wanted = pa.array([row["duplicate_of"] for row in rows], pa.int64())
    stands = table.filter(pc.is_in(table.column("image_id"), value_set=wanted))
    paths = dict(
        zip(stands.column("image_id").to_pylist(), stands.column("path").to_pylist(), strict=True)
    )
    results = [
        {
            **_image(row),
            "similarity": round(row["duplicate_similarity"], 6),
            "duplicate_of": row["duplicate_of"],
            "duplicate_of_path": paths[row["duplicate_of"]],
        }
        for row in rows
    ]
    return {"duplicates": found.num_rows, "results": results}


def find_outliers(store: EmbeddingStore, config: SearchConfig) -> dict[str, Any]:
    """The images farthest from their nearest, farthest first."""
    table = neighbours_of(store, config.duplicate_similarity)
    far = table.filter(pc.is_finite(table.column("outlier_score")))
    rows = far.sort_by([("outlier_score", "descending"), ("path", "ascending")])
    return {
        "results": [
            {**_image(row), "outlier_score": round(row["outlier_score"], 6)}
            for row in rows.slice(0, config.top).to_pylist()
        ]
    }


def _image(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("image_id", "path", "uri")}


def neighbours_of(store: EmbeddingStore, threshold: float) -> pa.Table:
    """Read the neighbours of a store's images, or compute and keep them.

    Every pair of images is compared; features of all are held in memory in the store's dtype.
    """
    folder = storage.join(store.uri, _FOLDER)
    record = storage.join(folder, _RECORD)
    told = {"images": store.count, "duplicate_similarity": threshold, "of": store.record["clip"]}
    table_uri = storage.join(folder, "part-00000.parquet")
    if storage.exists(record) and json.loads(storage.read_bytes(record)) == told:
        return pq.read_table(pa.BufferReader(storage.read_bytes(table_uri)), partitioning=None)
    table = _compute(store, threshold)
    write_table(table_uri, table)
    storage.write_bytes(record, json.dumps(told, indent=1).encode())
    return table


def _compute(store: EmbeddingStore, threshold: float) -> pa.Table:
    import torch

    if store.count > _LONG:
        logger.info("comparing %d images with each other: every pair, once", store.count)
    images = pa.concat_tables(
        [
            pa.schema([NEIGHBOURS_SCHEMA.field(at) for at in range(3)]).empty_table(),
            *encoded_rows(store, ["image_id", "path", "uri"]),
        ]
    ).combine_chunks()
    order = np.asarray(pc.sort_indices(images, [("path", "ascending")]), np.int64)
    features = _features(store, order)
    found = find_neighbours(features, threshold, "cuda" if torch.cuda.is_available() else "cpu")
    rows = images.take(pa.array(order))
    ids = rows.column("image_id").to_numpy()
    return pa.table(
        {
            **{name: rows.column(name) for name in rows.column_names},
            "nearest_id": _ids_at(ids, found.nearest),
            "nearest_similarity": pa.array(found.similarity, mask=found.nearest < 0),
            "duplicate_of": _ids_at(ids, found.duplicate_of),
            "duplicate_similarity": _cosines(features, found.duplicate_of),
            "outlier_score": pa.array(found.outlier, mask=found.nearest < 0),
        },
        schema=NEIGHBOURS_SCHEMA,
    )


def _features(store: EmbeddingStore, order: NDArray[np.int64]) -> NDArray[Any]:
    """The features of all images in an order, (n, D) of the store's dtype."""
    features = np.zeros((len(order), store.width), store.dtype)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    start = 0
    for table in encoded_rows(store, ["feature"]):
        features[place[start : start + table.num_rows]] = feature_array(table.column("feature"))
        start += table.num_rows
    return features


def _ids_at(ids: NDArray[np.int64], numbers: NDArray[np.int64]) -> pa.Array:
    return pa.array(ids[np.maximum(numbers, 0)] if len(ids) else ids, mask=numbers < 0)


def _cosines(features: NDArray[Any], others: NDArray[np.int64]) -> pa.Array:
    """Cosine of each row and another, null without another."""
    values = np.zeros(len(others), np.float32)
    has = np.flatnonzero(others >= 0)
    if len(has):
        one, two = (features[at].astype(np.float32) for at in (has, others[has]))
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        values[has] = (one * two).sum(axis=1) / lengths
    return pa.array(values, mask=others < 0)
