"""A run folder as `evaluate` and `report` read it: labels in batches, manifest rows, run.json.

Single-label and multi-label tables come out in one shape: ``labels`` and ``scores`` are lists, with
at most one element in a single-label run, and empty in rows with an error. Nothing here holds more
than one batch of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from actors import storage
from actors.labels.table import LABELS_SCHEMA, MULTI_LABELS_SCHEMA
from methods.class_names import ClassNames, classes_of_identity
from methods.classifier import CONFIG_FILE
from methods.errors import InputError
from ray_jobs.runs.folder import START

BATCH_ROWS = 32768
_PART_ENDING = "_label"
_RESPONSES_0_1 = ("answer", "choice", "description", "prediction")
"""Columns of a model's own words in the runs of version 0.1, whose ``run.json`` names none."""


class RunReader:
    """The labels table, manifest and ``run.json`` of one run folder.

    Attributes:
        uri: the folder.
        multi_label: whether an image can have several labels.
        parts: of a run that fuses parts, the column with the label that each alone would give.
        responses: columns with what a multimodal LLM said, some or none.
        named: the classes with their spoken and other names; None where the run was given none.
        record: the content of ``run.json``, empty without one.
        when: when the run was finished.
    """

    def __init__(self, uri: str) -> None:
        """Find the parts of the run at ``uri`` (a folder, local or remote).

        Raises:
            InputError: there is no labels table, or it lacks a column that it must have.
        """
        self.uri = uri.rstrip("/") or uri
        self._labels = _parquet_files(storage.join(self.uri, "labels"))
        if not self._labels:
            raise InputError(f"{uri} holds no labels/*.parquet; give the folder that --out named")
        found = _schema(self.uri, self._labels)
        columns = found.names
        self.multi_label = "labels" in columns
        base = MULTI_LABELS_SCHEMA if self.multi_label else LABELS_SCHEMA
        others = [found.field(name) for name in columns if name not in base.names]
        self._schema = pa.schema([*base, *others])
        self.parts = {
            name.removesuffix(_PART_ENDING): name for name in columns if name.endswith(_PART_ENDING)
        }
        wanted = {"image_id", "path", "labels" if self.multi_label else "label"}
        if missing := sorted(wanted - set(columns)):
            raise InputError(f"{self._labels[0]} is no labels table: no column {missing[0]!r}")
        self.record, self.when = self._read_record()
        self.named: ClassNames | None = classes_of_identity(self.record.get("identity"))
        said = self.record.get("responses", _RESPONSES_0_1)
        self.responses = tuple(name for name in said if name in columns)

    def _read_record(self) -> tuple[dict[str, Any], datetime | None]:
        uri = storage.join(self.uri, "run.json")
        if not storage.exists(uri):
            return {}, None
        try:
            record = json.loads(storage.read_bytes(uri))
        except ValueError as error:
            raise InputError(f"{uri} is not JSON: {error}") from error
        if not isinstance(record, dict):
            raise InputError(f"{uri} is not a JSON object")
        return record, _finished_at(record, uri)

    @property
    def classes(self) -> list[str]:
        """The class names that the run was given, as far as its record lists them."""
        for part in ("identity", "config"):
            section = self.record.get(part)
            names = section.get("classes") if isinstance(section, dict) else None
            if isinstance(names, list):
                return [str(name) for name in names]
        return []

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the labels table.

        Args:
            columns: of ``image_id, path, uri, labels, scores, top_labels, top_scores, error,
                error_detail``, and others of `columns`; ``scores`` only together with ``labels``.

        Yields:
            Tables of one chunk and at most `BATCH_ROWS` rows with exactly these columns.
        """
        stored = list(columns)
        if not self.multi_label:
            stored = [{"labels": "label", "scores": "score"}.get(name, name) for name in columns]
        if "error" not in stored:
            stored.append("error")
        # a column that a table lacks comes as nulls
        for table in _scan(self.uri, self._labels, self._schema, stored):
            fine = pc.is_null(table.column("error"))
            lists = _labels_of_many(table, fine) if self.multi_label else _label_of_one(table, fine)
            yield pa.table(
                {name: lists[name] if name in lists else table.column(name) for name in columns}
            )

    @property
    def first_classifier(self) -> str:
        """``classifier.json`` of what the run began with, before its answers taught a head.

        Without a classifier there is no such file.
        """
        start = storage.join(self.uri, START, CONFIG_FILE)
        return start if storage.exists(start) else storage.join(self.uri, "classifier", CONFIG_FILE)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the labels table."""
        return tuple(self._schema.names)

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read the labels table as it is stored, whole, into memory.

        Args:
            columns: of the table; all by default.

        Raises:
            InputError: there is no such column.
        """
        names = list(self._schema.names if columns is None else columns)
        if strangers := [name for name in names if name not in self._schema.names]:
            raise InputError(
                f"{self.uri}: its labels have no column {strangers[0]!r}; there are "
                f"{', '.join(self._schema.names)}"
            )
        parts = list(_scan(self.uri, self._labels, self._schema, names))
        schema = pa.schema([self._schema.field(name) for name in names])
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def manifest_rows(self, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return the manifest rows (all columns) of ``image_ids`` that the manifest holds."""
        return rows_of_manifest(storage.join(self.uri, "manifest"), image_ids)


def rows_of_manifest(folder: str, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the rows (all columns) of ``image_ids`` that a manifest's folder holds."""
    files = _parquet_files(folder)
    if not files or not image_ids:
        return {}
    wanted = pc.field("image_id").isin(pa.array(image_ids, pa.int64()))
    rows: dict[int, dict[str, Any]] = {}
    for table in _scan(folder, files, None, None, wanted):
        rows.update((row["image_id"], row) for row in table.to_pylist())
    return rows


def explode(lists: pa.ListArray) -> tuple[np.ndarray[Any, np.dtype[np.int64]], pa.Array]:
    """Return the row index of every list element (int64) and the elements themselves."""
    return pc.list_parent_indices(lists).to_numpy(), pc.list_flatten(lists)


def _finished_at(record: dict[str, Any], uri: str) -> datetime | None:
    """Return the time that the record gives, or else that of its file."""
    try:
        return datetime.fromisoformat(str(record.get("finished_at"))).astimezone(UTC)
    except ValueError:
        filesystem, path = storage.resolve(uri)
        written = filesystem.get_file_info(path).mtime_ns
        return datetime.fromtimestamp(written / 1e9, UTC) if written else None


def _schema(uri: str, files: list[str]) -> pa.Schema:
    """Return the schema of the first file that has columns: empty blocks may have none."""
    filesystem, _ = storage.resolve(uri)
    for path in files:
        if (schema := pq.read_schema(path, filesystem=filesystem)).names:
            return schema.remove_metadata()
    return pa.schema([])


def _parquet_files(folder: str) -> list[str]:
    paths = storage.list_files(folder, ".parquet")
    return [path for path in paths if not path.rsplit("/", 1)[-1].startswith(("_", "."))]


def _scan(
    uri: str,
    files: list[str],
    schema: pa.Schema | None,
    columns: list[str] | None,
    wanted: pc.Expression | None = None,
) -> Iterator[pa.Table]:
    filesystem, _ = storage.resolve(uri)
    dataset = pads.dataset(
        files, schema=schema, filesystem=filesystem, format="parquet", partitioning=None
    )
    batches = dataset.to_batches(
        columns=columns,
        filter=wanted,
        batch_size=BATCH_ROWS,
        batch_readahead=2,  # the defaults read 16 batches of 4 files ahead
        fragment_readahead=1,
    )
    for batch in batches:
        if batch.num_rows:
            yield pa.Table.from_batches([batch]).combine_chunks()


def _label_of_one(table: pa.Table, fine: pa.ChunkedArray) -> dict[str, pa.Array]:
    if "label" not in table.column_names:
        return {}
    label = table.column("label").combine_chunks()
    labelled = pc.and_(fine, pc.is_valid(label)).combine_chunks()
    counts = labelled.to_numpy(zero_copy_only=False).cumsum(dtype=np.int32)
    offsets = pa.array(np.concatenate([[0], counts]), pa.int32())
    lists = {"labels": pa.ListArray.from_arrays(offsets, label.filter(labelled))}
    if "score" in table.column_names:
        score = table.column("score").combine_chunks().filter(labelled)
        lists["scores"] = pa.ListArray.from_arrays(offsets, score)
    return lists


def _labels_of_many(table: pa.Table, fine: pa.ChunkedArray) -> dict[str, pa.Array]:
    names = [name for name in ("labels", "scores") if name in table.column_names]
    columns = {name: table.column(name).combine_chunks() for name in names}
    keep = fine.combine_chunks()
    return {
        name: pc.if_else(keep, column, pa.scalar(None, column.type))
        for name, column in columns.items()
    }
