"""The ledger: every image is labelled or has an error, counted from what was written."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.compat.ray import is_committed
from methods.image_ids import IdFingerprint

if TYPE_CHECKING:
    from ray_jobs.pipelines.base import Counter

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Ledger:
    """What a labels table holds.

    Attributes:
        rows: rows in all.
        labelled: rows without an error.
        errors: rows with an error, by code.
        fingerprint: of the image ids, to compare with the manifest's.
    """

    rows: int
    labelled: int
    errors: dict[str, int]
    fingerprint: IdFingerprint

    def problem(self, images: int, fingerprint: IdFingerprint) -> str | None:
        """Say what does not add up against a manifest, or None when everything does."""
        if self.rows != images:
            kind = "too few" if self.rows < images else "too many"
            return f"{images} images in the manifest, {self.rows} rows in labels: {kind}"
        if self.labelled + sum(self.errors.values()) != self.rows:
            failed = sum(self.errors.values())
            return f"{self.labelled} labelled and {failed} errors are not {self.rows}"
        if self.fingerprint != fingerprint:
            return "as many rows as images, but not one row for each image"
        return None


def count_labels(labels: str) -> Ledger:
    """Count a labels table, streaming: memory does not grow with it."""
    rows, fingerprint, errors = 0, IdFingerprint(), Tally[str]()
    for batch in batches_of(labels, ("image_id", "error")):
        rows += batch.num_rows
        fingerprint = fingerprint.add(batch.column("image_id").to_numpy())
        _count(errors, batch.column("error"))
    return Ledger(rows, rows - errors.total(), dict(sorted(errors.items())), fingerprint)


def rows_committed(checkpoint: str) -> int:
    """Count the rows that a checkpoint of Ray Data knows to be finished."""
    filesystem, _ = storage.resolve(checkpoint)
    return sum(
        pq.ParquetFile(path, filesystem=filesystem).metadata.num_rows
        for path in storage.list_files(checkpoint, ".parquet")
        if is_committed(path)
    )


def ids_committed(checkpoint: str) -> NDArray[np.int64]:
    """Ids of the rows that a checkpoint of Ray Data knows to be finished, int64 (n,)."""
    filesystem, _ = storage.resolve(checkpoint)
    found = [
        pq.read_table(path, columns=["image_id"], filesystem=filesystem, partitioning=None)
        for path in storage.list_files(checkpoint, ".parquet")
        if is_committed(path)
    ]
    ids = [table.column("image_id").to_numpy() for table in found]
    return np.concatenate([np.zeros(0, np.int64), *ids])


def count_values(labels: str, column: str) -> dict[str, int]:
    """Count the values of one string column of a labels table, nulls aside, streaming."""
    counts = Tally[str]()
    for batch in batches_of(labels, (column,)):
        _count(counts, batch.column(column))
    return dict(counts)


def count_of(labels: str, counters: Iterable[Counter]) -> dict[str, Any]:
    """What the counters of a method find in a labels table, as ``run.json`` holds it."""
    found: dict[str, Any] = {}
    for counter in counters:
        parts = {}
        for name, column in counter.columns.items():
            counts = count_values(labels, column)
            parts[name] = {value: counts.get(value, 0) for value in counter.meanings or counts}
        found[counter.key] = parts[""] if set(parts) == {""} else parts
    return found


def image_ids_of(folder: str) -> NDArray[np.int64]:
    """Images with a row in a table of a run: int64 (n,), in no order."""
    found = [batch.column(0).to_numpy() for batch in batches_of(folder, ("image_id",))]
    return np.concatenate([np.zeros(0, np.int64), *found])


def batches_of(folder: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a folder's Parquet files; files of empty blocks may have none."""
    filesystem, _ = storage.resolve(folder)
    for path in storage.list_files(folder, ".parquet"):
        with pq.ParquetFile(path, filesystem=filesystem) as file:
            if file.metadata.num_rows:
                yield from file.iter_batches(_ROWS_AT_ONCE, columns=list(columns))


def _count(counts: Tally[str], values: pa.Array) -> None:
    for item in pc.value_counts(values.drop_null()).to_pylist():
        counts[item["values"]] += item["counts"]
