"""Parquet: a ready manifest, a table of addresses, or a table that holds the encoded images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from actors.kept import KEPT
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.kept import KeptColumns
from ray_jobs.runs.sources.labels_of_run import is_labels, joined
from ray_jobs.runs.sources.rows import ManifestRow, Skipped
from ray_jobs.runs.sources.table_columns import (
    NUMBERED,
    OWN_PATHS,
    ChosenColumns,
    TableColumns,
    choose_columns,
    is_manifest,
)

_MANIFEST_COLUMNS: Final = ("member", "offset", "length", "column", "row_group", "row")
_ROWS_AT_ONCE: Final = 65536


@dataclass
class Tables:
    """Parquet files that are read as an archive.

    Attributes:
        files: (relative name, uri) of each.
        columns: those that the user names.
        kept: what the manifest is to have of them as well.
        skipped: where files that cannot be read are told, if there are others.
        keys: columns that were taken as keys, once rows have been read.
    """

    files: Sequence[tuple[str, str]]
    columns: TableColumns
    kept: KeptColumns
    skipped: Skipped
    keys: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[ManifestRow]:
        """List the images; a file that is empty, cut off or no Parquet costs its own rows.

        Raises:
            InputError: none can be read, with what is wrong with the first, or one has no column
                that holds images or addresses.
        """
        broken: list[str] = []
        for name, uri in self.files:
            listed = 0
            filesystem, path = storage.resolve(uri)
            try:
                with pq.ParquetFile(path, filesystem=filesystem) as file:
                    if is_labels(file.schema_arrow) and not self._names_columns:
                        yield from joined(self.files, self.kept)
                        return
                    for row in self._one_table(file, name, uri):
                        listed += 1
                        yield row
            except (pa.ArrowInvalid, OSError) as error:
                broken.append(f"{uri}: no readable Parquet: {one_line(error)}")
                told = f"{name or uri} is no readable Parquet ({one_line(error)})"
                self.skipped.shards.append(f"{told}; {listed} of its images are listed")
        if len(broken) == len(self.files) > 0:
            more = f" (and {len(broken) - 1} more like it)" if len(broken) > 1 else ""
            raise InputError(f"--images {broken[0]}{more}")

    def hint(self) -> str:
        """What to do about keys that are given twice; empty where none came of a column."""
        if not self.keys:
            return ""
        return (
            f"keys are those of {' and '.join(sorted(self.keys))}: --id-column NAME takes another "
            f"column, --id-column '{NUMBERED}' numbers the rows"
        )

    @property
    def _names_columns(self) -> bool:
        return self.columns.image is not None or self.columns.key is not None

    def _one_table(self, file: pq.ParquetFile, name: str, uri: str) -> Iterator[ManifestRow]:
        schema = file.schema_arrow
        ours = {*_MANIFEST_COLUMNS} <= set(schema.names)
        if is_manifest(schema) and (ours or not self._names_columns):
            yield from self._manifest(file, name, uri)
            return
        chosen = choose_columns(uri, schema, self.columns)
        if chosen.key is not None:
            self.keys.add(chosen.key)
        if chosen.holds == "bytes":
            self.kept.settle(uri, schema, {chosen.image})
            yield from self._cells(file, name, uri, chosen)
        else:
            self.kept.settle(uri, schema)
            yield from self._addresses(file, name, uri, chosen)

    def _addresses(
        self, file: pq.ParquetFile, name: str, uri: str, chosen: ChosenColumns
    ) -> Iterator[ManifestRow]:
        own = self.columns.key is not None and chosen.key not in OWN_PATHS
        prefix = f"{name}#" if own and len(self.files) > 1 else ""
        key = None if self.columns.key == NUMBERED else chosen.key or chosen.image
        wanted = [chosen.image, *([key] if key else []), *self.kept.names_in(file.schema_arrow)]
        for number, row in enumerate(_rows(file, wanted)):
            address = str(row[chosen.image] or "").strip()
            named = row[key] if key else None
            numbered = f"{name}#{number}"
            if key is None:
                path = numbered
            elif named is None or named == "":
                path = address or numbered
            else:
                path = f"{prefix}{named}"
            target = storage.beside(uri, address) if address else ""
            yield ManifestRow(path, target, kept=self.kept.of(row))

    def _cells(
        self, file: pq.ParquetFile, name: str, uri: str, chosen: ChosenColumns
    ) -> Iterator[ManifestRow]:
        where = uri if not storage.is_local(uri) else storage.local_uri(storage.local_path(uri))
        prefix = f"{name}#"  # keys may repeat between files; a file's own name does not
        several = len(self.files) > 1
        wanted = [*([chosen.key] if chosen.key else []), *self.kept.names_in(file.schema_arrow)]
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            cells: list[dict[str, Any]] = [{}] * count
            if wanted:
                names = list(dict.fromkeys(wanted))
                cells = file.read_row_group(group, columns=names).select(names).to_pylist()
            for row, values in enumerate(cells):
                named = values.get(chosen.key) if chosen.key else None
                nameless = named is None or named == ""
                path = f"{group}-{row}" if nameless else str(named)
                if nameless or (several and chosen.key not in OWN_PATHS):
                    path = prefix + path
                kept = self.kept.of(values)
                yield ManifestRow(
                    path, where, column=chosen.image, row_group=group, row=row, kept=kept
                )

    def _manifest(self, file: pq.ParquetFile, name: str, uri: str) -> Iterator[ManifestRow]:
        schema = file.schema_arrow
        if KEPT in schema.names:
            self.kept.take_up(schema.field(KEPT).type)
        self.kept.settle(uri, schema, {"image_id", "path", "uri", *_MANIFEST_COLUMNS})
        extra = [column for column in (*_MANIFEST_COLUMNS, KEPT) if column in schema.names]
        wanted = ["image_id", "path", "uri", *extra, *self.kept.names_in(schema)]
        for number, row in enumerate(_rows(file, wanted)):
            row.update(row.pop(KEPT, None) or {})
            yield manifest_row(row, f"{name}#{number}", uri, self.kept)


def manifest_row(row: dict[str, Any], numbered: str, uri: str, kept: KeptColumns) -> ManifestRow:
    """A row of a manifest; one without a path goes by its address, or by its number.

    Raises:
        InputError: it names a whole tar or table, so that the image in it cannot be found.
    """
    address = row["uri"] or ""
    names = ("image_id", *_MANIFEST_COLUMNS)
    place = {name: row[name] for name in names if row.get(name) is not None}
    lower = address.lower()
    if "offset" not in place and "row_group" not in place and lower.endswith((".tar", ".parquet")):
        raise InputError(
            f"--images {uri}: {row['path']} is somewhere in {address}, and the table does not say "
            "where (offset and length, or column, row_group and row); give the manifest of that "
            "run, RUN/manifest, or its labels where they lie, RUN/labels"
        )
    made = ManifestRow(row["path"] or address or numbered, "", kept=kept.of(row), **place)
    return replace(made, uri=storage.beside(uri, address) if address.strip() else "")


def _rows(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(dict.fromkeys(columns))):
        yield from batch.to_pylist()
