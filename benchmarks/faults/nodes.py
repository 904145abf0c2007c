"""The fault ``node``: one of two worker nodes of a cluster dies in the middle of a job.

The nodes are processes on one machine: a head without CPUs, as clusters have it, and two workers,
each started by ``ray start`` in a session of its own, so that a node dies as a machine does, the
raylet and all its workers at once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.faults.jobs import Job, end_session, session_processes, title
from benchmarks.faults.replicas import wait_for
from benchmarks.faults.tables import Committed
from benchmarks.faults.world import JobFailed, Outcome, World, say

REPLICA = "ray::MLLM"
_CPUS = 3
_STORE = 512 << 20
_STARTED_S = 90.0


class Node:
    """One node of Ray."""

    def __init__(self, flags: list[str], changes: dict[str, str], log: Path) -> None:
        """Start it and wait until it says so.

        Args:
            flags: of ``ray start``.
            changes: to this process's environment.
            log: gets what it says.
        """
        environment = {**os.environ, **changes}
        environment.pop("RAY_ADDRESS", None)
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", *flags]
        command += ["--object-store-memory", str(_STORE), "--disable-usage-stats"]
        command += ["--dashboard-agent-listen-port", str(free_port())]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
            )
        deadline = time.monotonic() + _STARTED_S
        while "runtime started" not in (said := log.read_text(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.die()
                raise JobFailed(f"a node did not start: {said[-500:]}")
            time.sleep(0.2)

    def holds(self, name: str) -> bool:
        """Whether a worker with ``name`` in its title runs here."""
        return any(name in title(process) for process in session_processes(self._process.pid))

    def die(self) -> None:
        """SIGKILL to all its processes."""
        for process in session_processes(self._process.pid):
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        self._process.wait()
        end_session(self._process.pid, leave_s=1)


@contextlib.contextmanager
def cluster(ray: Path, logs: Path) -> Iterator[tuple[dict[str, str], list[Node]]]:
    """A head and two workers; gives the environment that a job needs to join, and the workers."""
    logs.mkdir(parents=True, exist_ok=True)
    # a token of its own: whether one is wanted depends on what the user's home holds, and the
    # nodes would not agree
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with contextlib.ExitStack() as stack:

        def start(name: str, *flags: str) -> Node:
            changes = {**own, "RAY_TMPDIR": str(ray)}
            node = Node(list(flags), changes, logs / f"node-{name}.txt")
            stack.callback(node.die)
            return node

        port = str(free_port())
        start("head", "--head", "--port", port, "--num-cpus", "0", "--include-dashboard", "false")
        address = f"{_own_address()}:{port}"
        joining = ("--address", address, "--num-cpus", str(_CPUS))
        environment = {**own, "RAY_ADDRESS": address}
        yield environment, [start("first", *joining), start("second", *joining)]


@contextlib.contextmanager
def lone_head(ray: Path, logs: Path) -> Iterator[tuple[dict[str, str], Node]]:
    """A cluster of one node; gives the environment that a job needs to join, and the node."""
    logs.mkdir(parents=True, exist_ok=True)
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    port = str(free_port())
    flags = ["--head", "--port", port, "--num-cpus", "5", "--include-dashboard", "false"]
    node = Node(flags, {**own, "RAY_TMPDIR": str(ray)}, logs / f"head-{port}.txt")
    try:
        yield {**own, "RAY_ADDRESS": f"{_own_address()}:{port}"}, node
    finally:
        node.die()


def node(world: World) -> Outcome:
    """Kill a worker node of ``label slac``: the one with the MLLM replica, if it is on a worker."""
    outcome = Outcome("node")
    expected, run = world.run("node-undisturbed", "slac"), world.run("node", "slac")
    with cluster(world.ray, world.root / "logs") as (environment, workers):
        say("label slac on two nodes, undisturbed")
        duration = world.complete(expected, environment)

        def disturb(job: Job) -> None:
            committed = Committed(Path(run.folder), "recognise")
            wait_for(job, lambda: committed.rows() > 0)
            victim = next((each for each in workers if each.holds(REPLICA)), workers[0])
            which = "with" if victim.holds(REPLICA) else "without"
            victim.die()
            outcome.detail = (
                f"a node {which} the MLLM replica killed with {committed.rows()} of {world.count} "
                f"asked about; {duration:.0f} s undisturbed on two nodes"
            )

        world.finish(outcome, run, environment, disturb)
        world.check(outcome, expected, run, lost_in_flight=True)
    return outcome


def _own_address() -> str:
    """The address by which Ray on this machine knows itself."""
    import ray.util

    return str(ray.util.get_node_ip_address())


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
