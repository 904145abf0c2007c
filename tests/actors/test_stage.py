"""What stages do, counted: outcomes, the clock of a run, and Ray's metrics."""

from __future__ import annotations

import pickle
import time
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
import ray

from actors.images.decode import decode
from actors.stage import StageClock, StageWork, counted, outcomes
from ray_jobs.passes.session import Capacity
from ray_jobs.runs.stage_timer import StageTimer, added


def table(errors: list[str | None] | None, rows: int = 3) -> pa.Table:
    columns: dict[str, Any] = {"image_id": list(range(rows))}
    if errors is not None:
        columns["error"] = pa.array(errors, pa.string())
    return pa.table(columns)


def test_a_stage_counts_only_the_errors_that_it_found() -> None:
    before = table([None, "missing", None])
    after = table(["corrupt", "missing", None])
    assert outcomes(before, after) == Counter(corrupt=1, ok=1)
    assert outcomes(table(None), after) == Counter(corrupt=1, missing=1, ok=1)
    assert outcomes(before, table(None)) == Counter(ok=3)


def test_the_clock_adds_up_a_lap_and_leaves_out_what_came_before_it() -> None:
    clock = StageClock()
    clock.add("a", 0.5, {"clip": StageWork(10, 1.0, 5.0, 6.0)})
    clock.add("b", 0.5, {"clip": StageWork(6, 2.0, 4.0, 9.0)})
    assert clock.lap() == {"clip": StageWork(16, 3.0, 4.0, 9.0, processes=2, gpus=1.0)}
    clock.add("a", 0.5, {"clip": StageWork(10, 1.0, 5.0, 6.0)})  # told late
    assert clock.lap() == {}


def test_two_attempts_at_a_pass_are_added() -> None:
    first = {"clip": {**StageWork(3, 1.0, 1.0, 2.0, 1).__dict__}}
    both = added(first, {"clip": {**StageWork(4, 0.5, 3.0, 4.0, 2).__dict__}})
    assert both["clip"] == StageWork(7, 1.5, 1.0, 4.0, 2).__dict__


def test_outside_of_ray_a_stage_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    @counted("twice")
    def twice(batch: pa.Table, times: int = 2) -> pa.Table:
        """Doc."""
        return pa.concat_tables([batch] * times)

    assert twice(table(None), times=2).num_rows == 6
    assert twice.__doc__ == "Doc."
    assert pickle.loads(pickle.dumps(decode)) is decode


def test_what_a_process_does_reaches_the_clock_of_its_job(ray_session: Capacity) -> None:
    clock = StageTimer()
    clock.lap()

    @ray.remote(num_cpus=0)
    def work() -> int:
        @counted("halves")
        def halves(batch: pa.Table) -> pa.Table:
            return batch.append_column("error", pa.array(["bad", None], pa.string()))

        return int(halves(table(None, rows=2)).num_rows)

    assert ray.get(work.remote()) == 2
    time.sleep(2)  # it is told a moment later, and a lap leaves out what came before it
    done = clock.lap()["halves"]
    assert (done["rows"], done["processes"], done["gpus"]) == (2, 1, 0.0)
    assert 0 < done["seconds"] < 5
    assert done["began"] <= done["ended"]


def test_a_driver_may_call_a_stage_itself(ray_session: Capacity) -> None:
    clock = StageTimer()
    time.sleep(0.5)  # longer than a process waits before it tells
    clock.lap()

    @counted("by hand")
    def by_hand(batch: pa.Table) -> pa.Table:
        return batch

    assert by_hand(table(None)).num_rows == 3
    time.sleep(3)
    by_hand(table(None))
    time.sleep(1)
    assert clock.lap()["by hand"]["processes"] == 1
