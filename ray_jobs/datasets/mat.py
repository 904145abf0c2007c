"""MATLAB files of data sets: cells of names, struct arrays, numbers; and what else is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methods.errors import one_line
from ray_jobs.datasets.files import DatasetFolder


class MatRecord(NamedTuple):
    """One element of a struct array: fields by name."""

    texts: dict[str, str]
    numbers: dict[str, int]


class MatFile:
    """The variables of one MATLAB file of version 5 to 7.2, as data sets have them.

    Structs are dictionaries and cells lists, whatever dimensions of one are around them.
    """

    def __init__(self, folder: DatasetFolder, *names: str) -> None:
        """Read the first of some files that is there.

        Raises:
            InputError: none is, or it is no such file.
        """
        import scipy.io

        self._folder, self._name = folder, folder.one_of(*names)
        try:
            self._values: dict[str, Any] = scipy.io.loadmat(
                folder.path / self._name, simplify_cells=True
            )
        # what SciPy raises depends on the byte at fault
        except Exception as error:
            raise folder.wrong(
                self._name, f"is no MATLAB file that can be read ({one_line(error)})"
            ) from error

    def integers(self, variable: str) -> NDArray[np.int64]:
        """A variable of whole numbers, int64 (n,).

        Raises:
            InputError: it is missing, or something else.
        """
        values = np.atleast_1d(np.asarray(self._value(variable)))
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            raise self._other_shape(variable, "a vector of numbers", values)
        if values.dtype.kind == "f" and not (np.isfinite(values) & (values % 1 == 0)).all():
            raise self._other_shape(variable, "whole numbers", values)
        return values.astype(np.int64)

    def strings(self, variable: str) -> list[str]:
        """A cell array of strings.

        Raises:
            InputError: it is missing, or something else.
        """
        value = self._value(variable)
        values = [value] if isinstance(value, str) else list(np.atleast_1d(np.asarray(value)))
        if not values or not all(isinstance(each, str) for each in values):
            raise self._other_shape(variable, "a cell array of strings", value)
        return [str(each).strip() for each in values]

    def records(
        self, variable: str, texts: Sequence[str], numbers: Sequence[str]
    ) -> list[MatRecord]:
        """A struct array, of which some fields are wanted.

        Args:
            variable: its name.
            texts: fields that are strings.
            numbers: fields that are whole numbers.

        Raises:
            InputError: it is missing, or something else, or a field is.
        """
        value = self._value(variable)
        values = [value] if isinstance(value, dict) else list(np.atleast_1d(np.asarray(value)))
        if not values or not all(isinstance(each, dict) for each in values):
            raise self._other_shape(variable, "a struct array", value)
        for name in (*texts, *numbers):
            if any(name not in each for each in values):
                raise self._folder.wrong(
                    self._name, f"has no field {name!r} in {variable!r}, which is needed"
                )
        for name, right in (*((n, _is_text) for n in texts), *((n, _is_whole) for n in numbers)):
            wrong = [each[name] for each in values if not right(each[name])]
            if wrong:
                raise self._other_shape(f"{variable}.{name}", "one text or number each", wrong[0])
        return [
            MatRecord(
                {name: str(each[name]).strip() for name in texts},
                {name: int(each[name]) for name in numbers},
            )
            for each in values
        ]

    def has(self, variable: str) -> bool:
        """Whether there is such a variable."""
        return variable in self._values

    def _value(self, variable: str) -> Any:
        if variable not in self._values:
            there = ", ".join(name for name in self._values if name[0] != "_") or "nothing"
            raise self._folder.wrong(self._name, f"holds no {variable!r} but {there}")
        return self._values[variable]

    def _other_shape(self, variable: str, wanted: str, found: Any) -> Exception:
        array = np.asarray(found)
        return self._folder.wrong(
            self._name,
            f"is of another shape: {variable!r} should be {wanted} and is {array.dtype} "
            f"{array.shape}",
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and float(value).is_integer()
