"""What a run left: rows committed, the ledger, the labels beside another run's, answers kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

FLOATS_WITHIN = 1e-5
"""Scores may differ by this: a resumed run makes other batches of the same images, and a matrix
product of another shape adds up in another order. Every other column must be equal."""


class Committed:
    """Counts the rows of local checkpoints; footers are read once, so that it is cheap to ask."""

    def __init__(self, run: Path, stage: str = "label") -> None:
        """Remember where: checkpoints of one stage of a run."""
        self._checkpoints, self._pattern = run / "checkpoint", f"{stage}-*/*.parquet"
        self._rows: dict[Path, int] = {}

    def rows(self) -> int:
        """Rows that are finished."""
        for file in self._checkpoints.glob(self._pattern):
            if file not in self._rows and not file.name.endswith(".pending.parquet"):
                self._rows[file] = pq.read_metadata(file).num_rows
        return sum(self._rows.values())

    def pending(self) -> int:
        """Rows of units that were being written: a checkpoint is there and not committed."""
        files = self._checkpoints.glob(self._pattern)
        return sum(_rows_or_none(f) for f in files if f.name.endswith(".pending.parquet"))

    def unit(self) -> int:
        """Rows of the largest unit so far."""
        return max(self._rows.values(), default=0)


def _rows_or_none(file: Path) -> int:
    try:
        return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowInvalid):  # committed meanwhile, or cut
        return 0


@dataclass(frozen=True)
class Place:
    """A folder on a file system.

    Attributes:
        path: without scheme.
        filesystem: the local one by default.
    """

    path: str
    filesystem: pafs.FileSystem = field(default_factory=pafs.LocalFileSystem)

    def __truediv__(self, name: str) -> Place:
        """What is in it."""
        return Place(f"{self.path}/{name}", self.filesystem)

    def files(self, suffix: str = ".parquet") -> list[str]:
        """Its files and those of its folders; none if it is not there."""
        selector = pafs.FileSelector(self.path, recursive=True, allow_not_found=True)
        infos = self.filesystem.get_file_info(selector)
        return sorted(i.path for i in infos if i.is_file and i.path.endswith(suffix))

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of its Parquet files; files of empty blocks may lack columns."""
        tables = []
        for path in self.files():
            with pq.ParquetFile(path, filesystem=self.filesystem) as file:
                if file.metadata.num_rows:
                    tables.append(file.read(columns=columns and list(columns)))
        return pa.concat_tables(tables) if tables else pa.table({})

    def record(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        with self.filesystem.open_input_stream(f"{self.path}/run.json") as file:
            return dict(json.loads(file.read()))


def ledger_problems(run: Place) -> list[str]:
    """What does not add up in a finished run; nothing when all does."""
    record, problems = run.record(), []
    labels = (run / "labels").table(["image_id", "error"])
    listed = np.sort((run / "manifest").table(["image_id"])["image_id"].to_numpy())
    written = np.sort(labels["image_id"].to_numpy()) if labels.num_rows else listed[:0]
    if record.get("state") != "finished":
        problems.append(f"run.json says {record.get('state')}")
    if not np.array_equal(listed, written):
        distinct = len(np.unique(written))
        problems.append(f"{len(listed)} images, {len(written)} rows, {distinct} distinct ids")
    said = record.get("labelled", 0) + sum(record.get("errors", {}).values())
    if not record.get("images") == said == len(written):
        problems.append(f"run.json: {record.get('images')} images, {said} rows; {len(written)}")
    if labels.num_rows and record.get("labelled") != labels["error"].null_count:
        problems.append(f"run.json: {record.get('labelled')} labelled")
    return problems


@dataclass(frozen=True)
class Comparison:
    """Two labels tables.

    Attributes:
        problems: columns that differ, and how; nothing when the tables are the same.
        difference: the largest of two floats at one place.
    """

    problems: list[str]
    difference: float


def compare(expected: Place, found: Place) -> Comparison:
    """Compare the labels tables of two runs: all rows by image id, all columns."""
    tables = [(run / "labels").table() for run in (expected, found)]
    if any(not table.num_rows for table in tables) or tables[0].schema != tables[1].schema:
        return Comparison(["other columns, or no rows"], 0.0)
    first, second = (table.sort_by("image_id").combine_chunks() for table in tables)
    if first.num_rows != second.num_rows:
        return Comparison([f"{first.num_rows} and {second.num_rows} rows"], 0.0)
    problems, largest = [], 0.0
    for name in first.column_names:
        own, other = (_plain(table.column(name)) for table in (first, second))
        if own.equals(other):
            continue
        difference = _float_difference(own, other)
        if difference is None or difference > FLOATS_WITHIN:
            problems.append(_say(name, first.column("path"), own, other))
        largest = max(largest, difference or 0.0)
    return Comparison(problems, largest)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _float_difference(first: pa.Array, second: pa.Array) -> float | None:
    """The largest difference of two columns of floats or lists of them; None for any other."""
    if pa.types.is_list(first.type):
        if not first.value_lengths().equals(second.value_lengths()):
            return None
        first, second = first.flatten(), second.flatten()
    if not pa.types.is_floating(first.type) or not first.is_null().equals(second.is_null()):
        return None
    both = (each.drop_null().to_numpy(zero_copy_only=False) for each in (first, second))
    return float(np.max(np.abs(np.subtract(*both)), initial=0.0))


def _say(name: str, paths: pa.ChunkedArray, first: pa.Array, second: pa.Array) -> str:
    pairs = zip(paths.to_pylist(), first.to_pylist(), second.to_pylist(), strict=True)
    other = [(path, a, b) for path, a, b in pairs if a != b]
    return f"{name} of {len(other)} rows, such as {other[0]}"


def compare_answers(expected: Place, found: Place) -> tuple[list[str], int]:
    """Compare two answers tables: what is missing or too much, and answers that are kept twice."""
    wanted, keys = set(answer_keys(expected)), answer_keys(found)
    missing, more = wanted - set(keys), set(keys) - wanted
    differ = [f"{len(missing)} answers are not kept, {len(more)} are of other questions"]
    return differ if missing or more else [], len(keys) - len(set(keys))


def answer_keys(answers: Place) -> list[tuple[str, bytes]]:
    """Ask and key of every answer kept."""
    keys = []
    for file in answers.files():
        table = pq.read_table(
            file, columns=["key"], filesystem=answers.filesystem, partitioning=None
        )
        keys += [(file.split("/")[-2], key) for key in table["key"].to_pylist()]
    return keys
