"""The manifest: the list of an archive's images as Parquet, with stable unique ids.

Every big job starts from it: only then can a resumed job skip finished images before a byte of them
is read.
"""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.kept import KEPT
from actors.storage.tables import write_table
from methods.errors import InputError
from methods.image_ids import IdFingerprint, image_id
from ray_jobs.runs.sources.listing import Listing, list_images
from ray_jobs.runs.sources.table_columns import TableColumns

logger = logging.getLogger(f"onoma.{__name__}")

MANIFEST_SCHEMA = pa.schema(
    [
        ("image_id", pa.int64()),
        ("path", pa.string()),
        ("uri", pa.string()),
        ("member", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("column", pa.string()),
        ("row_group", pa.int32()),
        ("row", pa.int64()),
    ]
)
_ROWS_AT_ONCE = 50_000
_ROWS_PER_FILE = 500_000


@dataclass(frozen=True)
class Manifest:
    """A written manifest: how many images, of which ids, and what the listing skipped."""

    images: int
    fingerprint: IdFingerprint
    kind: str
    skipped: str


Choose = Callable[[Iterator[pa.Table]], Iterator[pa.Table]]
"""Chooses among the rows of a listing, as tables of `MANIFEST_SCHEMA`."""


def write_manifest(
    source: str, out: str, choose: Choose = iter, columns: TableColumns | None = None
) -> Manifest:
    """List ``source`` and write its manifest.

    Args:
        source: what ``--images`` takes.
        out: a ``.parquet`` file, or a folder that gets files of at most 500,000 rows.
        choose: which of the images listed the manifest is to hold; all by default.
        columns: of tables, those that the user names.

    Raises:
        InputError: the archive is not there, is empty, or two of its images have one id.
    """
    listing = list_images(source, columns)
    ids: array[int] = array("q")
    write_files(out, choose(listed_tables(listing)), ids)
    if not ids:
        raise InputError(empty_archive(source, listing))
    values = np.frombuffer(ids, np.int64)
    if len(np.unique(values)) != len(values):
        _explain_collision(out, values, source, listing.hint())
    skipped = listing.skipped.sentence()
    if skipped:
        logger.warning("%s: %s", source, skipped)
    return Manifest(len(ids), IdFingerprint().add(values), listing.kind, skipped)


def write_files(out: str, tables: Iterator[pa.Table], ids: array[int], name: str = "part") -> None:
    """Write tables of `MANIFEST_SCHEMA` to files of at most 500,000 rows.

    Args:
        out: a ``.parquet`` file, which gets all, or a folder.
        tables: of at most 50,000 rows or little more.
        ids: gets the ids that were written.
        name: how the files of a folder begin.
    """
    single = out.endswith(".parquet")
    for number, each in enumerate(_files(tables, single=single)):
        target = out if single else storage.join(out, f"{name}-{number:05d}.parquet")
        _write_file(target, each, ids)


def empty_archive(source: str, listing: Listing) -> str:
    """The sentence on an archive without an image."""
    skipped = listing.skipped.sentence()
    return f"--images {source}: no images there" + (f"; {skipped}" if skipped else "")


def listed_tables(listing: Listing) -> Iterator[pa.Table]:
    """The rows of a listing as tables of `MANIFEST_SCHEMA` and what it keeps, with their ids."""
    iterator = iter(listing.rows)
    names = [name for name in MANIFEST_SCHEMA.names if name != "image_id"]
    while chunk := list(islice(iterator, _ROWS_AT_ONCE)):
        ids = [image_id(r.path) if r.image_id is None else r.image_id for r in chunk]
        columns = {"image_id": ids, **{n: [getattr(r, n) for r in chunk] for n in names}}
        table = pa.table(columns, schema=MANIFEST_SCHEMA)
        listing.kept.close()
        if listing.kept.fields:
            table = table.append_column(KEPT, listing.kept.array([r.kept for r in chunk]))
        yield table


def _files(tables: Iterator[pa.Table], *, single: bool) -> Iterator[Iterator[pa.Table]]:
    """Group tables into files; each inner iterator is used up before the next is taken."""
    per_file = None if single else _ROWS_PER_FILE // _ROWS_AT_ONCE
    while (first := next(tables, None)) is not None:
        rest = islice(tables, per_file - 1) if per_file else tables
        yield _chain(first, rest)


def _chain(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _write_file(target: str, tables: Iterator[pa.Table], ids: array[int]) -> None:
    filesystem, path = storage.resolve(target)
    if storage.is_local(target):
        filesystem.create_dir(path.rpartition("/")[0] or "/")
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, filesystem=filesystem) as writer:
        for table in _chain(first, tables):
            ids.frombytes(table.column("image_id").to_numpy().tobytes())
            writer.write_table(table, row_group_size=_ROWS_AT_ONCE)


def _explain_collision(out: str, ids: np.ndarray, source: str, hint: str) -> None:
    values, counts = np.unique(ids, return_counts=True)
    doubled = int(values[counts > 1][0])
    paths: list[str] = []
    for table in read_manifest(out, ["image_id", "path"]):
        mask = table.column("image_id").to_numpy() == doubled
        paths += [p for p, hit in zip(table.column("path").to_pylist(), mask, strict=True) if hit]
    path, often = Counter(paths).most_common(1)[0]
    if often > 1:
        total = int((counts - 1).sum())
        raise InputError(
            f"--images {source}: {path!r} is listed {often} times ({total} rows too many in all); "
            f"every image needs a path or key of its own{f'; {hint}' if hint else ''}"
        )
    raise InputError(f"--images {source}: {paths[0]!r} and {paths[1]!r} hash to one id; rename one")


def manifest_files(manifest: str) -> list[str]:
    """Return the Parquet files of a manifest (a file or a folder) as paths on its file system."""
    if manifest.endswith(".parquet"):
        return [storage.resolve(manifest)[1]]
    return storage.list_files(manifest, ".parquet")


def read_manifest(manifest: str, columns: list[str] | None) -> Iterator[pa.Table]:
    """Read a manifest batch by batch, all columns with None."""
    filesystem, _ = storage.resolve(manifest)
    for path in manifest_files(manifest):
        with pq.ParquetFile(path, filesystem=filesystem) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
                yield pa.Table.from_batches([batch])


def write_rows(manifest: str, path: str, image_ids: NDArray[np.int64]) -> None:
    """Write the rows of some images of a manifest as a manifest of their own."""
    wanted = pa.array(image_ids, pa.int64())
    tables = [
        table.filter(pc.is_in(table.column("image_id"), wanted))
        for table in read_manifest(manifest, None)
    ]
    write_table(path, pa.concat_tables(tables))
