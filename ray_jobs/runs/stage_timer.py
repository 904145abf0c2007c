"""The clock of a run: which stage of a pass worked how long, on how many images."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from actors.metrics import CLOCK, StageClock, StageWork

PassWork = dict[str, dict[str, Any]]
"""By stage, what `actors.metrics.StageWork` holds, as plain values."""

_LOOK_S = 1.0

_ACTORS: dict[str, Any] = {}  # by Ray job: workers keep the handle they have once found


class StageTimer:
    """Holds the `StageClock` actor that the stages of this job report to."""

    def __init__(self, patience_s: float = 0.0) -> None:
        """Start the actor, or take that of an earlier run of this process.

        Args:
            patience_s: how long to wait, at the end of a pass, for what its last batches took.
        """
        import ray

        job = ray.get_runtime_context().get_job_id()
        if job not in _ACTORS:
            kind = ray.remote(StageClock).options(
                name=CLOCK, num_cpus=0, max_restarts=-1, max_task_retries=-1
            )
            _ACTORS.clear()
            _ACTORS[job] = kind.remote()
        self._actor = _ACTORS[job]
        self._patience_s = patience_s

    def lap(self) -> PassWork:
        """What was done since the last call."""
        import ray

        time.sleep(self._patience_s)
        done: dict[str, StageWork] = ray.get(self._actor.lap.remote())
        return {stage: asdict(work) for stage, work in sorted(done.items())}

    def look(self) -> tuple[PassWork, dict[str, dict[str, int]]]:
        """What was done and counted since the last lap, which goes on; waits a second at most.

        Raises:
            ray.exceptions.RayError: Ray has gone, or the actor does not answer.
        """
        import ray

        work, counts = ray.get(self._actor.look.remote(), timeout=_LOOK_S)
        return {stage: asdict(done) for stage, done in work.items()}, counts


def added(earlier: PassWork, more: PassWork) -> PassWork:
    """The work of two attempts at a pass."""
    found = {stage: StageWork(**work) for stage, work in earlier.items()}
    for stage, work in more.items():
        found.setdefault(stage, StageWork()).add(StageWork(**work))
    return {stage: asdict(work) for stage, work in sorted(found.items())}
