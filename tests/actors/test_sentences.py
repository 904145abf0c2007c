"""The sentence encoder on a tiny real model, and the errors of names that mean no model."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from actors.sentences import SentenceEncoder
from methods.errors import InputError
from tests.helpers.tiny_sentence_model import save_tiny_model

pytestmark = pytest.mark.slow

WORDS = {"barn": [3.0, 0, 0], "owl": [0, 3.0, 0], "wren": [0, 0, 0.5]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("sentences") / "model", WORDS)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub answers, and the cache is not asked for one."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_rows_are_unit_float32_in_order(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = SentenceEncoder(folder, device="cpu")
    rows = encoder.encode(["wren", "barn owl", "owl", "emu"])
    half = 0.5**0.5
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0, 0, 1], [half, half, 0], [0, 1, 0], [0, 0, 0]], atol=1e-6)
    said = capfd.readouterr()
    assert said.out == ""
    assert "%|" not in said.err  # a bar


def test_a_model_s_default_prompt_is_not_put_before_names(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", WORDS, prompts={"query": "barn "})
    np.testing.assert_allclose(SentenceEncoder(model).encode(["owl"]), [[0, 1, 0]], atol=1e-6)


def test_bars_are_left_as_they_were(folder: str) -> None:
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    SentenceEncoder(folder)
    assert logging.is_progress_bar_enabled() == before


def test_wrong_folders_say_so(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--sentences \./absent: no such folder"):
        SentenceEncoder("./absent")
    with pytest.raises(InputError, match="--sentences a/b/c: no such folder"):
        SentenceEncoder("a/b/c")
    with pytest.raises(InputError, match=r"holds no modules\.json; give a folder saved by"):
        SentenceEncoder(str(tmp_path))
    (tmp_path / "modules.json").write_text("[{")
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        SentenceEncoder(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("name", ["no-such-sentence-model", "acme/no-such-sentence-model"])
def test_without_a_hub_one_sentence_says_so(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: not in the cache and no model hub can be"):
        SentenceEncoder(name)


def test_a_hub_that_does_not_have_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(_self: object, repository: str, timeout: float) -> None:
        asked.append(repository)
        raise OSError("404: no such model\nmore about it")

    monkeypatch.setattr("actors.sentences.stay_offline_without_a_hub", lambda: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refuse)
    with pytest.raises(InputError, match=r"the model hub does not give it \(404: no such model\);"):
        SentenceEncoder("no-such-sentence-model")
    assert asked == ["sentence-transformers/no-such-sentence-model"]


def test_without_the_package_the_command_that_adds_it(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match="is not installed; install it with uv sync --extra sente"):
        SentenceEncoder(folder)
