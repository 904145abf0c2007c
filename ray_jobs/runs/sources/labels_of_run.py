"""The labels table of a run as an archive: where its images are is in the manifest beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from methods.errors import InputError
from ray_jobs.runs.sources.kept import KeptColumns
from ray_jobs.runs.sources.rows import ManifestRow
from ray_jobs.runs.sources.table_columns import is_manifest

_PLACES: Final = ("member", "offset", "length", "column", "row_group", "row")
_ROWS_AT_ONCE: Final = 65536


def is_labels(schema: pa.Schema) -> bool:
    """Whether a table is one of labels: it knows its images, and not where in a tar they lie."""
    return (
        is_manifest(schema)
        and {"method", "error", "error_detail"} <= set(schema.names)
        and "offset" not in schema.names
    )


def joined(files: Sequence[tuple[str, str]], kept: KeptColumns) -> Iterator[ManifestRow]:
    """The manifest's rows of the images in files of a labels table, in the manifest's order.

    Images that the manifest does not have, or all where there is none, come as the labels have
    them.

    Raises:
        InputError: an image is in a tar or a table, and no manifest says where.
    """
    from ray_jobs.runs.sources.tables import manifest_row

    ids = [
        batch.column("image_id").to_numpy(zero_copy_only=False)
        for _, uri in files
        for batch in _batches(uri, ["image_id"])
    ]
    wanted = np.unique(np.concatenate(ids)) if ids else np.empty(0, np.int64)
    found = []
    for uri in _manifest_files(files[0][1]):
        for batch in _batches(uri, ["image_id", "path", "uri", *_PLACES]):
            mask = np.isin(batch.column("image_id").to_numpy(), wanted)
            rows = batch.filter(pa.array(mask))
            found.append(rows.column("image_id").to_numpy())
            for row in rows.to_pylist():
                yield manifest_row(row, "", uri, kept)
    missing = np.setdiff1d(wanted, np.concatenate(found)) if found else wanted
    if not len(missing):
        return
    for _, uri in files:
        for batch in _batches(uri, ["image_id", "path", "uri"]):
            mask = np.isin(batch.column("image_id").to_numpy(zero_copy_only=False), missing)
            for row in batch.filter(pa.array(mask)).to_pylist():
                yield manifest_row(row, "", uri, kept)


def _manifest_files(labels_file: str) -> list[str]:
    """The files of the manifest beside the folder of a labels table; none where there is none."""
    local = storage.is_local(labels_file)
    place = storage.local_path(labels_file) if local else labels_file
    folder, _, _ = place.rpartition("/")
    manifest = f"{folder.rpartition('/')[0]}/manifest"
    scheme = "" if local else f"{storage.scheme_of(labels_file)}://"
    return [
        storage.local_uri(path) if local else scheme + path
        for path in storage.list_files(manifest, ".parquet")
    ]


def _batches(uri: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    filesystem, path = storage.resolve(uri)
    with pq.ParquetFile(path, filesystem=filesystem) as file:
        if not file.metadata.num_rows:  # files of empty blocks may have no columns
            return
        if missing := [name for name in columns if name not in file.schema_arrow.names]:
            raise InputError(f"--images {uri}: it lacks {', '.join(missing)}")
        yield from file.iter_batches(_ROWS_AT_ONCE, columns=columns)
