"""Parquet: a ready manifest, a table of URIs, or a table that holds the encoded images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.rows import ManifestRow

KEY_COLUMNS: Final = ("path", "key", "__key__", "file_name", "filename", "id", "image_id", "name")
URI_COLUMNS: Final = ("uri", "url", "image_uri", "image_url", "image_path", "path")
BYTES_COLUMNS: Final = ("bytes", "image", "image_bytes", "jpg", "jpeg", "png", "webp", "content")
_MANIFEST_COLUMNS: Final = ("member", "offset", "length", "column", "row_group", "row")
_ROWS_AT_ONCE: Final = 65536


def tables(uris: Sequence[tuple[str, str]]) -> Iterator[ManifestRow]:
    """List the images of Parquet files, given as (relative name, uri).

    Raises:
        InputError: no Parquet, or no column that holds images or URIs.
    """
    for name, uri in uris:
        filesystem, path = storage.resolve(uri)
        try:
            with pq.ParquetFile(path, filesystem=filesystem) as file:
                yield from _one_table(file, name, uri, several=len(uris) > 1)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"--images {uri}: no readable Parquet: {one_line(error)}") from error


def _one_table(
    file: pq.ParquetFile, name: str, uri: str, *, several: bool
) -> Iterator[ManifestRow]:
    schema = file.schema_arrow
    if {"image_id", "path", "uri"} <= set(schema.names):
        yield from _manifest(file, name)
        return
    key = next((c for c in KEY_COLUMNS if c in schema.names and _is_key(schema, c)), None)
    images = next((c for c in BYTES_COLUMNS if c in schema.names and _is_bytes(schema, c)), None)
    if images:
        where = uri if not storage.is_local(uri) else storage.local_uri(storage.local_path(uri))
        # keys may repeat between files; a file's own name does not
        yield from _cells(file, where, key, images, f"{name}#", several)
        return
    column = next((c for c in URI_COLUMNS if c in schema.names and _is_text(schema, c)), None)
    if column is None:
        raise InputError(
            f"--images {uri}: no column with images ({', '.join(BYTES_COLUMNS)}) or URIs "
            f"({', '.join(URI_COLUMNS)}); it has {', '.join(schema.names)}"
        )
    columns = list(dict.fromkeys([key or column, column]))
    for number, row in enumerate(_rows(file, columns)):
        address = str(row[column] or "")
        named = row[columns[0]]
        path = str(named) if named not in (None, "") else address or f"{name}#{number}"
        yield ManifestRow(path, _target(address))


def _target(address: str) -> str:
    """The URI of an address; empty where a table has none, which is an error of that row."""
    if not address.strip():
        return ""
    if not storage.is_local(address) or address.startswith("file://"):
        return address
    return storage.local_uri(storage.local_path(address))


def _is_text(schema: pa.Schema, column: str) -> bool:
    kind = schema.field(column).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_key(schema: pa.Schema, column: str) -> bool:
    return _is_text(schema, column) or bool(pa.types.is_integer(schema.field(column).type))


def _is_bytes(schema: pa.Schema, column: str) -> bool:
    kind = schema.field(column).type
    if pa.types.is_struct(kind):  # {bytes, path}, as Hugging Face data sets write images
        names = [kind.field(i).name for i in range(kind.num_fields)]
        return "bytes" in names
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _rows(file: pq.ParquetFile, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
        yield from batch.to_pylist()


def _manifest(file: pq.ParquetFile, name: str) -> Iterator[ManifestRow]:
    extra = [column for column in _MANIFEST_COLUMNS if column in file.schema_arrow.names]
    for number, row in enumerate(_rows(file, ["image_id", "path", "uri", *extra])):
        row["uri"] = row["uri"] or ""
        row["path"] = row["path"] or row["uri"] or f"{name}#{number}"
        yield ManifestRow(**row)


def _cells(
    file: pq.ParquetFile, uri: str, key: str | None, column: str, prefix: str, several: bool
) -> Iterator[ManifestRow]:
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        keys: list[Any] = [None] * count
        if key:
            keys = file.read_row_group(group, columns=[key]).column(0).to_pylist()
        for row, value in enumerate(keys):
            nameless = value is None or value == ""
            path = f"{group}-{row}" if nameless else str(value)
            if nameless or (several and key not in ("path", "file_name", "filename")):
                path = prefix + path
            yield ManifestRow(path, uri, column=column, row_group=group, row=row)
