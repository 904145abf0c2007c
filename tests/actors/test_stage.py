"""The contract of a stage, and what stages do: outcomes, the clock of a run, Ray's metrics."""

from __future__ import annotations

import ast
import pickle
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
import ray

from actors.images.decode import decode
from actors.metrics import StageClock, StageWork, outcomes
from actors.stage import StageName, stage, stage_info
from ray_jobs.passes.session import Capacity
from ray_jobs.runs.stage_timer import StageTimer, added
from tests.helpers.own_modules import tree_of

ACTORS = Path(__file__).parents[2] / "actors"
PARTS = ("clip", "images", "labels")


def stages_in_tree() -> list[tuple[str, str]]:
    """Module and name of what maps a batch to a table in these packages."""
    found = []
    for path in sorted(
        p for part in ("clip", "images", "labels") for p in ACTORS.glob(f"{part}/*.py")
    ):
        module = ".".join(path.relative_to(ACTORS.parent).with_suffix("").parts)
        for node in tree_of(path).body:
            call: ast.stmt | None = node
            if isinstance(node, ast.ClassDef):
                calls = [each for each in node.body if getattr(each, "name", "") == "__call__"]
                call = calls[0] if calls else None
            if not isinstance(call, ast.FunctionDef) or node.name.startswith("_"):
                continue
            takes = [argument.arg for argument in call.args.args if argument.arg != "self"]
            if takes[:1] == ["batch"] and call.returns and ast.unparse(call.returns) == "pa.Table":
                found.append((module, node.name))
    return found


STAGES = stages_in_tree()


@pytest.mark.parametrize(("module", "name"), STAGES)
def test_what_maps_a_batch_to_a_table_is_a_stage_with_a_name_of_the_list(
    module: str, name: str
) -> None:
    target = getattr(import_module(module), name)
    info = stage_info(target)
    assert info.name in get_args(StageName)
    assert info.adds
    assert target.__name__ == info.name
    assert pickle.loads(pickle.dumps(target)) is target


def test_the_tree_has_stages() -> None:
    assert ("actors.images.decode", "decode") in STAGES
    assert ("actors.labels.classifier", "ClassifierLabels") in STAGES
    assert len(STAGES) > 12


def test_a_stage_of_a_class_counts_once_and_by_the_name_of_the_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[tuple[str, int]] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(
        "actors.stage.record", lambda name, found, _: counted.append((name, sum(found.values())))
    )

    @stage("label", adds=("n",))
    class Numbered:
        def __call__(self, batch: pa.Table) -> pa.Table:
            return batch.append_column("n", pa.array(range(batch.num_rows)))

    @stage("clip", adds=("n", "more"))
    class More(Numbered):
        pass

    assert Numbered()(table(None)).column("n").to_pylist() == [0, 1, 2]
    assert More()(table(None, rows=2)).num_rows == 2
    assert counted == [("label", 3), ("clip", 2)]
    assert stage_info(More()).adds == ("n", "more")
    assert stage_info(Numbered).adds == ("n",)


def test_what_is_no_stage_is_said_to_be_none() -> None:
    with pytest.raises(TypeError, match="is no stage"):
        stage_info(table)


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

    @stage("label")
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
        @stage("clean")
        def halves(batch: pa.Table) -> pa.Table:
            return batch.append_column("error", pa.array(["bad", None], pa.string()))

        return int(halves(table(None, rows=2)).num_rows)

    assert ray.get(work.remote()) == 2
    time.sleep(2)  # it is told a moment later, and a lap leaves out what came before it
    done = clock.lap()["clean"]
    assert (done["rows"], done["processes"], done["gpus"]) == (2, 1, 0.0)
    assert 0 < done["seconds"] < 5
    assert done["began"] <= done["ended"]


def test_a_driver_may_call_a_stage_itself(ray_session: Capacity) -> None:
    clock = StageTimer()
    time.sleep(0.5)  # longer than a process waits before it tells
    clock.lap()

    @stage("join")
    def by_hand(batch: pa.Table) -> pa.Table:
        return batch

    assert by_hand(table(None)).num_rows == 3
    time.sleep(3)
    by_hand(table(None))
    time.sleep(1)
    assert clock.lap()["join"]["processes"] == 1
