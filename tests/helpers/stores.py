"""Embedding stores without a job: of given features, or of pictures through the built-in CLIP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.model import resolve_clip
from actors.embedding_store import (
    EmbeddingStore,
    embedding_schema,
    feature_column,
    open_store,
    write_part,
    write_record,
)
from methods.image_ids import image_id
from ray_jobs.runs.manifest import MANIFEST_SCHEMA

READING = {
    "max_bytes": 268435456,
    "max_pixels": 120000000,
    "exact_decode": False,
    "as_stored": False,
}


def unit(rows: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Random unit features."""
    found = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def store_table(
    features: NDArray[Any],
    root: str = "/archive",
    errors: dict[int, str] | None = None,
    ending: str = ".jpg",
) -> pa.Table:
    """Rows of a store: image 7 is ``7.jpg`` below the root; errors by number."""
    errors, count = errors or {}, len(features)
    paths = [f"{number}{ending}" for number in range(count)]
    there = np.array([number not in errors for number in range(count)])
    return pa.table(
        {
            "image_id": [image_id(path) for path in paths],
            "path": paths,
            "uri": [f"{root}/{path}" for path in paths],
            "digest": pa.array([bytes(16)] * count, pa.binary(16)),
            "feature": feature_column(features, there),
            "error": pa.array([errors.get(number) for number in range(count)], pa.string()),
            "error_detail": pa.array([errors.get(number) for number in range(count)], pa.string()),
        },
        schema=embedding_schema(features.shape[1], str(features.dtype)),
    )


def make_store(folder: Path, *tables: pa.Table, clip: dict[str, Any] | None = None) -> str:
    """Write a whole store, a file a table, as one of the built-in CLIP unless told otherwise."""
    for number, table in enumerate(tables):
        write_part(str(folder), number, [table])
    kind = tables[0].schema.field("feature").type
    rows = sum(table.num_rows for table in tables)
    failed = sum(table.num_rows - table.column("error").null_count for table in tables)
    record = {
        "clip": clip or {**resolve_clip("fieldguide").record(), "embed_dim": kind.list_size},
        "dimension": kind.list_size,
        "dtype": "float16" if pa.types.is_float16(kind.value_type) else "float32",
        "precision": "auto",
        "reading": READING,
        "archive": "/archive",
        "images": rows,
        "count": rows - failed,
        "errors": {},
    }
    write_record(str(folder), record)
    return str(folder)


def opened(folder: Path, *tables: pa.Table) -> EmbeddingStore:
    """The same, opened."""
    return open_store(make_store(folder, *tables))


def manifest_of(table: pa.Table) -> pa.Table:
    """The manifest of a store's rows."""
    names = ("image_id", "path", "uri")
    nothing = {
        field.name: pa.nulls(table.num_rows, field.type)
        for field in MANIFEST_SCHEMA
        if field.name not in names
    }
    columns = {**{name: table.column(name) for name in names}, **nothing}
    return pa.table({name: columns[name] for name in MANIFEST_SCHEMA.names}, schema=MANIFEST_SCHEMA)
