"""One command of Onoma as a child process, in a session of its own.

Ray's processes stay in the session of the driver that started them, whatever process groups and
names they give themselves, even when the driver is gone. So a session id says which processes
belong to a job, and nothing outside of it is ever signalled.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

LEAVE_S = 10.0
"""How long the processes of a killed driver have to leave by themselves."""


def session_processes(session: int) -> list[psutil.Process]:
    """The processes of a session, also when its leader has ended."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) == session:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def title(process: psutil.Process) -> str:
    """What a process calls itself, such as ``ray::MLLM.answer``; empty when it is gone."""
    try:
        return (process.cmdline() or [""])[0]
    except psutil.Error:
        return ""


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(" ".join(process.cmdline()).split())[:160]
    except psutil.Error:
        return "a process that is gone"


def end_session(session: int, leave_s: float = LEAVE_S) -> list[str]:
    """Give the processes of a session time to leave, kill the rest; returns what these are."""
    deadline = time.monotonic() + leave_s
    while (left := session_processes(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    killed = [_command_line(process) for process in left]
    while left:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)
        left = session_processes(session)
    return killed


@contextlib.contextmanager
def ray_folder() -> Iterator[Path]:
    """A folder for Ray's sessions, removed after; its path is short, since sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="onoma-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end_on_sigterm() -> None:
    """Make SIGTERM an exception, so that what a benchmark started ends with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class Job:
    """A running ``python -m ray_jobs``; leaving the context ends all that is left of it."""

    def __init__(
        self, words: Sequence[str], log: Path, ray: Path, environment: Mapping[str, str] | None
    ) -> None:
        """Start it.

        Args:
            words: verb, method and flags; ``--json`` is added.
            log: gets standard error; standard output goes to a file beside it.
            ray: folder for Ray's sessions.
            environment: changes to this process's environment.
        """
        self._log, self._out = log, log.with_suffix(".json")
        own = {**os.environ, "RAY_ADDRESS": "local", "RAY_TMPDIR": str(ray), **(environment or {})}
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with log.open("wb") as err, self._out.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ray_jobs", *words, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env=own,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Job:
        """It runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End whatever is left of its session."""
        if self.running():
            self.kill()
        end_session(self.pid)

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def running(self) -> bool:
        """Whether the driver has not ended."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """Wait for the driver to end; returns its exit code, None when it has not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def kill(self) -> list[str]:
        """SIGKILL to the driver's process group; returns what had to be killed on its own then."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        return end_session(self.pid)

    def kill_driver(self) -> list[str]:
        """SIGKILL to the driver alone; returns what had to be killed on its own then."""
        self._process.kill()
        self._process.wait()
        return end_session(self.pid)

    def workers(self, name: str) -> list[psutil.Process]:
        """Ray's workers of this job with ``name`` in their title."""
        return [
            process
            for process in session_processes(self.pid)
            if (own := title(process)).startswith("ray::") and name in own
        ]

    def record(self) -> dict[str, Any]:
        """What it wrote to standard output: the content of ``run.json``."""
        return dict(json.loads(self._out.read_text()))

    def said(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text(errors="replace")
