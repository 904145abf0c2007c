"""Pickles of arrays, read without running what is in them.

A pickle can name any function and have it called. Those of CIFAR hold arrays, lists, dictionaries,
texts, bytes and numbers; a reader that knows nothing else cannot be made to do anything else.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from methods.errors import one_line
from ray_jobs.datasets.files import DatasetFolder

_CODES: Final = frozenset({"u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8", "f4", "f8", "b1"})
_CORE: Final = ("numpy.core.", "numpy._core.")


class _ArrayType:
    """Stands for ``numpy.ndarray`` in a pickle; cannot be called."""


class _NumberType:
    """Stands for a type of numbers; never one of objects, or of several fields."""

    def __init__(self, code: str, *_flags: Any) -> None:
        """Take a code such as ``u1``."""
        if code not in _CODES:
            raise pickle.UnpicklingError(f"it holds an array of the type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """Take the order of bytes, and nothing else."""
        if state[1] in ("<", ">", "="):
            self.dtype = self.dtype.newbyteorder(state[1])


class _PickledArray:
    """Stands for an array until its bytes come."""

    def __init__(self, *_kind: Any) -> None:
        """Hold nothing yet."""
        self.array: NDArray[Any] = np.zeros(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        """Take shape, type, order and bytes."""
        shape, kind, fortran, data = state[-4:]
        self.array = _numbers(data, kind.dtype).reshape(shape, order="F" if fortran else "C")


def _numbers(data: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype=dtype)


def _of_bytes(data: Any, kind: _NumberType, shape: Any, order: str, *_axes: Any) -> Any:
    found = _PickledArray()
    found.array = _numbers(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")
    return found


def _number(kind: _NumberType, data: Any) -> Any:
    return _numbers(data, kind.dtype)[0]


def _latin(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it holds bytes in {encoding!r}")
    return text.encode("latin-1")


_ALLOWED: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): _ArrayType(),
    ("numpy", "dtype"): _NumberType,
    ("_codecs", "encode"): _latin,
    **{(f"{core}multiarray", "_reconstruct"): _PickledArray for core in _CORE},
    **{(f"{core}multiarray", "scalar"): _number for core in _CORE},
    **{(f"{core}numeric", "_frombuffer"): _of_bytes for core in _CORE},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Admits arrays of numbers, and what needs no name: lists, texts, bytes, numbers."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """What a pickle names."""
        if (found := _ALLOWED.get((module, name))) is not None:
            return found
        raise pickle.UnpicklingError(f"it names {module}.{name}, and arrays need no such thing")


def read_arrays(folder: DatasetFolder, name: str) -> dict[str, Any]:
    """Read a pickled dictionary; its keys as text, in whichever Python it was written.

    Raises:
        InputError: it is missing, no such pickle, or one that names anything but arrays.
    """
    path = folder.path / folder.one_of(name)
    try:
        found = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    # what the reader raises depends on the byte at fault
    except Exception as error:
        raise folder.wrong(name, f"is no pickle of arrays ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise folder.wrong(name, f"holds a {type(found).__name__}, not a dictionary")
    return {
        _text(key): value.array if isinstance(value, _PickledArray) else value
        for key, value in found.items()
    }


def _text(key: Any) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
