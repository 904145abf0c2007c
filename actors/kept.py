"""Columns of the user's that travel with images from the manifest to the labels table.

In the manifest and in stage tables they are one struct column, which stages leave alone; a stage
that makes labels puts them behind its own columns.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import pyarrow as pa

from actors.labels import table as labels_table

KEPT: Final = "kept"
"""The struct column with what the user keeps, a field for each of their columns."""

OWN_NAMES: Final = frozenset(
    name
    for schema in vars(labels_table).values()
    if isinstance(schema, pa.Schema)
    for name in schema.names
)
"""Columns that some labels table has; one of the user's of such a name gets a prefix."""

_PREFIX: Final = "source_"


def name_in_labels(name: str, taken: Collection[str]) -> str:
    """What a column of the user's is called in a labels table with columns of these names."""
    while name in taken or name in OWN_NAMES:
        name = f"{_PREFIX}{name}"
    return name


def carry_kept(batch: pa.Table, made: pa.Table) -> pa.Table:
    """Give a table that a stage made of a batch what the user keeps.

    It does so where the stage made rows of labels: of the same images in the same order, without
    the struct column that its batch has. Other tables come back as they are.
    """
    if KEPT not in batch.column_names or KEPT in made.column_names:
        return made
    if "image_id" not in made.column_names or made.num_rows != batch.num_rows:
        return made
    if made.column("image_id").to_pylist() != batch.column("image_id").to_pylist():
        raise ValueError("rows of labels are not in the order of their images")
    kept = batch.column(KEPT).combine_chunks()
    for at, field in enumerate(kept.type):
        cells = kept.flatten()[at]
        made = made.append_column(name_in_labels(field.name, made.column_names), cells)
    return made
