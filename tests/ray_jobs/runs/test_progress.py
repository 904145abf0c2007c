"""``progress.json``, what a reader makes of it, and the line that a person reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from methods.errors import InputError
from ray_jobs.config.status import StatusConfig
from ray_jobs.runs.progress import line, read_progress, span, state_of, write_progress
from ray_jobs.verbs.status import status

FIGURES: dict[str, Any] = {
    "pass": "recognise",
    "pass_number": 1,
    "passes": 2,
    "images": 12000,
    "done": 3000,
    "images_per_second": 41.26,
    "seconds_left": 218.0,
    "errors": {"missing": 2, "truncated": 1200},
    "prompt_tokens_per_second": 5100.4,
    "output_tokens_per_second": 320.0,
    "bottleneck": "mllm",
    "seconds": 75.0,
}


def run_folder(out: Path, record: dict[str, Any], **progress: Any) -> str:
    """A run folder with the two files that say how far it is."""
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"method": "slac", **record}))
    if progress:
        (out / "progress.json").write_text(json.dumps(progress))
    return str(out)


def test_the_line_has_all_figures() -> None:
    assert line(FIGURES) == (
        "recognise (1 of 2): 3,000 of 12,000 images (25%), 41.3 images/s, 3 min 38 s left, "
        "errors: missing 2, truncated 1,200, tokens/s 5,100 in, 320 out, bottleneck mllm"
    )


def test_the_line_says_nothing_that_is_not_known() -> None:
    assert line({"pass": "start", "seconds": 12.2, "errors": {}}) == "start: 12 s"
    assert line({"pass": "choose", "images": None, "done": 40}) == "choose: 40 texts"
    assert line({"pass": "label", "images": 9, "done": 0}) == "label: 0 of 9 images (0%)"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_times_as_people_say_them(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_what_is_written_is_read(tmp_path: Path, s3_bucket: str) -> None:
    for run in (str(tmp_path), f"{s3_bucket}/runs/progress"):
        assert read_progress(run) == {}
        write_progress(run, "running", FIGURES)
        found = read_progress(run)
        assert {**found, **FIGURES} == found
        assert state_of({"state": "running"}, found, found["updated_at"] + 1) == "running"
    (tmp_path / "progress.json").write_text('{"state": "run')  # while it is written
    assert read_progress(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("record", "progress", "state"),
    [
        ("running", {"state": "running", "updated_at": 990.0, "every_seconds": 5.0}, "running"),
        ("running", {"state": "running", "updated_at": 940.0, "every_seconds": 5.0}, "dead"),
        ("running", {"state": "running", "updated_at": 940.0, "every_seconds": 15.0}, "running"),
        ("running", {"state": "failed", "updated_at": 10.0}, "failed"),
        ("running", {"state": "stopped", "updated_at": 10.0}, "stopped"),
        ("running", {}, "dead"),
        ("finished", {"state": "running", "updated_at": 10.0}, "finished"),
    ],
)
def test_a_job_that_says_nothing_any_more_is_dead(
    record: str, progress: dict[str, Any], state: str
) -> None:
    assert state_of({"state": record}, progress, 1000.0) == state


def test_status_of_a_running_and_of_a_dead_run(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", {"state": "running", "images": 12000})
    write_progress(run, "running", FIGURES)
    found = status(StatusConfig(run=run))
    assert (found["state"], found["done"], found["images"]) == ("running", 3000, 12000)
    assert found["says"] == f"running 1 min 15 s; {line(FIGURES)}"
    told = json.loads((tmp_path / "run" / "progress.json").read_text())
    told["updated_at"] -= 3600
    (tmp_path / "run" / "progress.json").write_text(json.dumps(told))
    found = status(StatusConfig(run=run))
    assert found["state"] == "dead"
    assert found["says"].startswith("dead: no sign of life for 1 h")
    assert found["says"].endswith("run the same command again to go on")


def test_status_of_a_finished_and_of_a_failed_run(tmp_path: Path) -> None:
    record = {"state": "finished", "images": 9, "labelled": 7, "errors": {"missing": 2}}
    found = status(StatusConfig(run=run_folder(tmp_path / "a", record, state="running")))
    assert found["says"] == "finished: 7 of 9 images labelled, 2 with an error"
    assert (found["state"], found["errors"]) == ("finished", {"missing": 2})
    failed = {"state": "failed", "why": "OSError: the disk is full", "pass": "label", "seconds": 3}
    found = status(StatusConfig(run=run_folder(tmp_path / "b", {"state": "running"}, **failed)))
    assert found["state"] == "failed"
    assert found["says"] == (
        "failed: OSError: the disk is full; run the same command again to go on; it was at "
        "label: 3 s"
    )


def test_status_of_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no run\.json; give the folder that --out"):
        status(StatusConfig(run=str(tmp_path)))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json is not JSON"):
        status(StatusConfig(run=str(tmp_path)))
