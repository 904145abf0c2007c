"""Choosing a few rows of millions in one pass: the first k of each group by a key.

What is kept never exceeds k rows per group plus one batch, and depends only on the rows, not on
their order or their distribution over files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from methods.splitmix64 import splitmix64

_FIXED_SHUFFLE = np.uint64(0x9E3779B97F4A7C15)


def random_keys(image_ids: NDArray[np.int64], seed: int = 0) -> NDArray[np.float64]:
    """Return a pseudo-random key in [0, 1) per image id: the same one in every run and order.

    A seed other than 0 gives other keys.
    """
    with np.errstate(over="ignore"):
        z = image_ids.view(np.uint64) + _FIXED_SHUFFLE
        if seed:
            z = z ^ splitmix64(np.array([seed], np.int64).view(np.uint64) + _FIXED_SHUFFLE)
        z = splitmix64(z)
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


class KeyedReservoir:
    """Keeps the ``per_group`` rows with the smallest keys of each group; ties go by image id."""

    def __init__(self, per_group: int) -> None:
        """Keep at most ``per_group`` rows of each group."""
        self.per_group = per_group
        self._rows: pa.Table | None = None
        self._groups = np.empty(0, dtype=np.int64)
        self._keys = np.empty(0, dtype=np.float64)

    def add(self, rows: pa.Table, groups: NDArray[np.int64], keys: NDArray[np.float64]) -> None:
        """Offer rows.

        Args:
            rows: n rows with at least ``image_id``; the same columns in every call.
            groups: int64 (n,); rows of a negative group are ignored.
            keys: float64 (n,), smaller is kept first.
        """
        chosen = self._first(rows.column("image_id").to_numpy(), groups, keys)
        if not len(chosen):
            return
        rows = rows.take(pa.array(chosen))
        if self._rows is not None:
            rows = pa.concat_tables([self._rows, rows])
        groups = np.concatenate([self._groups, groups[chosen]])
        keys = np.concatenate([self._keys, keys[chosen]])
        kept = self._first(rows.column("image_id").to_numpy(), groups, keys)
        self._rows = rows.take(pa.array(kept)).combine_chunks()
        self._groups, self._keys = groups[kept], keys[kept]

    def table(self) -> pa.Table | None:
        """Return the kept rows of all groups, ordered by group and key; None without any."""
        return self._rows

    def rows(self) -> dict[int, list[dict[str, Any]]]:
        """Return the kept rows of each group, smallest key first, with the key as ``key``."""
        found: dict[int, list[dict[str, Any]]] = {}
        rows = [] if self._rows is None else self._rows.to_pylist()
        for group, key, row in zip(self._groups, self._keys, rows, strict=True):
            found.setdefault(int(group), []).append({**row, "key": float(key)})
        return found

    def _first(
        self, ids: NDArray[np.int64], groups: NDArray[np.int64], keys: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        order = np.lexsort((ids, keys, groups))
        order = order[groups[order] >= 0]
        ordered = groups[order]
        starts = np.searchsorted(ordered, ordered, side="left")
        first: NDArray[np.int64] = order[np.arange(len(order)) - starts < self.per_group]
        return first


def draw(tables: Iterable[pa.Table], size: int, seed: int) -> Iterator[pa.Table]:
    """Draw ``size`` rows at random, without replacement, of tables that have ``image_id``.

    A row is drawn by a hash of seed and id, so the draw does not depend on the order of rows, and
    a larger one of the same seed contains a smaller.
    """
    kept = KeyedReservoir(size)
    for table in tables:
        ids = table.column("image_id").to_numpy()
        kept.add(table, np.zeros(len(ids), np.int64), random_keys(ids, seed))
    if (drawn := kept.table()) is not None:
        yield drawn


def draw_stretches(
    tables: Iterable[pa.Table], size: int, stretch: int, seed: int
) -> Iterator[pa.Table]:
    """Draw ``size`` rows in stretches of ``stretch`` neighbours, in the order they come.

    What lies together is read together, a row group of Parquet for one, so that neighbours cost to
    read what they cost in a pass over everything; single rows cost a row group each. Stretches are
    drawn by a hash of seed and place.
    """
    kept, before = KeyedReservoir(size), 0
    for table in tables:
        places = np.arange(before, before + table.num_rows)
        before += table.num_rows
        rows = table.append_column("place", pa.array(places))
        kept.add(rows, np.zeros(len(places), np.int64), random_keys(places // stretch, seed))
    if (drawn := kept.table()) is not None:
        yield drawn.sort_by("place").drop_columns(["place"])
