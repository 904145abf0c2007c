"""A job is followed from before Ray to its end: ``progress.json``, and lines without a terminal."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from methods.errors import LedgerError
from ray_jobs.passes import follow
from ray_jobs.passes.follow import following
from ray_jobs.runs.folder import RunFolder, open_run


class Clock:
    """Stands in for the actor that stages report to: ten rows a look."""

    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
        self.looks += 1
        counts = {"clip": {"passed": 10 * self.looks, "ok": 9 * self.looks, "corrupt": self.looks}}
        return {"clip": {"seconds": 0.01 * self.looks, "processes": 1}}, counts


class Gone:
    """Ray has gone: nothing answers."""

    def look(self) -> Any:
        raise RuntimeError("Ray has gone")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return open_run(str(tmp_path / "run"), {"method": "slac"}, {})


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_CALM_S", 0.02)
    monkeypatch.setattr(follow, "LINE_S", 0.1)
    monkeypatch.setattr(follow, "interval", lambda _: 0.05)


def told(run: RunFolder) -> dict[str, Any]:
    return dict(json.loads((Path(run.uri) / "progress.json").read_text()))


def until(true: Any) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_is_told_while_it_runs_and_when_it_ends(
    run: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "onoma")
    with following(run) as follower:
        assert (told(run)["state"], told(run)["pass"]) == ("running", "start")
        follower.watch(Clock(), ["label"])  # type: ignore[arg-type]
        with run.timed("label"), follower.over("label", total=500, earlier=100, stages=["clip"]):
            until(lambda: told(run).get("done", 0) > 130)
            until(lambda: "label: " in caplog.text)
        run.save(state="finished")
    found = told(run)
    assert found["state"] == "finished"
    assert found["images"] == 500
    assert 130 < found["done"] <= 500
    assert found["errors"]["corrupt"] > 2
    assert found["bottleneck"] in ("clip", None)
    assert "of 500 images" in caplog.text
    assert "errors: corrupt" in caplog.text


@pytest.mark.parametrize(
    ("error", "state", "why"),
    [
        (LedgerError("it does not add up"), "failed", "it does not add up"),
        (RuntimeError("out of luck"), "failed", "RuntimeError: out of luck; run the same command"),
        (KeyboardInterrupt(), "stopped", None),
    ],
)
def test_an_end_that_is_none_is_told(
    run: RunFolder, error: BaseException, state: str, why: str | None
) -> None:
    with pytest.raises(type(error)), following(run):
        raise error
    found = told(run)
    assert found["state"] == state
    assert found.get("why", "").startswith(why or "")
    assert ("why" in found) == (why is not None)


def test_ray_that_does_not_answer_and_a_full_disk_end_no_job(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(follow, "write_progress", full)
    with following(run) as follower:
        follower.watch(Gone())  # type: ignore[arg-type]
        with follower.over("label", total=5, earlier=0, stages=["clip"]):
            time.sleep(0.1)
            assert follower.figures()["done"] == 0
        run.save(state="finished")


def test_errors_of_an_earlier_pass_stay_counted(run: RunFolder) -> None:
    with following(run) as follower:
        follower.watch(Clock(), ["recognise", "label"])  # type: ignore[arg-type]
        with follower.over("recognise", total=100, earlier=0, stages=["clip"]):
            time.sleep(0.1)
        first = follower.figures()["errors"]["corrupt"]
        with follower.over("label", total=100, earlier=0, stages=["clip"]):
            found = follower.figures()
        assert found["errors"]["corrupt"] >= first > 0
        assert (found["pass_number"], found["passes"]) == (2, 2)
        run.save(state="finished")
