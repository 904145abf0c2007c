"""The endpoint under measurement: a subprocess in its own process group, with a Ray of its own."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psutil

from fieldguide.archive import draw_archive

READY_S = 180.0
_END_S = 60.0
_BIRDS = 64


def draw_birds(folder: Path) -> list[str]:
    """Draw a few birds to send; returns their files."""
    draw_archive(folder, _BIRDS, seed=4)
    return [str(file) for file in sorted((folder / "images").rglob("*.jpg"))]


def fit_zero_shot(out: Path, names: Sequence[str], clip: str) -> Path:
    """Make a zero-shot classifier of class names; returns its folder."""
    classes = out.with_suffix(".txt")
    classes.write_text("".join(f"{name}\n" for name in names))
    command = [sys.executable, "-m", "ray_jobs", "fit", "zero_shot", "--classes", str(classes)]
    command += ["--clip", clip, "--out", str(out)]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "RAY_ADDRESS": "local"}
    )
    return out


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Endpoint:
    """`onoma serve` as a context: ready inside, ended by SIGINT after."""

    def __init__(self, classifiers: Sequence[str], flags: str = "", log: Path | None = None):
        """Remember what to start.

        Args:
            classifiers: folders, or NAME=FOLDER.
            flags: further flags of `onoma serve`, as in a shell.
            log: file for what it prints; by default it goes to standard error.
        """
        self.port = free_port()
        self._command = [sys.executable, "-m", "ray_jobs", "serve", *classifiers]
        self._command += ["--port", str(self.port), *shlex.split(flags)]
        self._log = log
        self.ready_s = 0.0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Endpoint:
        """Start it and wait until it is ready."""
        started = time.monotonic()
        out = self._log.open("wb") if self._log else sys.stderr
        self._process = subprocess.Popen(
            self._command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RAY_ADDRESS": "local"},
            start_new_session=True,
        )
        try:
            while not self.healthy():
                if self._process.poll() is not None:
                    raise SystemExit(self._said(f"ended ({self._process.returncode})"))
                if time.monotonic() > started + READY_S:
                    raise SystemExit(self._said(f"was not ready within {READY_S:g} s"))
                time.sleep(0.25)
        except BaseException:
            self.stop()
            raise
        self.ready_s = time.monotonic() - started
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.stop()

    def _said(self, what: str) -> str:
        """What happened, and the end of what it printed."""
        printed = self._log.read_text(errors="replace")[-2000:] if self._log else ""
        return f"onoma serve {what}\n{printed}"

    def healthy(self) -> bool:
        """Whether GET /healthz answers 200."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """Ask it to end, and end what is left of its process group if it does not."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            print(f"onoma serve did not end within {_END_S:g} s: killed", file=sys.stderr)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def processes(self) -> list[psutil.Process]:
        """Its process and all that come from it: Ray's and Serve's."""
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def serve_processes(self) -> dict[str, list[psutil.Process]]:
        """Processes that handle requests, by what Ray calls them, and the command's own."""
        found: dict[str, list[psutil.Process]] = {}
        for process in self.processes():
            try:
                title = (process.cmdline() or [""])[0]
            except psutil.Error:
                continue
            if title.startswith(("ray::Serve", "ray::Proxy")):
                found.setdefault(short_title(title), []).append(process)
        return found

    def cpu_seconds(self) -> float:
        """CPU time that its processes have used until now."""
        total = 0.0
        for process in self.processes():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system
        return total


def short_title(title: str) -> str:
    """What a process is: 'ray::ServeReplica:app:Encoder.f()' -> 'ServeReplica:app:Encoder'."""
    return title.removeprefix("ray::").split(".")[0].split(" ")[0]
