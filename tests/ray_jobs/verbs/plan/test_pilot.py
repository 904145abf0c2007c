"""`onoma plan` on a real archive, and the job that it plans."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli import DONE, WRONG_USAGE, execute

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")


def run(*words: str) -> Any:
    """Run a command; its JSON."""
    results = io.StringIO()
    assert execute([*words, "--json"], results) == DONE
    return json.loads(results.getvalue())


@pytest.fixture(scope="module")
def settings(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The settings of a job."""
    out = tmp_path_factory.mktemp("planned") / "run"
    classes = ["--classes", str(birds / "classes.txt")]
    return ["--images", str(birds / "images"), "--out", str(out), *classes]


@pytest.fixture(scope="module")
def forecast(settings: list[str]) -> dict[str, Any]:
    """A plan of labelling 48 birds, by a pilot on 32 of them."""
    prices = ["--price-cpu-hour", "36", "--price-prompt-tokens", "1"]
    return dict(run("plan", "slac", *settings, "--pilot", "32", *prices))


def test_a_plan_says_what_the_archive_will_take(forecast: dict[str, Any]) -> None:
    assert (forecast["images"], forecast["pilot_images"]) == (48, 32)
    passes = {each["name"]: each for each in forecast["passes"]}
    assert list(passes) == ["recognise", "label"]
    stages = {each["stage"]: each for each in passes["recognise"]["stages"]}
    assert list(stages) == ["fetch", "cached", "decode", "ask", "mllm"]
    assert all(each["rows"] == 32 for each in stages.values())
    assert all(each["per_process"] > 0 and 0 < each["busy"] <= 1 for each in stages.values())
    assert forecast["mllm_calls"] == 48
    assert forecast["prompt_tokens"] > 48
    (tokens,) = forecast["image_tokens"]
    assert tokens["query"] == "recognise"
    assert 36 < tokens["median"] <= tokens["most"] < 80  # 36 of the picture, the rest is text
    assert tokens["median"] * 48 == pytest.approx(forecast["prompt_tokens"], rel=0.05)
    assert 32 <= tokens["width"] <= 1024
    assert 32 <= tokens["height"] <= 1024
    assert forecast["gpu_hours"] == 0
    longer = passes["recognise"]["seconds"] + passes["label"]["seconds"]
    assert forecast["seconds"] >= longer - 0.1
    tokens = forecast["prompt_tokens"] / 1e6
    assert forecast["cost"] == pytest.approx(36 * forecast["cpu_hours"] + tokens, abs=0.02)


def test_the_job_asks_only_what_the_pilot_did_not_and_is_compared_with_the_plan(
    forecast: dict[str, Any], settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    record = run("label", "slac", *settings)
    assert (record["mllm_calls"], record["answers_reused"]) == (16, 32)
    assert record["forecast"]["seconds"] == forecast["seconds"]
    html = Path(run("report", settings[3])["report"]).read_text("utf-8")
    assert "Forecast, and what happened" in html
    table = io.StringIO()
    assert execute(["label", "slac", *settings], table) == DONE
    assert "forecast of MLLM calls" in table.getvalue()

    assert execute(["plan", "slac", *settings], io.StringIO()) == WRONG_USAGE
    assert "this run has begun; plan another one" in capsys.readouterr().err


@pytest.mark.extended
def test_the_method_may_be_a_setting_and_a_plan_is_made_again(birds: Path, tmp_path: Path) -> None:
    words = ["plan", "--images", str(birds / "images"), "--method", "zero_shot"]
    words += ["--classes", str(birds / "classes.txt"), "--out", str(tmp_path / "run")]
    made = run(*words, "--pilot", "16")
    assert made["bottleneck"].endswith("in the pass label")
    assert (made["mllm_calls"], made["cost"], made["image_tokens"]) == (0, None, [])
    assert re.search(
        r"the pass label was in full swing for 0\.\d s; --pilot 48 gives", made["note"]
    )

    again = run(*words, "--pilot", "48")
    assert again["pilot_images"] == again["passes"][0]["stages"][0]["rows"] == 48
    assert "note" not in again  # it was the whole archive
