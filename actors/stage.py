"""The contract of a stage: what Ray Data's ``map_batches`` gets.

A stage is a function of a batch (`pyarrow.Table`), or a class whose instances are called with one,
that returns a table. The decorator `stage` gives it the two other parts of the contract: one name,
by which metrics, forecast and Ray's dashboard know it, and the columns that it adds. What a stage
does is counted there and nowhere else.

A stage that keeps its rows leaves those that come with an ``error`` as they are; `RowErrors`
carries the errors of a batch.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, overload

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.kept import carry_kept
from actors.metrics import OK, note, outcomes, record
from methods.errors import RowError

__all__ = ["OK", "RowErrors", "StageInfo", "StageName", "record", "stage", "stage_info"]

StageName = Literal[
    "fetch",  # encoded bytes of images
    "stored",  # features that an embedding store holds
    "digest",  # content hashes of encoded bytes
    "decode",  # pixels
    "cached",  # answers that are known already
    "ask",  # requests to a multimodal LLM, prepared
    "mllm",  # requests answered, as its replica counts them
    "clip",  # images through CLIP, and their labels where these come of it
    "clean",  # descriptions, of answers
    "join",  # answers of one pass with those of another
    "shortlist",  # classes closest to a description
    "names",  # names, of answers
    "sentences",  # sentences with the classes that they name, of answers or captions
    "sentence_features",  # sentences through CLIP
    "class_vectors",  # classes through CLIP
    "label",  # answers to labels
]
"""Every name of a stage: in metrics, in what a run keeps of its passes, in forecasts and in Ray's
dashboard. Stages that do the same to rows of other kinds share a name."""

S = TypeVar("S", bound=Callable[..., Any])


@dataclass(frozen=True)
class StageInfo:
    """What is known of a stage before it runs.

    Attributes:
        name: one string for metrics, forecast and dashboard.
        adds: columns of what it returns that its batch need not have; where a stage makes rows of
            another kind, all of theirs.
    """

    name: StageName
    adds: tuple[str, ...]


ERROR_COLUMNS: Final = ("error", "error_detail")
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


def stage(name: StageName, adds: Iterable[str] | pa.Schema = ()) -> Callable[[S], S]:
    """Make a stage of a function of a batch, or of a class whose instances are called with one.

    In a Ray job each call is counted: rows by outcome, and the seconds that it took.

    Args:
        name: of the stage.
        adds: columns that it adds, or the schema of what it returns.
    """
    info = StageInfo(name, tuple(adds.names if isinstance(adds, pa.Schema) else adds))

    def wrap(target: S) -> S:
        made: Any = target
        if not isinstance(target, type):
            made = _counted(target, lambda *_: info)
        elif "__call__" in vars(target):  # else that of its base, which is counted
            made.__call__ = _counted(made.__call__, lambda self, *_: self.stage)
        made.stage = info
        made.__name__ = name  # which Ray shows; pickle goes by __qualname__
        return made

    return wrap


def stage_info(target: Any) -> StageInfo:
    """Return name and columns of what `stage` has made.

    Raises:
        TypeError: it is no stage.
    """
    info = getattr(target, "stage", None)
    if not isinstance(info, StageInfo):
        raise TypeError(f"{target!r} is no stage; decorate it with actors.stage.stage")
    return info


def _counted(
    function: Callable[..., pa.Table], info_of: Callable[..., StageInfo]
) -> Callable[..., pa.Table]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> pa.Table:
        batch = next(each for each in args if isinstance(each, pa.Table))
        if not ray.is_initialized():
            return carry_kept(batch, function(*args, **kwargs))
        began = time.perf_counter()
        table = carry_kept(batch, function(*args, **kwargs))
        name = info_of(*args).name
        record(name, outcomes(batch, table), _own_seconds(name, began))
        note(name, passed=table.num_rows)
        return table

    return wrapped


_last_end: dict[str, float] = {}
_ends = threading.Lock()


def _own_seconds(name: str, began: float) -> float:
    """Seconds of a call that ends now, less those that a call in another thread has counted.

    So the seconds of a process add up to the time in which it worked, however many calls are under
    way at once.
    """
    with _ends:
        now = time.perf_counter()
        seconds = now - max(began, _last_end.get(name, began))
        _last_end[name] = now
    return seconds
