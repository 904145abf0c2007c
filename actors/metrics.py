"""What stages do, as metrics: images by outcome, and the seconds that a stage works.

Every stage reports twice. To Ray's metrics, which Prometheus collects from every node: counters
with ``ray_`` before their names. And to the `StageClock` of a run, where its driver holds one, so
that the run can say which stage took how long; a process reports there a few times a second.
Outside of Ray nothing is counted.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import ray
from ray.exceptions import RayError
from ray.util.metrics import Counter as CounterMetric

OK: Final = "ok"
"""Outcome of what went well; everything else is an error code."""

CLOCK: Final = "onoma-stages"
"""Name of the `StageClock` actor, in the namespace of its job."""

_EVERY_S: Final = 0.25
_LOOK_AGAIN_S: Final = 2.0


@dataclass
class StageWork:
    """What a stage did.

    Attributes:
        rows: images or texts, those that came with an error aside.
        seconds: that it worked, added up over all its processes.
        began, ended: of its first and last batch, seconds since 1970.
        processes: that did it.
        gpus: of all of them together.
    """

    rows: int = 0
    seconds: float = 0.0
    began: float = float("inf")
    ended: float = 0.0
    processes: int = 0
    gpus: float = 0.0

    def add(self, other: StageWork) -> None:
        """Add what another process, or another attempt, did."""
        self.rows += other.rows
        self.seconds += other.seconds
        self.began, self.ended = min(self.began, other.began), max(self.ended, other.ended)
        self.processes = max(self.processes, other.processes)
        self.gpus = max(self.gpus, other.gpus)


class StageClock:
    """Adds up the work of a run's stages, one pass after another; an actor."""

    def __init__(self) -> None:
        """Nothing is done yet."""
        self._work: dict[str, StageWork] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._processes: dict[str, dict[str, float]] = {}
        self._lap_began = 0.0

    def add(
        self,
        process: str,
        gpus: float,
        work: dict[str, StageWork],
        counts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    ) -> None:
        """Add what a process with so many GPUs did; what it did before the lap is left out."""
        for stage, found in counts.items():
            self._counts.setdefault(stage, Counter()).update(found)
        for stage, done in work.items():
            if done.ended >= self._lap_began:
                self._work.setdefault(stage, StageWork()).add(done)
                self._processes.setdefault(stage, {})[process] = gpus

    def lap(self) -> dict[str, StageWork]:
        """Return what was done since the last lap, by stage, and begin another."""
        done_by_stage = self._in_this_lap()
        self._work, self._processes, self._counts = {}, {}, {}
        self._lap_began = time.time()
        return done_by_stage

    def look(self) -> tuple[dict[str, StageWork], dict[str, dict[str, int]]]:
        """Return what was done since the last lap, and what was counted; the lap goes on.

        Returns:
            Work by stage; by stage, how many rows had which outcome, and what it has noted.
        """
        counted = {stage: dict(found) for stage, found in self._counts.items()}
        return self._in_this_lap(), counted

    def _in_this_lap(self) -> dict[str, StageWork]:
        for stage, done in self._work.items():
            gpus = self._processes[stage]
            done.processes, done.gpus = len(gpus), sum(gpus.values())
        return self._work


def outcomes(before: pa.Table, after: pa.Table) -> Counter[str]:
    """Count the rows of a batch by what a stage made of them; earlier errors do not count again.

    Args:
        before: the batch that the stage got.
        after: what came of it; the same rows in the same order, or others without errors.
    """
    if "error" not in after.column_names:
        return Counter({OK: after.num_rows})
    codes = after.column("error").to_pylist()
    if "error" not in before.column_names or before.num_rows != after.num_rows:
        return Counter(code or OK for code in codes)
    earlier = before.column("error").is_valid().to_pylist()
    return Counter(code or OK for code, known in zip(codes, earlier, strict=True) if not known)


def record(stage: str, results: Mapping[str, int], seconds: float) -> None:
    """Report what a stage has just done: how many of which outcome, in how many seconds."""
    if not ray.is_initialized():
        return
    images, busy = _metrics()
    for outcome, count in results.items():
        if count:
            images.inc(count, {"stage": stage, "outcome": outcome})
    if seconds > 0:
        busy.inc(seconds, {"stage": stage})
    ended = time.time()
    _REPORT.add(stage, StageWork(sum(results.values()), seconds, ended - seconds, ended), results)


def note(stage: str, **counts: int) -> None:
    """Tell the clock alone what a stage counted, so that a run can say how far it is.

    Args:
        stage: which.
        counts: ``passed``, rows that left it whatever is wrong with them, or tokens.
    """
    if ray.is_initialized():
        _REPORT.add(stage, None, counts)


@functools.cache
def _metrics() -> tuple[CounterMetric, CounterMetric]:
    return (
        CounterMetric(
            "onoma_stage_images",
            "Images (or texts) that a stage has done, by outcome: ok or an error code.",
            tag_keys=("stage", "outcome"),
        ),
        CounterMetric(
            "onoma_stage_seconds", "Seconds that a stage has worked.", tag_keys=("stage",)
        ),
    )


class _Report:
    """What this process has to tell the clock: at once, or a quarter of a second after the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: dict[str, StageWork] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._clock: Any = None
        self._looked = self._told = float("-inf")
        self._timed = False

    def add(self, stage: str, work: StageWork | None, counts: Mapping[str, int]) -> None:
        with self._lock:
            now = time.monotonic()
            if work is not None:
                self._work.setdefault(stage, StageWork()).add(work)
            self._counts.setdefault(stage, Counter()).update(counts)
            if now - self._told >= _EVERY_S:
                self._tell()
            elif not self._timed:
                self._timed = True
                timer = threading.Timer(_EVERY_S, self._tell_the_rest)
                timer.daemon = True
                timer.start()

    def _tell_the_rest(self) -> None:
        with self._lock:
            self._timed = False
            if self._counts and ray.is_initialized():
                self._tell()

    def _tell(self) -> None:
        """Tell what there is, if anybody wants to know."""
        self._told = time.monotonic()
        told, self._work = self._work, {}
        counted, self._counts = self._counts, {}
        if self._clock is None and self._told - self._looked > _LOOK_AGAIN_S:
            self._looked = self._told
            with contextlib.suppress(ValueError, RayError):  # none there, or Ray has just gone
                self._clock = ray.get_actor(CLOCK)
        if self._clock is not None:
            worker = ray.get_runtime_context().get_worker_id()
            self._clock.add.remote(worker, _gpus(), told, counted)


def _gpus() -> float:
    """GPUs of this process."""
    try:
        return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 0.0))
    except AssertionError:  # a driver, which calls a stage itself
        return 0.0


_REPORT: Final = _Report()
