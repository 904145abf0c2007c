"""From a pilot to a forecast, by hand-made figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.runs.forecast import find_forecast, save_forecast, settings_of
from ray_jobs.verbs.plan.comparison import compare
from ray_jobs.verbs.plan.forecast import Prices, forecast_job, forecast_pass


def work(rows: int, seconds: float, began: float, ended: float, **more: Any) -> dict[str, Any]:
    done = {"rows": rows, "seconds": seconds, "began": began, "ended": ended}
    return {**done, "processes": 1, "gpus": 0.0, **more}


MLLM_PASS = {
    "fetch": work(100, 1.0, 10.0, 28.0, processes=2),
    "decode": work(100, 4.0, 10.1, 28.5, processes=2),
    "mllm": work(100, 9.5, 20.0, 30.0, gpus=2.0),
}


def test_a_pass_has_a_start_and_a_steady_part() -> None:
    found = forecast_pass("recognise", MLLM_PASS, seconds=25.0, pilot=100, images=10_000)
    assert found.images_per_second == pytest.approx(10.0)  # 100 images from 20 s to 30 s
    assert found.start_seconds == pytest.approx(15.0)
    assert found.seconds == pytest.approx(15.0 + 1000.0)
    assert found.bottleneck == "mllm"
    assert (found.gpus, found.mllm_calls) == (2.0, 10_000)
    assert [each.stage for each in found.stages] == ["fetch", "decode", "mllm"]
    assert found.stages[1].per_process == pytest.approx(25.0)
    assert found.stages[1].busy == pytest.approx(4.0 / (20.0 * 2))


def test_a_pass_about_classes_does_not_grow_with_the_archive() -> None:
    classes = {"ask": work(40, 0.1, 1.0, 5.0), "mllm": work(40, 4.0, 1.1, 5.0)}
    found = forecast_pass("describe-1", classes, 6.0, pilot=100, images=10_000, grows=False)
    assert found.seconds == pytest.approx(6.0)
    assert found.mllm_calls == 40


def record(**changes: Any) -> dict[str, Any]:
    return {
        "images": 100,
        "timings": {"start": 5.0, "recognise": 25.0, "label": 4.0},
        "work": {"recognise": MLLM_PASS, "label": {"label": work(98, 1.0, 40.0, 42.0)}},
        "passes": {"recognise": "images", "label": "images"},
        "mllm_calls": 100,
        "answers_reused": 0,
        "prompt_tokens": 5000,
        "output_tokens": 1000,
        "errors": {"corrupt": 2},
        **changes,
    }


def test_a_job_adds_up_its_passes() -> None:
    prices = Prices(gpu_hour=2.0, prompt_tokens=1.0)
    found = forecast_job(record(), 10_000, cores=8, prices=prices)
    label = 2.0 + 10_000 * 2.0 / 100
    assert found["seconds"] == pytest.approx(5.0 + 1015.0 + label)
    assert found["gpu_hours"] == pytest.approx(2 * 1015.0 / 3600, abs=1e-3)
    assert found["cpu_hours"] == pytest.approx(8 * found["seconds"] / 3600, abs=1e-3)
    assert found["mllm_calls"] == 10_000
    assert (found["prompt_tokens"], found["output_tokens"]) == (500_000, 100_000)
    assert found["errors"] == 0.02
    assert found["bottleneck"] == "mllm in the pass recognise"
    assert found["cost"] == pytest.approx(2 * found["gpu_hours"] + 0.5, abs=0.01)
    assert forecast_job(record(), 10_000, 8, Prices())["cost"] is None
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, allow_nan=False))


def test_answers_known_to_the_pilot_are_asked_of_the_archive() -> None:
    mllm = {**MLLM_PASS, "mllm": work(50, 4.7, 20.0, 25.0)}
    half = record(work={"recognise": mllm}, mllm_calls=50, answers_reused=50, prompt_tokens=2500)
    found = forecast_job(half, 10_000, 8, Prices())
    assert found["mllm_calls"] == 10_000
    assert found["prompt_tokens"] == 500_000


def test_a_forecast_belongs_to_the_settings_it_was_made_with(tmp_path: Path) -> None:
    identity = {"method": "slac", "classes": ["a"], "images": "pilot"}
    forecast = forecast_job(record(), 10_000, 8, Prices())
    out = str(tmp_path / "run")
    assert find_forecast(out, identity) is None
    save_forecast(out, {**forecast, "identity": settings_of(identity)})
    found = find_forecast(out, {**identity, "images": "all of them"})
    assert found is not None
    assert find_forecast(out, {**identity, "classes": ["b"]}) is None
    happened = {
        **record(images=10_000, errors={"corrupt": 210}),
        "seconds": 1300.0,
        "images_per_second": 7.7,
        "forecast": found,
    }
    rows = {name: (expected, was) for name, expected, was in compare(happened)}
    assert rows["seconds"] == (found["seconds"], 1300.0)
    assert rows["images with an error"] == (200.0, 210.0)
    assert rows["GPU-hours"][1] == pytest.approx(2 * 25.0 / 3600)
    assert compare({"images": 1}) == []
