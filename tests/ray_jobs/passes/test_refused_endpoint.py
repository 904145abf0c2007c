"""A job whose endpoint refuses everything ends with the reason, and goes on once that is mended."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ray_jobs.cli import execute
from tests.helpers.misbehaving_endpoint import misbehaving_endpoint

pytestmark = pytest.mark.usefixtures("ray_session")


def test_a_wrong_key_is_told_and_the_right_one_goes_on(
    birds: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())[:6]
    (tmp_path / "images").mkdir()
    for number, path in enumerate(files):
        (tmp_path / "images" / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    turns = ["say kaldo dornet", "400", "null"]
    with misbehaving_endpoint(turns, key="sk-right", refuses=["max_tokens"]) as endpoint:
        command = ["label", "slac", "--images", f"{tmp_path}/images", "--mllm", endpoint.name]
        command += ["--classes", str(birds / "classes.txt"), "--out", f"{tmp_path}/run"]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
        assert execute(command, io.StringIO()) == 1
        told = capsys.readouterr().err
        assert "HTTP 401" in told
        assert "Incorrect API key" in told
        assert "sk-wrong" not in told
        assert "again to resume" not in told
        assert "OPENAI_API_KEY" in told
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
        shown = io.StringIO()
        assert execute(command, shown) == 0
    capsys.readouterr()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["state"] == "finished"
    assert record["labelled"] + sum(record["errors"].values()) == 6
    assert record["errors"].keys() == record["error_examples"].keys() >= {"mllm_rejected"}
    assert "status 400 for you" in record["error_examples"]["mllm_rejected"]["detail"]
    assert "Such as mllm_rejected:" in shown.getvalue()
    assert execute([*command, "--mllm-engine", "dtype=half"], io.StringIO()) == 2
    assert "--mllm-extra" in capsys.readouterr().err
