"""The faults ``clip_actor`` and ``mllm_replica``: SIGKILL to a model's process in mid-pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.faults.jobs import Job, title
from benchmarks.faults.tables import Committed
from benchmarks.faults.world import LIMIT_S, JobFailed, Outcome, Run, World

_CLIP, _MLLM = "ClassifierLabels", "MLLM"


def clip_actor(world: World) -> Outcome:
    """Kill the CLIP replica of ``label zero_shot`` as soon as a unit of work is committed."""
    run = world.run("clip_actor", "zero_shot")
    committed = Committed(Path(run.folder))

    def killed(job: Job) -> str:
        replica = find_worker(job, _CLIP)
        wait_for(job, lambda: committed.rows() > 0)
        replica.kill()
        return f"killed with {committed.rows()} of {world.count} labelled"

    return _disturbed(world, Outcome("clip_actor"), run, killed)


def mllm_replica(world: World) -> Outcome:
    """Kill the MLLM replica of ``label slac`` while it answers, once some answers are kept."""
    run = world.run("mllm_replica", "slac")

    def killed(job: Job) -> str:
        replica = find_worker(job, _MLLM)
        wait_for(job, lambda: bool(run.answers_place.files()))
        wait_for(job, lambda: title(replica).endswith(".answer"))
        replica.kill()
        kept = run.answers_place.table(["key"]).num_rows
        return f"killed in a batch, with {kept} of {world.count} answers kept"

    return _disturbed(world, Outcome("mllm_replica"), run, killed)


def find_worker(job: Job, name: str) -> psutil.Process:
    """Wait for the worker with ``name`` in its title."""
    found: list[psutil.Process] = []

    def there() -> bool:
        found[:] = job.workers(name)
        return bool(found)

    wait_for(job, there, pause_s=0.1)
    return found[0]


def wait_for(job: Job, happened: Callable[[], bool], pause_s: float = 0.002) -> None:
    """Wait until something has happened.

    Raises:
        JobFailed: the job is over before.
    """
    while not happened():
        if not job.running() or job.seconds > LIMIT_S:
            raise JobFailed("the job was over before the fault")
        time.sleep(pause_s)


def _disturbed(world: World, outcome: Outcome, run: Run, kill: Callable[[Job], str]) -> Outcome:
    """Run a command, kill what is to be killed, compare."""
    expected, duration = world.undisturbed(run.method)

    def disturb(job: Job) -> None:
        outcome.detail = f"{kill(job)}; {duration:.0f} s undisturbed"

    world.finish(outcome, run, disturb=disturb)
    world.check(outcome, expected, run)
    return outcome
