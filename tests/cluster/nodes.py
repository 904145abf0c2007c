"""A Ray cluster of several nodes on this machine, each a process group of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

_START_S = 120.0


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
        ports = ["--port", self.address.rpartition(":")[2], "--dashboard-port", str(port)]
        # sockets have short names at most
        self._start("--head", *ports, "--num-cpus", "0", "--temp-dir", f"/tmp/nodes-{port}")
        end = time.monotonic() + _START_S
        while not self._answers():
            if time.monotonic() > end:
                self.stop()
                raise TimeoutError(self.log())
            time.sleep(0.5)

    def add(self, cpus: int, **resources: float) -> None:
        """Start a worker."""
        named = ["--resources", json.dumps(resources)]
        self._start("--address", self.address, "--num-cpus", str(cpus), *named)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.dashboard}/api/version", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def _start(self, *arguments: str) -> None:
        ray = str(Path(sys.executable).with_name("ray"))
        with open(self._folder / "nodes.log", "ab") as log:
            self._started.append(
                subprocess.Popen(
                    [ray, "start", "--block", "--num-gpus", "0", *arguments],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**self.environment(), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
                )
            )

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of commands for this cluster, free of what other tests have set."""
        return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}

    def log(self) -> str:
        """What the nodes said."""
        return (self._folder / "nodes.log").read_text()

    def stop(self) -> None:
        """End the nodes, workers first."""
        for process in reversed(self._started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self._started):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
