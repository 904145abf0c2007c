"""From manifest rows to encoded bytes: each row gets its bytes or an error code.

Bytes come from a file or object (``uri``), from a byte range of one (``offset``, ``length``:
members of a tar) or from a cell of a Parquet file (``row_group``, ``row``, ``column``). This stage
replaces Ray Data's ``download`` expression because that gives null for every failure and loses the
reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from actors.embedding_store import STORED, stored_rows
from actors.images.errors import ImageError
from actors.images.limits import DEFAULT_MAX_BYTES
from actors.images.web import read_address
from actors.images.web_requests import is_web
from actors.s3_settings import set_words
from actors.stage import RowErrors, stage
from actors.storage.s3 import read_objects, why
from methods.errors import InputError

_REMOTE_THREADS = 16


def fetch_bytes(row: Mapping[str, Any], max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """Read the encoded image of one manifest row.

    Raises:
        ImageError: with code missing, no_permission, not_a_file, empty_file, too_many_bytes or
            storage_error.
    """
    uri = row["uri"]
    if not uri:
        raise ImageError("missing", "the table gives no address")
    with _told(uri):
        if row.get("row_group") is not None:
            data = _parquet_cell(uri, row["column"], row["row_group"], row["row"], max_bytes)
        elif row.get("offset") is not None:
            data = _byte_range(uri, row["offset"], row["length"], max_bytes)
        elif storage.is_local(uri):
            data = _local_file(storage.local_path(uri), max_bytes)
        else:
            data = _remote_file(uri, max_bytes)
    if not data:
        raise ImageError("empty_file", "the file has no bytes")
    return data


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Whatever a storage raises as an `ImageError`."""
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError("missing", f"nothing at {uri}") from error
    except PermissionError as error:
        raise ImageError("no_permission", f"{uri} may not be read") from error
    except IsADirectoryError as error:
        raise ImageError("not_a_file", f"{uri} is a directory") from error
    except Exception as error:  # any storage client may raise anything: a row, not a crash
        raise _storage_failure(uri, error) from error


def _storage_failure(uri: str, error: Exception) -> ImageError:
    text = " ".join(str(error).split()) or type(error).__name__
    if "ACCESS_DENIED" in text or "AccessDenied" in text or "Forbidden" in text:
        return ImageError("no_permission", f"{uri}: {text}")
    if "NoSuchBucket" in text or "NO_SUCH_BUCKET" in text or "NoSuchKey" in text:
        return ImageError("missing", f"{uri}: {text}")
    return ImageError("storage_error", f"{uri}: {type(error).__name__}: {text}")


def _check_size(size: int | None, max_bytes: int) -> None:
    if size is not None and size > max_bytes:
        raise ImageError("too_many_bytes", f"{size} bytes; the limit is {max_bytes}")


def _local_file(path: str, max_bytes: int) -> bytes:
    status = os.stat(path)  # before open: opening a pipe would wait for ever
    if not stat.S_ISREG(status.st_mode):
        kind = "directory" if stat.S_ISDIR(status.st_mode) else "special file"
        raise ImageError("not_a_file", f"{path} is a {kind}")
    _check_size(status.st_size, max_bytes)
    with open(path, "rb") as file:
        return file.read()


def _remote_file(uri: str, max_bytes: int) -> bytes:
    if is_web(uri):
        return read_address(uri, max_bytes)
    filesystem, path = storage.resolve(uri)
    with filesystem.open_input_file(path) as file:
        _check_size(file.size(), max_bytes)
        return bytes(file.read())


def _byte_range(uri: str, offset: int, length: int, max_bytes: int) -> bytes:
    if length < 0:
        raise ImageError("not_a_file", "the archive's member is no regular file")
    _check_size(length, max_bytes)
    data = bytes(_open_archive(uri).read_at(length, offset))
    if len(data) < length:
        raise ImageError("truncated", f"{len(data)} of {length} bytes are in {uri}")
    return data


@lru_cache(maxsize=2)
def _open_archive(uri: str) -> pa.NativeFile:
    """Open a tar; it stays open, since opening asks a storage for its size before each image."""
    filesystem, path = storage.resolve(uri)
    return filesystem.open_input_file(path)


@lru_cache(maxsize=1)
def _parquet_column(uri: str, column: str, row_group: int) -> pa.ChunkedArray:
    """Read one column chunk; the last one stays, since a worker's rows come in file order."""
    filesystem, path = storage.resolve(uri)
    with pq.ParquetFile(path, filesystem=filesystem, pre_buffer=True) as file:
        table = file.read_row_group(row_group, columns=[column])
    return table.column(table.column_names[0])


def _parquet_cell(uri: str, column: str, row_group: int, row: int, max_bytes: int) -> bytes:
    cell = _parquet_column(uri, column, row_group)[row]
    data, address = _content(cell)
    if data is not None:
        _check_size(len(data), max_bytes)
        return data
    if not address:
        raise ImageError("missing", f"row {row} of row group {row_group} in {uri} is null")
    return fetch_bytes({"uri": storage.beside(uri, address)}, max_bytes)


def _content(cell: pa.Scalar) -> tuple[bytes | None, str | None]:
    """The bytes of a cell; where it has none but says where they are, that."""
    if isinstance(cell, pa.DictionaryScalar):
        cell = cell.value
    if not cell.is_valid:
        return None, None
    if isinstance(cell, pa.StructScalar):  # {bytes, path}, as Hugging Face data sets write images
        data, _ = _content(cell["bytes"])
        path = cell["path"].as_py() if "path" in cell else None
        return data, path if isinstance(path, str) else None
    if isinstance(cell, pa.ListScalar):
        values = cell.values
        if values.null_count:
            raise ImageError("corrupt", "a byte of the list is null")
        return values.to_numpy().tobytes(), None
    return bytes(cell.as_buffer()), None


def _is_of_s3fs(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a batch is of whole objects of one bucket that s3fs asks."""
    if not rows or any(
        row.get("row_group") is not None or row.get("offset") is not None or not row["uri"]
        for row in rows
    ):
        return False
    uris = [row["uri"] for row in rows]
    return (
        all(storage.is_s3(uri) for uri in uris)
        and len({storage.bucket_of(uri) for uri in uris}) == 1
        and storage.reads_by_s3fs(uris[0])
    )


def _s3_objects(
    rows: Sequence[Mapping[str, Any]],
    max_bytes: int,
) -> list[bytes | ImageError | None]:
    """Read whole objects at once; a row that comes with an error is not read."""
    wanted = [at for at, row in enumerate(rows) if row.get("error") is None]
    results: list[bytes | ImageError | None] = [None] * len(rows)
    paths = [rows[at]["uri"].partition("://")[2] for at in wanted]
    try:
        found = read_objects(storage.s3fs_of(rows[0]["uri"]), paths, max_bytes)
    except InputError:
        raise
    except Exception as error:  # what holds for all of them, such as no credentials
        found = [error] * len(wanted)
    for at, each in zip(wanted, found, strict=True):
        uri = rows[at]["uri"]
        if isinstance(each, FileNotFoundError):
            results[at] = ImageError("missing", f"nothing at {uri}")
        elif isinstance(each, PermissionError):
            results[at] = ImageError("no_permission", f"{uri}: {why(each, storage.bucket_of(uri))}")
        elif isinstance(each, Exception):
            results[at] = _storage_failure(uri, each)
        elif not each:
            results[at] = ImageError("empty_file", "the file has no bytes")
        elif len(each) > max_bytes:
            results[at] = ImageError("too_many_bytes", f"more bytes than the limit, {max_bytes}")
        else:
            results[at] = each
    return results


def _rows_to_read(batch: pa.Table) -> list[dict[str, Any]]:
    """The rows as dicts, with an ``error`` where there is nothing to read."""
    stored = stored_rows(batch)
    if STORED in batch.column_names:
        batch = batch.drop_columns([STORED])  # thousands of numbers a row
    rows: list[dict[str, Any]] = batch.to_pylist()
    for at in stored.nonzero()[0].tolist():
        rows[at]["error"] = STORED
    return rows


def _of_one_chunk(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows, those together whose images are in one column chunk of a Parquet file."""

    def chunk(row: dict[str, Any]) -> tuple[Any, ...]:
        group = row.get("row_group")
        return () if group is None else (row["uri"], row["column"], group)

    for _, group in groupby(rows, chunk):
        yield list(group)


def _loaded(row: Mapping[str, Any]) -> ImageError | None:
    """Read the column chunk of a row once, before threads that would each read all of it ask for
    their cells; returns why it cannot be read, and nothing for a row that has none."""
    if row.get("row_group") is None or not row.get("uri"):
        return None
    try:
        with _told(row["uri"]):
            _parquet_column(row["uri"], row["column"], row["row_group"])
    except ImageError as error:
        return error
    return None


@stage("fetch", ("bytes", "error", "error_detail"))
def fetch(batch: pa.Table, max_bytes: int = DEFAULT_MAX_BYTES, s3: str | None = None) -> pa.Table:
    """Map a manifest batch to an image table batch of the same rows in the same order.

    Columns out: those that come, ``bytes`` (large_binary, null with an error), ``error`` and
    ``error_detail``. A row that comes with an error keeps it and is not read again; nor is one read
    that brings a stored feature. Remote objects
    are read by several threads, or by s3fs all at once; local files one after another. ``s3`` is
    how S3 is asked (`actors.s3_settings.current_words` of the driver); with None, as this process
    is set.
    """
    if s3 is not None:
        set_words(s3)

    def one(row: Mapping[str, Any]) -> bytes | ImageError | None:
        if row.get("error") is not None:
            return None
        try:
            return fetch_bytes(row, max_bytes)
        except ImageError as error:
            return error

    rows = _rows_to_read(batch)
    results: list[bytes | ImageError | None] = []
    if _is_of_s3fs(rows):
        results = _s3_objects(rows, max_bytes)
    elif any(not storage.is_local(row["uri"]) for row in rows):
        with ThreadPoolExecutor(_REMOTE_THREADS) as pool:
            for group in _of_one_chunk(rows):
                failed = _loaded(next((row for row in group if row.get("error") is None), {}))
                if failed is None:
                    results += pool.map(one, group)
                else:
                    results += [failed if row.get("error") is None else None for row in group]
    else:
        results = [one(row) for row in rows]
    errors = RowErrors.of(batch)
    data: list[bytes | None] = [None] * batch.num_rows
    for row, found in enumerate(results):
        if isinstance(found, ImageError):
            errors.fail(row, found)
        else:
            data[row] = found
    cells = pa.array(data, pa.large_binary())
    if "bytes" in batch.column_names:
        batch = batch.drop_columns(["bytes"])
    return errors.onto(batch.append_column("bytes", cells))
