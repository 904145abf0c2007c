"""The contract of a stage: what Ray Data's ``map_batches`` gets.

A stage is a function of a batch (`pyarrow.Table`), or a class whose instances are called with one,
that returns a table. The decorator `stage` gives it its two other parts: one name, by which
metrics, forecast and dashboard know it, and the columns that it adds. A stage that keeps its rows
leaves those that come with an ``error`` as they are; `RowErrors` carries them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, overload

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.metrics import OK, StageClock, StageWork, outcomes, record
from methods.errors import RowError

__all__ = ["OK", "RowErrors", "StageClock", "StageWork", "counted", "outcomes", "record"]

P = ParamSpec("P")

ERROR_COLUMNS = ("error", "error_detail")
"""Columns with the code of what is wrong with a row (of `methods.errors.ROW_CODES`, null where
nothing is) and a sentence about it."""


class RowErrors:
    """The errors of a batch's rows, while a stage adds its own; the first error of a row stays."""

    def __init__(self, codes: list[str | None], details: list[str | None]) -> None:
        """Keep the code and the detail of each row, None where it has none."""
        self._codes, self._details = codes, details

    @classmethod
    def of(cls, batch: pa.Table) -> RowErrors:
        """Read the errors of a batch; one without the columns has none."""
        there = batch.column_names
        nothing: list[str | None] = [None] * batch.num_rows
        codes, details = (
            list(batch.column(name).to_pylist() if name in there else nothing)
            for name in ERROR_COLUMNS
        )
        return cls(codes, details)

    @property
    def fine(self) -> NDArray[np.bool_]:
        """Which rows have no error, bool (rows,)."""
        return np.array([code is None for code in self._codes], dtype=np.bool_)

    @property
    def codes(self) -> Sequence[str | None]:
        """The code of each row, None where it has no error."""
        return tuple(self._codes)

    @overload
    def fail(self, row: int, error: RowError) -> RowErrors: ...
    @overload
    def fail(self, row: int, error: str, detail: str | None) -> RowErrors: ...
    def fail(self, row: int, error: RowError | str, detail: str | None = None) -> RowErrors:
        """Say what is wrong with a row, unless something is known to be wrong already.

        Args:
            row: its place in the batch.
            error: what was raised about it, or a code of `methods.errors.ROW_CODES`.
            detail: a sentence, with a code.
        """
        if self._codes[row] is None:
            if isinstance(error, RowError):
                self._codes[row], self._details[row] = error.code, error.detail
            else:
                self._codes[row], self._details[row] = error, detail
        return self

    def columns(self) -> dict[str, pa.Array]:
        """The two columns, for a table that is made anew."""
        return {
            name: pa.array(cells, pa.string())
            for name, cells in zip(ERROR_COLUMNS, (self._codes, self._details), strict=True)
        }

    def onto(self, batch: pa.Table) -> pa.Table:
        """Return the batch with these errors: columns that are there stay where they are.

        Args:
            batch: of the same rows in the same order.
        """
        for name, cells in self.columns().items():
            at = batch.schema.get_field_index(name)
            if at < 0:
                batch = batch.append_column(name, cells)
            else:
                batch = batch.set_column(at, name, cells)
        return batch


def counted(stage: str) -> Callable[[Callable[P, pa.Table]], Callable[P, pa.Table]]:
    """Count what a stage does: a function of a batch, or the ``__call__`` of a class."""

    def wrap(function: Callable[P, pa.Table]) -> Callable[P, pa.Table]:
        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> pa.Table:
            if not ray.is_initialized():
                return function(*args, **kwargs)
            batch = next(each for each in args if isinstance(each, pa.Table))
            began = time.perf_counter()
            table = function(*args, **kwargs)
            record(stage, outcomes(batch, table), time.perf_counter() - began)
            return table

        return wrapped

    return wrap
