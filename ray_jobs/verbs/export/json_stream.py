"""JSON files that are written as they come, so that they may be larger than memory."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, TextIO


class JsonStream:
    """Writes one list or one object, item by item, a line each."""

    def __init__(self, file: TextIO, brackets: str) -> None:
        """Write into ``file`` between brackets, ``[]`` or ``{}``."""
        self._file, self._brackets, self._first = file, brackets, True

    def __enter__(self) -> JsonStream:
        """Open it."""
        self._file.write(self._brackets[0])
        return self

    def item(self, value: Any, key: str | None = None) -> None:
        """Add an item of a list, or with a key one of an object."""
        self._file.write("\n" if self._first else ",\n")
        self._first = False
        if key is not None:
            self._file.write(json.dumps(key) + ": ")
        self._file.write(json.dumps(value))  # ASCII: any name survives

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._file.write(f"\n{self._brackets[1]}")
