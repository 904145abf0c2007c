"""A machine without vLLM: told at once, in words for those who came by pip too."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from actors.mllm import vllm_installed
from actors.mllm.model import resolve_mllm
from methods.errors import InputError
from ray_jobs.cli import execute


@pytest.fixture
def without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setattr(vllm_installed, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_vllm")
class TestWithoutVllm:
    def test_it_is_said_before_anything_starts(
        self, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run"
        archive = ["--images", str(birds / "images"), "--classes", str(birds / "classes.txt")]
        assert execute(["label", "slac", *archive, "--out", str(out)], io.StringIO()) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert 'pip install "onoma[gpu]"' in said
        assert "uv sync" in said
        assert "openai:MODEL@BASE_URL" in said
        assert not out.exists()

    @pytest.mark.parametrize("name", ["fieldguide", "org/model", "org/model@main"])
    def test_every_model_that_vllm_runs_is_refused(self, name: str) -> None:
        with pytest.raises(InputError, match=f"--mllm {name}: vLLM runs this model"):
            resolve_mllm(name)

    def test_what_needs_no_vllm_is_taken(self) -> None:
        assert resolve_mllm("openai:m@http://127.0.0.1:9/v1").engine == "openai"

    def test_a_wrong_name_is_told_first(self) -> None:
        with pytest.raises(InputError, match="no such folder"):
            resolve_mllm("./nowhere")

    def test_a_cluster_may_have_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
        assert resolve_mllm("fieldguide").engine == "vllm"


def test_here_it_is_installed() -> None:
    assert resolve_mllm("fieldguide").engine == "vllm"
