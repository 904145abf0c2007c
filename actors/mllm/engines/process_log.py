"""What this process and its children say on their standard streams while something is done.

vLLM's model runs in a process of its own on a GPU. When that one fails, what is raised here says no
more than that; why is on its standard error, which is this process' own. Where that is a file, as
in a worker of Ray, it can be read again.
"""

from __future__ import annotations

import os
import stat
from typing import Final, Self

_STREAMS: Final = (1, 2)
_TAIL_BYTES: Final = 256 * 1024


class ProcessLog:
    """Remembers where the standard streams' files end, and reads what came after."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._ends: dict[int, int] = {}

    def __enter__(self) -> Self:
        """Remember the ends."""
        for stream in _STREAMS:
            try:
                found = os.fstat(stream)
            except OSError:  # closed
                continue
            if stat.S_ISREG(found.st_mode):
                self._ends[stream] = found.st_size
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what is remembered."""

    def text(self) -> str:
        """What came since, 256 KiB of each stream at most; empty where none is a file."""
        return "\n".join(self._since(stream, end) for stream, end in self._ends.items())

    def _since(self, stream: int, end: int) -> str:
        try:
            with open(f"/proc/self/fd/{stream}", "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(min(end, size), size - _TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:  # the file has gone, or there is no /proc
            return ""
