"""A Ray cluster of several nodes on this machine, each a process group of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

_START_S = 240.0
_TOKEN = secrets.token_hex(32)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Nodes:
    """A head without CPUs, and workers that offer custom resources."""

    def __init__(self, folder: Path) -> None:
        """Start the head and wait for its dashboard."""
        self.address = f"127.0.0.1:{free_port()}"
        port = free_port()
        self.dashboard = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._folders: list[str] = []
        ports = ["--port", self.address.rpartition(":")[2], "--dashboard-port", str(port)]
        self._start("--head", *ports, "--num-cpus", "0")
        self._wait(self._answers)

    def add(self, cpus: int, **resources: float) -> None:
        """Start a worker."""
        named = ["--resources", json.dumps(resources)]
        self._start("--address", self.address, "--num-cpus", str(cpus), *named)

    def _answers(self) -> bool:
        try:
            answer = httpx.get(
                f"{self.dashboard}/api/version",
                headers={"Authorization": f"Bearer {_TOKEN}"},
                timeout=2,
            )
            return answer.is_success
        except httpx.HTTPError:
            return False

    def _start(self, *arguments: str) -> None:
        """Start a node and wait for it: two that start at once take each other's sockets.

        Each has a folder of its own, as on machines of their own: in one that they share, a node
        unpacks an uploaded checkout anew under the job that runs in it.
        """
        ray = str(Path(sys.executable).with_name("ray"))
        # the port where jobs are taken: another Ray of this machine may have the usual one
        agent = ["--dashboard-agent-listen-port", str(free_port())]
        # sockets have short names at most
        self._folders.append(tempfile.mkdtemp(prefix="nodes-", dir="/tmp"))
        folder = ["--temp-dir", self._folders[-1]]
        memory = ["--object-store-memory", str(500_000_000), "--num-gpus", "0"]
        with open(self._folder / "nodes.log", "ab") as log:
            self._started.append(
                subprocess.Popen(
                    [ray, "start", "--block", *memory, *agent, *folder, *arguments],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**self.environment(), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
                )
            )
        self._wait(lambda: self.log().count("Ray runtime started") == len(self._started))

    def _wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _START_S
        while not done():
            if time.monotonic() > end or self._started[-1].poll() is not None:
                self.stop()
                raise TimeoutError(self.log())
            time.sleep(0.2)

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of commands for this cluster: its token, and no other's address."""
        kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
        return {**kept, "PATH": path, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN}

    def log(self) -> str:
        """What the nodes said."""
        return (self._folder / "nodes.log").read_text()

    def stop(self) -> None:
        """End the nodes at once; asked to, each would first wait for what it runs."""
        ours = [psutil.Process(each.pid) for each in self._started if each.poll() is None]
        for process in [*ours, *(child for each in ours for child in each.children(True))]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for started in self._started:
            started.wait()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
