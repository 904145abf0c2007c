"""Tables beside images and tars, joined to them for ``--keep-columns``.

Of img2dataset: ``00000.parquet`` beside ``00000.tar`` or the folder ``00000``, by the column
``key``. Of Hugging Face's image folders: ``metadata.parquet``, ``.csv`` or ``.jsonl`` in an image's
folder or one above, by the column ``file_name``, a path from there.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from actors import storage
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.kept import KeptColumns

_NAMES: Final = ("metadata.parquet", "metadata.csv", "metadata.jsonl")
_TABLES_HELD: Final = 8

Rows = dict[str, Mapping[str, Any]]


class Metadata:
    """The tables beside an archive's images; nothing is read unless columns are kept."""

    def __init__(self, kept: KeptColumns) -> None:
        """Keep what is wanted of them."""
        self._kept = kept
        self._held: dict[str, Rows | None] = {}
        self.joined = self.alone = 0

    def of_member(self, tar: str, member: str) -> dict[str, Any] | None:
        """What is kept of the row about a tar's member."""
        if not self._kept:
            return None
        rows = self._table(f"{tar.rpartition('.')[0]}.parquet", "key")
        return self._found((rows or {}).get(_stem(member)))

    def of_file(self, root: str, relative: str) -> dict[str, Any] | None:
        """What is kept of the row about a file of a folder.

        Args:
            root: the archive.
            relative: path of the file from there.
        """
        if not self._kept:
            return None
        return self._found(self._row_of_file(root, relative))

    def sentence(self) -> str:
        """How many images have no row, where some have one."""
        if not self._kept or not self.alone:
            return ""
        if not self.joined:
            return (
                "--keep-columns: no table beside the images tells of them (metadata.parquet, .csv "
                "or .jsonl with file_name, or img2dataset's NNNNN.parquet with key)"
            )
        return f"--keep-columns: {self.alone} images have no row in the tables beside them"

    def _found(self, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if row is None:
            self.alone += 1
            return None
        self.joined += 1
        return self._kept.of(row)

    def _row_of_file(self, root: str, relative: str) -> Mapping[str, Any] | None:
        names = relative.split("/")
        for depth in range(len(names) - 1, -1, -1):
            below = "/".join(names[depth:])
            folder = storage.join(root, *names[:depth]) if depth else root.rstrip("/")
            for name in _NAMES:
                rows = self._table(storage.join(folder, name), "file_name")
                if rows is not None and below in rows:
                    return rows[below]
        if len(names) > 1:
            above = storage.join(root, *names[:-1])
            rows = self._table(f"{above}.parquet", "key")
            return (rows or {}).get(_stem(names[-1]))
        return None

    def _table(self, uri: str, key: str) -> Rows | None:
        if uri not in self._held:
            if len(self._held) >= _TABLES_HELD * len(_NAMES):
                self._held.pop(next(iter(self._held)))
            self._held[uri] = self._read(uri, key) if storage.exists(uri) else None
        return self._held[uri]

    def _read(self, uri: str, key: str) -> Rows | None:
        try:
            table = _read_table(uri)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"--keep-columns: {uri} cannot be read: {one_line(error)}") from error
        if key not in table.column_names:
            return None
        self._kept.settle(uri, table.schema)
        wanted = dict.fromkeys([key, *self._kept.names_in(table.schema)])
        rows = table.select(list(wanted)).to_pylist()
        return {str(row[key]).removeprefix("./"): row for row in rows if row[key] is not None}


def _read_table(uri: str) -> pa.Table:
    data = io.BytesIO(storage.read_bytes(uri))
    if uri.endswith(".csv"):
        return pacsv.read_csv(data)
    if uri.endswith(".jsonl"):
        return pajson.read_json(data)
    return pq.ParquetFile(data).read()


def _stem(name: str) -> str:
    """The key of a sample, as WebDataset has it: its name up to the first dot."""
    return name.rpartition("/")[2].partition(".")[0]
