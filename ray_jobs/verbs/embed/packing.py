"""From the table that the pass wrote, a small file a block, to the files of the store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from actors.embedding_store import (
    embedding_schema,
    feature_column,
    parts_folder,
    rows_per_part,
    write_part,
)
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.stage_tables import stage_table

_READERS: Final = 16


def pack(run: RunFolder, stage: str, width: int, dtype: str) -> None:
    """Write the files of a store from a run's stage table, side by side on the cluster.

    An attempt that died is made again from the start: the stage table is there until the store is
    whole.
    """
    import ray

    storage.delete_folder(parts_folder(run.uri))
    table = stage_table(run, stage)
    write = ray.remote(pack_part)
    groups = groups_of_files(table, rows_per_part(width, dtype))
    ray.get(
        [write.remote(run.uri, number, files, width, dtype) for number, files in enumerate(groups)]
    )


def groups_of_files(folder: str, rows: int) -> Iterator[list[str]]:
    """Group a table's files, in order, into groups of at least so many rows."""
    filesystem, _ = storage.resolve(folder)
    files = storage.list_files(folder, ".parquet")

    def count(path: str) -> int:
        return int(pq.read_metadata(path, filesystem=filesystem).num_rows)

    group: list[str] = []
    held = 0
    with ThreadPoolExecutor(_READERS) as pool:
        for path, found in zip(files, pool.map(count, files), strict=True):
            if found:
                group.append(path)
                held += found
            if held >= rows:
                yield group
                group, held = [], 0
    if group:
        yield group


def pack_part(store: str, number: int, files: list[str], width: int, dtype: str) -> None:
    """Write one file of a store; runs as a Ray task."""
    filesystem, _ = storage.resolve(store)
    read = [pq.read_table(path, filesystem=filesystem, partitioning=None) for path in files]
    write_part(store, number, [as_embeddings(table, width, dtype) for table in read])


def as_embeddings(table: pa.Table, width: int, dtype: str) -> pa.Table:
    """Rows of `actors.clip.embeddings.EmbeddingRows` with their bytes as features."""
    whole = table.combine_chunks()
    cells = pa.concat_arrays(whole.column("feature").chunks)
    there = np.asarray(cells.is_valid())
    nothing = pa.scalar(bytes(cells.type.byte_width), cells.type)
    filled = cells.fill_null(nothing)
    size = cells.type.byte_width
    raw = np.frombuffer(filled.buffers()[1], np.uint8, len(filled) * size, filled.offset * size)
    features = raw.view(dtype).reshape(-1, width)
    at = whole.schema.get_field_index("feature")
    packed = whole.set_column(at, "feature", feature_column(features, there))
    schema = embedding_schema(width, dtype)
    return packed.select(schema.names).cast(schema)
