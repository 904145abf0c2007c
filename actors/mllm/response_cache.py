"""The response cache: what models said, kept for every later run that asks the same thing.

``CACHE/<query>/`` holds the responses to one query, that is everything in its
`actors.mllm.query.Query.cache_identity`; ``query.json`` says in words which. Its Parquet files hold
``key, answer, finish_reason, prompt_tokens, output_tokens``, where the key is a hash of what the
prompt was asked about: the encoded bytes of an image, or a text.

Files are written once, under names that no two writers share, and never changed: jobs that write at
the same time only add files. To find responses, the keys alone are read, sorted and kept in Ray's
object store (`KeyIndex`, 24 bytes a response); rows are read where they lie, and the driver sees
neither. Requests that failed are not kept, so that a later run asks again.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from actors import storage
from actors.storage.tables import write_table

KEY_BYTES = 16
RESPONSE_COLUMNS = ("answer", "finish_reason", "prompt_tokens", "output_tokens")
RESPONSES_SCHEMA = pa.schema(
    [
        ("key", pa.binary(KEY_BYTES)),
        ("answer", pa.string()),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
    ]
)
_READERS = 16


def key_of(content: bytes) -> bytes:
    """The key of an image's encoded bytes or of a text's UTF-8: 16 bytes."""
    return xxhash.xxh3_128_digest(content)


def query_folder(root: str, identity: Mapping[str, Any]) -> str:
    """The folder of one query, by its cache identity."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False)
    return storage.join(root, xxhash.xxh3_128_hexdigest(text.encode()))


def open_query(root: str, identity: Mapping[str, Any]) -> str:
    """Make the folder of a query if it is new, with ``query.json`` in it; returns its URI."""
    folder = query_folder(root, identity)
    note = storage.join(folder, "query.json")
    if not storage.exists(note):
        text = json.dumps(identity, indent=1, sort_keys=True, ensure_ascii=False)
        storage.write_bytes(note, text.encode())
    return folder


def append(folder: str, responses: pa.Table) -> None:
    """Add responses (`RESPONSES_SCHEMA`) as a new file, sorted by key; later names sort later."""
    if not responses.num_rows:
        return
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}.parquet"
    write_table(
        storage.join(folder, name),
        responses.select(RESPONSES_SCHEMA.names).cast(RESPONSES_SCHEMA).sort_by("key"),
    )


@dataclass(frozen=True)
class KeyIndex:
    """Where the row of each key is, for a folder of Parquet files that have a column ``key``.

    Attributes:
        folder: URI of the folder.
        files: paths on its file system.
        keys: ``S16`` (n,), sorted, each once.
        file: int32 (n,), position in ``files``.
        row: int32 (n,), row in that file.
    """

    folder: str
    files: tuple[str, ...]
    keys: NDArray[np.bytes_]
    file: NDArray[np.int32]
    row: NDArray[np.int32]

    def find(self, keys: Sequence[bytes | None]) -> NDArray[np.int64]:
        """Return positions in this index, int64 (len(keys),), -1 for keys that are not there."""
        # no index holds the empty key
        asked = np.array([key or b"" for key in keys], dtype=f"S{KEY_BYTES}")
        found = np.full(len(asked), -1, np.int64)
        if len(self.keys) and len(asked):
            at = np.searchsorted(self.keys, asked)
            inside = at < len(self.keys)
            same = inside & (self.keys[np.where(inside, at, 0)] == asked)
            found[same] = at[same]
        return found

    def read(self, keys: Sequence[bytes | None], columns: Sequence[str]) -> pa.Table:
        """Return the rows of ``keys`` in their order, all null where a key is not there."""
        found = self.find(keys)
        hits = np.flatnonzero(found >= 0)
        pieces, order = [], []
        for number in np.unique(self.file[found[hits]]):
            mine = hits[self.file[found[hits]] == number]
            table = _file_rows(self.folder, self.files[number], tuple(columns))
            pieces.append(table.take(pa.array(self.row[found[mine]])))
            order.append(mine)
        if not pieces:
            return _nulls(self, len(keys), columns)
        place = np.full(len(keys), -1, np.int64)
        place[np.concatenate(order)] = np.arange(len(hits))
        return pa.concat_tables(pieces).take(pa.array(place, mask=place < 0))


@lru_cache(maxsize=16)
def _file_rows(folder: str, path: str, columns: tuple[str, ...]) -> pa.Table:
    """Read a file's columns; rows asked about together mostly lie together."""
    filesystem, _ = storage.resolve(folder)
    return pq.read_table(path, columns=list(columns), filesystem=filesystem, partitioning=None)


def _nulls(index: KeyIndex, count: int, columns: Sequence[str]) -> pa.Table:
    """A table of nulls with the types of the folder's files, else of `RESPONSES_SCHEMA`."""
    schema = RESPONSES_SCHEMA
    if index.files:
        filesystem, _ = storage.resolve(index.folder)
        schema = pq.read_schema(index.files[0], filesystem=filesystem)
    kinds = {name: schema.field(name).type for name in columns if name in schema.names}
    return pa.table({name: pa.nulls(count, kinds.get(name, pa.string())) for name in columns})


def index_keys(folder: str) -> KeyIndex:
    """Read the keys of a folder's files; of a key given twice, the first file's row counts."""
    filesystem, _ = storage.resolve(folder)
    paths = storage.list_files(folder, ".parquet")

    def keys_of(path: str) -> NDArray[np.bytes_]:
        column = pq.read_table(path, columns=["key"], filesystem=filesystem, partitioning=None)
        cells = column.column("key")
        flat = pc.fill_null(cells, bytes(KEY_BYTES)).combine_chunks()
        if isinstance(flat, pa.ChunkedArray):
            flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], cells.type)
        raw = flat.buffers()[1]
        start = flat.offset * KEY_BYTES
        return np.frombuffer(raw or b"", f"S{KEY_BYTES}", len(flat), start if len(flat) else 0)

    with ThreadPoolExecutor(_READERS) as pool:
        pieces = list(pool.map(keys_of, paths))
    counts = [len(piece) for piece in pieces]
    keys = np.concatenate([np.zeros(0, f"S{KEY_BYTES}"), *pieces])
    file = np.repeat(np.arange(len(paths), dtype=np.int32), counts)
    row = np.concatenate([np.zeros(0, np.int32), *(np.arange(n, dtype=np.int32) for n in counts)])
    unique, first = np.unique(keys, return_index=True)  # the first of each, files in order
    there = unique != b""
    return KeyIndex(folder, tuple(paths), unique[there], file[first][there], row[first][there])
