"""Rows of a table that are there twice, and what a checkpoint says that its table does not hold.

Two jobs that wrote to one folder left every row twice, and no ledger can add up again. Which row of
an image stays is decided by what is there alone: one without an error before one with an error,
then the first by name of file and place in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.compat.ray import PENDING, is_committed

ID: Final = "image_id"
_PARTIAL: Final = ".repairing"

Ids = NDArray[np.int64]


@dataclass
class TableState:
    """What is wrong with a table, and with the checkpoint that says which of its rows are done.

    Attributes:
        folder: of the table.
        checkpoint: its folder.
        files: of the table, without those that a resumed pass deletes.
        by_image: whether its rows are images; else they are texts, once each.
        keep: of each file the rows that stay, as a boolean array.
        ids: those of the rows that stay, sorted; empty for a table that is not by image.
        doubled: rows that are there once more.
        strange: rows of images that the manifest does not list.
        unreadable: files that were cut.
        undone: rows that the checkpoint knows and the table has not, or counts twice.
    """

    folder: str
    checkpoint: str
    files: list[str] = field(default_factory=list)
    by_image: bool = True
    keep: list[NDArray[np.bool_]] = field(default_factory=list)
    ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    doubled: int = 0
    strange: int = 0
    unreadable: list[str] = field(default_factory=list)
    undone: int = 0

    @property
    def whole(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.doubled or self.strange or self.unreadable or self.undone)


def look_at(folder: str, checkpoint: str, images: Ids | None = None) -> TableState:
    """Find out what is wrong with a table; nothing is changed.

    Args:
        folder: of the table.
        checkpoint: of the pass that writes it.
        images: ids that it may have, all by default.
    """
    state = TableState(folder, checkpoint)
    filesystem, _ = storage.resolve(folder)
    cut = tuple(_pending(checkpoint))
    keys: list[Any] = []
    failed: list[NDArray[np.bool_]] = []
    for path in storage.list_files(folder, ".parquet"):
        if cut and os.path.basename(path).startswith(cut):
            continue  # a resumed pass deletes it, and does its rows again
        try:
            with pq.ParquetFile(path, filesystem=filesystem) as file:
                if not file.metadata.num_rows:
                    continue
                state.by_image = ID in file.schema_arrow.names
                key = ID if state.by_image else file.schema_arrow.names[0]
                wanted = [name for name in (key, "error") if name in file.schema_arrow.names]
                table = file.read(columns=wanted)
        except (pa.ArrowInvalid, EOFError):
            state.unreadable.append(path)
            continue
        state.files.append(path)
        keys.append(table.column(key).combine_chunks())
        has = "error" in wanted
        failed.append(_valid(table.column("error")) if has else np.zeros(table.num_rows, np.bool_))
    if state.files:
        _choose(state, keys, failed, images)
    if state.by_image:
        done = _committed(checkpoint)
        state.undone = len(done) - len(np.intersect1d(done, state.ids))
    return state


def _choose(
    state: TableState,
    keys: list[Any],
    failed: list[NDArray[np.bool_]],
    images: Ids | None,
) -> None:
    """Say of every row whether it stays."""
    if state.by_image:
        values = np.concatenate([each.to_numpy() for each in keys])
    else:
        texts = pa.chunked_array(keys).combine_chunks()
        values = pc.dictionary_encode(texts, null_encoding="encode").indices.to_numpy()
    known = np.ones(len(values), np.bool_)
    if images is not None and state.by_image:
        known = np.isin(values, images)
    order = np.lexsort((np.arange(len(values)), np.concatenate(failed), ~known, values))
    first = np.ones(len(values), np.bool_)
    first[1:] = values[order][1:] != values[order][:-1]
    keep = np.zeros(len(values), np.bool_)
    keep[order[first]] = True
    state.strange = int((~known).sum())
    keep &= known
    state.doubled = int(len(values) - keep.sum()) - state.strange
    state.keep = np.split(keep, np.cumsum([len(each) for each in keys])[:-1])
    if state.by_image:
        state.ids = np.sort(values[keep])


def mend(state: TableState) -> None:
    """Make a table whole: one row of each image, and a checkpoint that knows exactly these.

    It may be interrupted anywhere and done again.
    """
    filesystem, _ = storage.resolve(state.folder)
    cut = _pending(state.checkpoint)
    files = storage.list_files(state.folder, ".parquet")
    unfinished = [path for path in files if os.path.basename(path).startswith((*cut, "\0"))]
    for path in [*unfinished, *state.unreadable, *cut.values()]:
        filesystem.delete_file(path)
    for path, keep in zip(state.files, state.keep, strict=True):
        if not keep.any():
            filesystem.delete_file(path)
        elif not keep.all():
            table = pq.read_table(path, filesystem=filesystem, partitioning=None)
            _replace(table.filter(pa.array(keep)), path, filesystem)
    if state.by_image:
        _commit(state, filesystem)


def _commit(state: TableState, filesystem: Any) -> None:
    """Have the checkpoint know the rows that are there."""
    old = [path for path in storage.list_files(state.checkpoint, ".parquet") if is_committed(path)]
    if len(state.ids):
        path = storage.join(storage.resolve(state.checkpoint)[1], "repaired.parquet")
        if storage.is_local(state.checkpoint):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        _replace(pa.table({ID: state.ids}), path, filesystem)
        old = [each for each in old if each != path]
    for each in old:
        filesystem.delete_file(each)


def _replace(table: pa.Table, path: str, filesystem: Any) -> None:
    """Write a file in place of another, whole or not at all."""
    if filesystem.type_name != "local":
        pq.write_table(table, path, filesystem=filesystem)
        return
    pq.write_table(table, path + _PARTIAL, filesystem=filesystem)
    os.replace(path + _PARTIAL, path)


def _pending(checkpoint: str) -> dict[str, str]:
    """Files of a checkpoint that were not committed, by the name that their table's files have."""
    found = {}
    for path in storage.list_files(checkpoint, PENDING):
        found[os.path.basename(path)[: -len(PENDING)]] = path
    return found


def _committed(checkpoint: str) -> Ids:
    """Ids that a checkpoint knows, as often as it does."""
    filesystem, _ = storage.resolve(checkpoint)
    return _joined(
        pq.read_table(path, columns=[ID], filesystem=filesystem, partitioning=None)
        for path in storage.list_files(checkpoint, ".parquet")
        if is_committed(path)
    )


def _joined(tables: Iterable[pa.Table]) -> Ids:
    arrays = [table.column(ID).to_numpy() for table in tables]
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


def _valid(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return pc.is_valid(column).to_numpy()


def ids_of(folder: str) -> Ids:
    """The image ids of a folder's Parquet files, in order."""
    filesystem, _ = storage.resolve(folder)
    return _joined(
        pq.read_table(path, columns=[ID], filesystem=filesystem, partitioning=None)
        for path in storage.list_files(folder, ".parquet")
    )
