"""What tests read of the folders that jobs leave: rows of labels, run.json, tables for a person."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from actors import storage

Rows = dict[str, dict[str, Any]]


def rows_by_path(run: Path | str, schema: pa.Schema) -> Rows:
    """The labels table of a run, local or remote, by path; one row a path."""
    filesystem, labels = storage.resolve(f"{run}/labels")
    table = pads.dataset(labels, filesystem=filesystem, schema=schema).to_table()
    found = {row["path"]: row for row in table.to_pylist()}
    assert len(found) == table.num_rows
    return found


def cells(rows: Rows, names: Sequence[str]) -> dict[str, list[Any]]:
    """Some columns of rows, by path."""
    return {path: [row[name] for name in names] for path, row in rows.items()}


def record_of(run: Path) -> dict[str, Any]:
    """The run's ``run.json``."""
    return dict(json.loads((run / "run.json").read_text()))


def csv_rows(file: Path) -> list[dict[str, str]]:
    """A CSV file with a header."""
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
