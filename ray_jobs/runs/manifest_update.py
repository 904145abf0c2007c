"""A manifest that grows with its archive: listed again, the images that are new are added.

New images get files of their own beside those that are there. An image that moved (a tar that was
packed again, a table with other row groups) has its row written over; one that has gone keeps it.
An id is never dropped, so whatever was labelled stays labelled, and the ledger adds up.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.storage.tables import write_table
from methods.errors import InputError
from methods.image_ids import IdFingerprint
from ray_jobs.runs.manifest import (
    empty_archive,
    listed_tables,
    manifest_files,
    read_manifest,
    write_files,
)
from ray_jobs.runs.sources.listing import list_images
from ray_jobs.runs.sources.table_columns import TableColumns

_PREFIX: Final = "update-"
_GATHERED: Final = 50_000
_WHERE: Final = ("uri", "member", "offset", "length", "column", "row_group", "row")


@dataclass(frozen=True)
class Extension:
    """What listing an archive again has found.

    Attributes:
        added: images that are new, written beside the others.
        fingerprint: of their ids.
        moved: images that are elsewhere than they were; their rows say so now.
        gone: images that are no longer listed.
        example: path of one of those; empty without one.
        skipped: what the listing left out, in words.
    """

    added: int
    fingerprint: IdFingerprint
    moved: int
    gone: int
    example: str
    skipped: str


@dataclass
class _Known:
    """The images of a manifest: sorted ids, where each is, and whether it was listed again."""

    ids: NDArray[np.int64]
    where: NDArray[np.int64]
    listed: NDArray[np.bool_]
    moved: list[pa.Table] = field(default_factory=list)

    @classmethod
    def of(cls, manifest: str) -> _Known:
        ids, where = array("q"), array("q")
        for table in read_manifest(manifest, ["image_id", *_WHERE]):
            ids.frombytes(table.column("image_id").to_numpy().tobytes())
            where.frombytes(_places(table).tobytes())
        given, places = np.frombuffer(ids, np.int64), np.frombuffer(where, np.int64)
        order = np.argsort(given)
        return cls(given[order], places[order], np.zeros(len(given), np.bool_))

    def take(self, table: pa.Table, source: str) -> pa.Table:
        """Mark the images of a listing that are known; returns the others."""
        ids = table.column("image_id").to_numpy()
        at = np.searchsorted(self.ids, ids)
        at[at == len(self.ids)] = 0
        known = self.ids[at] == ids
        hits = at[known]
        if self.listed[hits].any() or len(np.unique(hits)) != len(hits):
            twice = table.column("path")[int(np.flatnonzero(known)[0])].as_py()
            raise InputError(
                f"--images {source}: an image is listed twice, near {twice!r}; every image needs a "
                "path or key of its own"
            )
        self.listed[hits] = True
        moved = known & (self.where[at] != _places(table))
        if moved.any():
            self.moved.append(table.filter(pa.array(moved)))
        return table.filter(pa.array(~known))


def extend_manifest(
    source: str, manifest: str, number: int, columns: TableColumns | None = None
) -> Extension:
    """List an archive again and write what is new beside the manifest that there is.

    Args:
        source: what ``--images`` takes.
        manifest: folder of the manifest.
        number: of the update, from 1; it names the files.
        columns: of tables, those that the user names.

    Raises:
        InputError: the archive is not there, is empty, or two of its images have one id.
    """
    forget_updates(manifest, number - 1)
    known, listing = _Known.of(manifest), list_images(source, columns)
    ids: array[int] = array("q")
    listed = 0

    def new() -> Iterator[pa.Table]:
        nonlocal listed
        for table in listed_tables(listing):
            listed += table.num_rows
            if (rest := known.take(table, source)).num_rows:
                yield rest

    write_files(manifest, _gathered(new()), ids, f"{_PREFIX}{number:04d}-part")
    if not listed:
        raise InputError(empty_archive(source, listing))
    added = np.frombuffer(ids, np.int64)
    if len(np.unique(added)) != len(added):
        forget_updates(manifest, number - 1)
        raise InputError(
            f"--images {source}: an image is listed twice; every image needs a path or key of its "
            "own"
        )
    moved = sum(table.num_rows for table in known.moved)
    if moved:
        _rewrite(manifest, pa.concat_tables(known.moved, promote_options="default"))
    gone = known.ids[~known.listed]
    return Extension(
        len(added),
        IdFingerprint().add(added),
        moved,
        len(gone),
        _path_of(manifest, int(gone[0])) if len(gone) else "",
        listing.skipped.sentence(),
    )


def forget_updates(manifest: str, last: int) -> None:
    """Delete the files of updates after the last that counts: one died while it listed."""
    filesystem, _ = storage.resolve(manifest)
    for path in storage.list_files(manifest, ".parquet"):
        name = path.rpartition("/")[2]
        if name.startswith(_PREFIX) and int(name.removeprefix(_PREFIX).partition("-")[0]) > last:
            filesystem.delete_file(path)


def _places(table: pa.Table) -> NDArray[np.int64]:
    """A hash of where each image is, of use in this process only."""
    columns = [table.column(name).to_pylist() for name in _WHERE]
    return np.fromiter(map(hash, zip(*columns, strict=True)), np.int64, table.num_rows)


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Small tables put together, to some 50,000 rows each."""
    kept: list[pa.Table] = []
    for table in tables:
        kept.append(table)
        if sum(each.num_rows for each in kept) >= _GATHERED:
            yield pa.concat_tables(kept, promote_options="default")
            kept = []
    if kept:
        yield pa.concat_tables(kept, promote_options="default")


def _rewrite(manifest: str, moved: pa.Table) -> None:
    """Write the rows of images that moved over those that there are, file by file."""
    ids = moved.column("image_id").to_numpy()
    order = np.argsort(ids)
    filesystem, _ = storage.resolve(manifest)
    for path in manifest_files(manifest):
        table = pq.read_table(path, filesystem=filesystem, partitioning=None)
        own = table.column("image_id").to_numpy()
        at = np.searchsorted(ids[order], own)
        at[at == len(ids)] = 0
        hit = ids[order][at] == own
        if hit.any():
            kept = table.filter(pa.array(~hit))
            write_table(
                storage.join(manifest, path.rpartition("/")[2]),
                pa.concat_tables(
                    [kept, moved.take(pa.array(order[at[hit]]))], promote_options="default"
                ),
            )


def _path_of(manifest: str, image: int) -> str:
    for table in read_manifest(manifest, ["image_id", "path"]):
        rows: Any = np.flatnonzero(table.column("image_id").to_numpy() == image)
        if len(rows):
            return str(table.column("path")[int(rows[0])].as_py())
    return ""
