"""CPU seconds of this process and of all below it, those that end meanwhile included."""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType

import psutil

_TICK_S = 0.5


class CpuOfTree:
    """Counts user and system seconds while its context is open.

    The processes are read every half second; what one that ends has used since it was last read is
    not seen. The reading itself is not counted.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.seconds = 0.0
        self._used: dict[tuple[int, float], float] = {}
        self._reading = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CpuOfTree:
        """Begin."""
        self._read()
        self._before = dict(self._used)
        self._reading = 0.0
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End: ``seconds`` is known."""
        self._ended.set()
        self._thread.join()
        self._read()
        grown = (used - self._before.get(key, 0.0) for key, used in self._used.items())
        self.seconds = sum(grown) - self._reading

    def _watch(self) -> None:
        while not self._ended.wait(_TICK_S):
            began = time.thread_time()
            self._read()
            self._reading += time.thread_time() - began

    def _read(self) -> None:
        own = psutil.Process()
        for process in (own, *own.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._used[process.pid, process.create_time()] = times.user + times.system
