"""A running job from outside: its memory by part, and its rows, as time goes by.

Memory of processes is their share of resident pages without shared memory (PSS of anonymous and
file pages), so that a page counts once however many processes map it. The object store is what its
file in /dev/shm holds. For the driver the resident set (RSS) is read as well, shared pages and all.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.faults.jobs import Job, session_processes, title
from benchmarks.faults.tables import Committed

DRIVER, WORKERS, RAYLET, GCS, HELPERS, STORE = (
    *("driver", "workers", "raylet", "gcs", "helpers"),
    "object store",
)
PARTS = (DRIVER, WORKERS, RAYLET, GCS, HELPERS, STORE)
DRIVER_RSS = "driver RSS"

_TICK_S, _SAMPLE_S, _PROGRESS_S = 0.25, 2.0, 60.0
_AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")


@dataclass(frozen=True)
class Sample:
    """A moment of a job.

    Attributes:
        at: seconds since it was started.
        rows: committed.
        memory: bytes by part, and the driver's RSS.
    """

    at: float
    rows: int
    memory: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(self.memory[part] for part in PARTS)


@dataclass
class Watched:
    """What was seen of one command.

    Attributes:
        samples: every two seconds.
        ticks: (seconds, rows committed) whenever more rows were.
        rows_before: committed before it started.
        listed: seconds until the manifest was complete; 0 if it was before.
        in_flight: titles of the tasks of Ray Data at work when the watching ended.
    """

    samples: list[Sample] = field(default_factory=list)
    ticks: list[tuple[float, int]] = field(default_factory=list)
    rows_before: int = 0
    listed: float = 0.0
    in_flight: list[str] = field(default_factory=list)

    @property
    def first_rows(self) -> float | None:
        """Seconds until the first new rows were committed."""
        return self.ticks[0][0] if self.ticks else None


def watch(
    job: Job, run: Path, rows: int, progress: Callable[[str], None], until: float = 2.0
) -> Watched:
    """Watch a job until it ends, or until a share of all rows is committed.

    Args:
        job: labels.
        run: its run folder.
        rows: in all.
        progress: told once a minute how far it is.
        until: the share; more than 1 for the end.
    """
    committed, listed_before = Committed(run), is_listed(run)
    seen = Watched(rows_before=committed.rows())
    sampled, told, known = -_SAMPLE_S, 0.0, seen.rows_before
    while job.running():
        now, done = job.seconds, committed.rows()
        if done > known:
            seen.ticks.append((now, done))
            known = done
        if not listed_before and not seen.listed and is_listed(run):
            seen.listed = now
        if now - sampled >= _SAMPLE_S:
            seen.samples.append(Sample(now, done, memory_of(job.pid)))
            sampled = now
        if now - told >= _PROGRESS_S:
            total = seen.samples[-1].total / 2**20
            progress(f"{now:,.0f} s: {done:,} of {rows:,} labelled, {total:,.0f} MiB")
            told = now
        if done >= until * rows:
            seen.in_flight = tasks_at_work(job)
            return seen
        time.sleep(_TICK_S)
    if (done := committed.rows()) > known:
        seen.ticks.append((job.seconds, done))
    return seen


def is_listed(run: Path) -> bool:
    """Whether a run's manifest is complete."""
    try:
        return "manifest" in json.loads((run / "run.json").read_text())
    except (OSError, ValueError):
        return False


def tasks_at_work(job: Job) -> list[str]:
    """Titles of the workers that carry out a task of Ray Data just now."""
    words = ("MapBatches(", "Write", "Repartition")
    titles = [title(process) for process in job.workers("")]
    found = [each for each in titles if any(word in each for word in words)]
    # a replica that waits has the same title as one that works, without the method
    return [each for each in found if "MapWorker(" not in each or each.endswith(".submit")]


def memory_of(session: int) -> dict[str, int]:
    """Bytes by part of all processes of a job."""
    memory = dict.fromkeys((*PARTS, DRIVER_RSS), 0)
    for process in session_processes(session):
        part = part_of(process, session)
        memory[part] += own_pages(process.pid)
        if part == DRIVER:
            with contextlib.suppress(psutil.Error):
                memory[DRIVER_RSS] = process.memory_info().rss
        if part == RAYLET:
            memory[STORE] += store_pages(process.pid)
    return memory


def part_of(process: psutil.Process, driver: int) -> str:
    """Which part of a job a process is."""
    if process.pid == driver:
        return DRIVER
    name = title(process)
    program = name.rpartition("/")[2]
    if program in ("raylet", "gcs_server"):
        return RAYLET if program == "raylet" else GCS
    if name.startswith("ray::"):
        return HELPERS if name.startswith(_AGENTS) else WORKERS
    with contextlib.suppress(psutil.Error):
        if any(word.endswith("default_worker.py") for word in process.cmdline()[1:3]):
            return WORKERS  # one that starts
    return HELPERS


def own_pages(pid: int) -> int:
    """A process's share of resident pages, shared memory aside; 0 when it is gone."""
    total = 0
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith(("Pss_Anon:", "Pss_File:")):
                total += int(line.split()[1]) * 1024
    return total


def store_pages(raylet: int) -> int:
    """Bytes that a raylet's object store holds in /dev/shm; its file has no name any more."""
    sizes = {}
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{raylet}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(entry.path).startswith("/dev/shm/"):
                    status = os.stat(entry.path)
                    sizes[status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())
