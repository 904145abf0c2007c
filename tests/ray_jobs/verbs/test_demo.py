"""The demo from beginning to end, small, and the doctor."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from methods.errors import ANSWER_CODES
from ray_jobs.cli import DONE, WRONG_USAGE, execute

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")


ALL = ("zero_shot", "slac", "tlac", "autosep", "near", "what_do_you_see", "data_free")
# each way that a method can take is there once: names, answers, answers again, a fit, scenes
SOME = ("zero_shot", "slac", "tlac", "near", "data_free")


@pytest.mark.timeout(1200)  # a fit of each method; machines differ by three
@pytest.mark.parametrize(
    "methods", [SOME, pytest.param(ALL, marks=pytest.mark.extended)], ids=["some", "all"]
)
def test_the_demo_tells_the_whole_story(
    methods: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = io.StringIO()
    command = ["demo", "--out", str(tmp_path / "demo"), "--count", "60"]
    if methods != ALL:
        command += ["--methods", ",".join(methods)]
    assert execute([*command, "--json"], results) == DONE
    result = json.loads(results.getvalue())
    assert tuple(result["methods"]) == methods
    for method, metrics in result["methods"].items():
        assert metrics["images"] == 63, "those that cannot be read too"
        if method == "data_free":
            assert metrics["map"] > 0.5, "scenes have several labels each"
        else:
            assert metrics["accuracy"] > 5 / 60, "far above chance"
        record = json.loads((tmp_path / "demo" / method / "run.json").read_text())
        errors = dict(record["errors"])
        assert metrics["errors"] == sum(errors.values())
        assert [errors.pop(code) for code in ("empty_file", "not_an_image", "truncated")] == [1] * 3
        assert set(errors) <= set(ANSWER_CODES), "what the model says may be of no use"
        assert sum(errors.values()) <= 3
    calls = {method: metrics["mllm_calls"] for method, metrics in result["methods"].items()}
    assert (calls["zero_shot"], calls["slac"], calls["near"]) == (0, 60, 60)
    assert 0 < calls["tlac"] < 60, "the distinct answers only: the images were asked about before"
    assert result["methods"]["tlac"]["answers_reused"] == 60
    assert result["seconds"] > 0
    if methods == ALL:
        learned = json.loads((tmp_path / "demo" / "autosep-prompt" / "history.json").read_text())
        assert learned["final"]["value"] > 0.55, "better than chance on images kept out"
        assert calls["autosep"] > 2 * 60, "the search, and two answers an image"
        assert "Accuracy of the parts" in Path(result["report"]).read_text("utf-8")
    html = Path(result["report"]).read_text("utf-8")
    assert "63 images" in html or "of 63" in html
    assert result["comparison"] == str(tmp_path / "demo" / "comparison.html")
    compared = Path(result["comparison"]).read_text("utf-8")
    birds = methods[:-1]
    assert f"{len(birds)} runs over 63 images" in compared
    assert all(f">{method}" in compared for method in birds)
    assert "data_free" not in compared, "of other images"
    told = (tmp_path / "demo" / "tlac" / "report.html").read_text("utf-8")
    assert "From answers to labels" in told

    again = io.StringIO()
    assert execute(command, again) == DONE
    assert "zero_shot" in again.getvalue()
    assert again.getvalue().rstrip().endswith("comparison.html"), "the last line names the page"
    assert "is finished; nothing to do" in caplog.text
    assert execute([*command, "--seed", "61"], io.StringIO()) == WRONG_USAGE
    assert "other settings" in capsys.readouterr().err


def test_the_doctor_says_what_is_ready() -> None:
    results = io.StringIO()
    assert execute(["doctor", "--json"], results) == DONE
    report = json.loads(results.getvalue())
    assert report["ready"] is True
    states = {check["what"]: check["state"] for check in report["checks"]}
    assert states["CLIP"] == states["Ray"] == states["vLLM"] == states["MLLM"] == "ready"
    for check in report["checks"]:
        assert check["do"] or check["state"] == "ready"
