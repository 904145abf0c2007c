"""A cascade that was killed counts the calls whose answers it lost; no Ray and no model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.labels.cascade import SHOWN
from actors.labels.cascade_scores import SCORES_SCHEMA
from actors.mllm.journal import note_calls, read_calls
from actors.mllm.response_cache import RESPONSES_SCHEMA, append, key_of
from methods.cascade.uncertainty import TEMPERATURES
from ray_jobs.config import LabelCascadeConfig
from ray_jobs.pipelines.cascade import resuming
from ray_jobs.pipelines.cascade.choosing import decided
from ray_jobs.pipelines.cascade.resuming import hold_budget
from ray_jobs.pipelines.cascade.scored import SCORES
from ray_jobs.pipelines.cascade.spending import ALLOWED, ASK, calls_of, journal_of
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.stage_tables import stage_table


def killed_run(folder: Path, images: int, budget: int, committed: int) -> RunFolder:
    """A run that has scored ``images`` and was asking about ``budget`` of them.

    Image 0 is the least certain, and asked about first; ``committed`` are in the checkpoint.
    """
    known = {ASK: budget, ALLOWED: budget, "images_asked": budget}
    run = RunFolder(str(folder), {"identity": {}, "manifest": {}, "cascade": known})
    logits = [[1.0 + at / images, 0.0, 0.0] for at in range(images)]
    rows = [
        {
            "image_id": at,
            "top": [0, 1, 2],
            "top_logits": own,
            "log_sums": [float(np.logaddexp.reduce(np.array(own) / t)) for t in TEMPERATURES],
        }
        for at, own in enumerate(logits)
    ]
    for where, table in (
        (Path(stage_table(run, SCORES)), pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)),
        (Path(run.checkpoint(ASK)), pa.table({"image_id": list(range(committed))})),
    ):
        where.mkdir(parents=True)
        pq.write_table(table, where / "0.parquet")
    shown = pa.array([[0, 1]] * budget, pa.list_(pa.int32()))
    pq.write_table(
        pa.table({"image_id": list(range(budget)), SHOWN: shown}), folder / "ask.parquet"
    )
    return run


def answered(folder: Path, images: list[int]) -> None:
    """Put the answers on some images into the response cache."""
    rows = [{"key": key_of(b"%d" % at), "answer": "wren", "finish_reason": "stop"} for at in images]
    append(str(folder / "cache"), pa.Table.from_pylist(rows, schema=RESPONSES_SCHEMA))


def called(run: RunFolder, images: list[int]) -> None:
    note_calls(journal_of(run), [(at, "choose", key_of(b"%d" % at)) for at in images])


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Resumes a run: what it may still ask about."""
    cache = SimpleNamespace(folder=str(tmp_path / "cache"))
    monkeypatch.setattr(resuming, "open_cached", lambda job, query: cache)
    monkeypatch.setattr(resuming, "_read_elsewhere", read_calls)  # no Ray
    inputs: Any = SimpleNamespace(
        choices=2,
        calls_each=1,
        queries=[SimpleNamespace(name="choose")],
        budget=None,
        learns=False,
    )
    config = LabelCascadeConfig(images="a", out="b", classes="c", budget="6")

    def resume(run: RunFolder) -> list[int]:
        job: Any = SimpleNamespace(run=run)
        hold_budget(job, config, inputs, ASK)
        listed = pq.read_table(tmp_path / "ask.parquet")
        assert listed.column_names == ["image_id", SHOWN]
        assert decided(run)[ASK] == listed.num_rows
        found: list[int] = listed.column("image_id").to_pylist()
        return found

    return resume


def test_lost_calls_are_made_up_for_by_the_least_uncertain(tmp_path: Path, hold: Any) -> None:
    run = killed_run(tmp_path, images=9, budget=6, committed=2)
    called(run, [0, 1, 2, 3])
    answered(tmp_path, [0, 1, 2])  # the answer on 3 was on its way
    assert hold(run) == [0, 1, 2, 3, 4]
    assert decided(run)["calls_lost"] == 1
    assert decided(run)["images_asked"] == 5
    called(run, [3, 4])  # killed again: both are lost, and six calls are made
    assert hold(run) == [0, 1, 2]
    assert decided(run)["calls_lost"] == 3
    assert len(read_calls(journal_of(run), {}).made) == 5
    assert read_calls(journal_of(run), {}).made.sum() == 6  # as many as are allowed
    assert hold(run) == [0, 1, 2]  # and resumed without a call it says the same


def test_a_run_that_lost_nothing_asks_about_the_same(tmp_path: Path, hold: Any) -> None:
    run = killed_run(tmp_path, images=9, budget=6, committed=2)
    assert hold(run) == [0, 1, 2, 3, 4, 5]  # nothing was called yet
    assert "calls_lost" not in decided(run)
    called(run, [0, 1, 2])
    answered(tmp_path, [0, 1, 2])
    assert hold(run) == [0, 1, 2, 3, 4, 5]
    assert decided(run)["calls_lost"] == 0


def test_a_budget_with_room_asks_again(tmp_path: Path, hold: Any) -> None:
    run = killed_run(tmp_path, images=9, budget=6, committed=2)
    run.save(cascade={**decided(run), ALLOWED: 100})
    called(run, [0, 1, 2, 3])
    answered(tmp_path, [0, 1])
    assert hold(run) == [0, 1, 2, 3, 4, 5]
    assert decided(run)["calls_lost"] == 2


def test_a_pilot_s_lost_calls_count(tmp_path: Path) -> None:
    run = killed_run(tmp_path, images=9, budget=6, committed=0)
    assert calls_of(run, np.array([0, 1, 2]), 1) == 3
    called(run, [0, 1, 2])
    called(run, [2])
    assert calls_of(run, np.array([0, 1, 2]), 1) == 4
