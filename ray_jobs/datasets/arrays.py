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


def _dtype(code: str, *_flags: Any) -> np.dtype[Any]:
    """A type of numbers, never one of objects."""
    if code not in _CODES:
        raise pickle.UnpicklingError(f"it holds an array of the type {code!r}")
    return np.dtype(code)


def _empty(_kind: Any, _shape: Any, _code: Any) -> NDArray[Any]:
    """The empty array that a pickle then fills."""
    return np.ndarray((0,), dtype=np.uint8)


def _of_bytes(data: Any, dtype: np.dtype[Any], shape: Any, order: str) -> NDArray[Any]:
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if order == "F" else "C")


def _number(dtype: np.dtype[Any], data: Any) -> Any:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype=dtype, count=1)[0]


def _latin(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it holds bytes in {encoding!r}")
    return text.encode("latin-1")


_ALLOWED: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): _ArrayType(),
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _latin,
    **{(f"{core}multiarray", "_reconstruct"): _empty for core in _CORE},
    **{(f"{core}multiarray", "scalar"): _number for core in _CORE},
    **{(f"{core}numeric", "_frombuffer"): _of_bytes for core in _CORE},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Admits arrays of numbers, and what needs no name: lists, texts, bytes, numbers."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """What a pickle names."""
        if (found := _ALLOWED.get((module, name))) is not None:
            return found  # type: ignore[no-any-return]
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
    return {_text(key): value for key, value in found.items()}


def _text(key: Any) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
