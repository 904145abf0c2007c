"""Columns of the user's own tables that the labels table is to have as well (``--keep-columns``).

They travel from the listing to the labels as one struct column, `actors.kept.KEPT`, of the
manifest. Their types are those of the first table that has them; another table's values are cast.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from actors.kept import OWN_NAMES, name_in_labels
from methods.errors import InputError
from ray_jobs.runs.sources.table_columns import find_column

logger = logging.getLogger(f"onoma.{__name__}")

ALL: Final = "all"


@dataclass
class KeptColumns:
    """Which columns of an archive's tables are kept, once the first of them has been seen.

    Attributes:
        wanted: names that the user gave; `ALL` for every one, nothing for none.
        fields: types of those kept, by their names in the table.
    """

    wanted: Sequence[str] = ()
    fields: dict[str, pa.DataType] = field(default_factory=dict)
    _settled: bool = False

    def __bool__(self) -> bool:
        """Whether any are wanted."""
        return bool(self.wanted)

    @property
    def type(self) -> pa.StructType | None:
        """Of the column in the manifest; None where nothing is kept."""
        return pa.struct(list(self.fields.items())) if self.fields else None

    def settle(self, uri: str, schema: pa.Schema, but: Collection[str] = ()) -> None:
        """Choose the columns by the schema of the first table; of later ones nothing changes.

        Args:
            uri: the table, for messages.
            schema: of it.
            but: columns that ``all`` leaves out.

        Raises:
            InputError: the table has no column that is named.
        """
        if self._settled or not self.wanted:
            return
        self._settled = True
        if ALL in self.wanted:
            names = [name for name in schema.names if name not in but]
        else:
            names = [find_column(uri, schema, "--keep-columns", name) for name in self.wanted]
        self.fields.update((name, _plain(schema.field(name).type)) for name in names)
        if renamed := [name for name in names if name in OWN_NAMES]:
            said = ", ".join(f"{name} as {name_in_labels(name, OWN_NAMES)}" for name in renamed)
            logger.warning("--keep-columns: labels have columns of these names: %s", said)

    def close(self) -> None:
        """Take up no more columns: a manifest has the same from its first row to its last."""
        self._settled = True

    def take_up(self, kept: pa.DataType) -> None:
        """Keep what the struct column of a manifest of ours keeps."""
        if not self._settled and self.wanted and pa.types.is_struct(kept):
            self._settled = True
            self.fields.update((field.name, field.type) for field in kept)

    def names_in(self, schema: pa.Schema) -> list[str]:
        """Those that a table has."""
        return [name for name in self.fields if name in schema.names]

    def of(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """What is kept of a row of a table; a column that it lacks is null."""
        return {name: row.get(name) for name in self.fields} if self.fields else None

    def array(self, cells: Sequence[Mapping[str, Any] | None]) -> pa.Array:
        """The column of the manifest for some rows.

        Raises:
            InputError: a value is of another type than in the first table.
        """
        columns = []
        for name, kind in self.fields.items():
            values = [None if cell is None else cell.get(name) for cell in cells]
            try:
                columns.append(pa.array(values, kind))
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
                raise InputError(
                    f"--keep-columns {name}: a value is no {kind}, as in the first table ({error})"
                ) from error
        return pa.StructArray.from_arrays(columns, fields=list(self.type or ()))


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values; of a dictionary, what it is of."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
