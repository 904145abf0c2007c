"""The training loop, on a handful of images."""

from pathlib import Path

import pytest
import torch

from fieldguide import clip_training
from fieldguide.captions import full_caption
from fieldguide.clip_evaluation import Measured
from fieldguide.clip_model import load_folder
from fieldguide.clip_training import constant, cosine

pytestmark = pytest.mark.slow


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"independent": 40, "species": 40, "scenes": 40}
    monkeypatch.setattr(clip_training, "POOL_SIZES", small)
    monkeypatch.setattr(clip_training, "DEV_SEEDS", (1,))
    monkeypatch.setattr(clip_training, "THREADS", torch.get_num_threads())
    monkeypatch.setattr(clip_training, "TITLE_STEPS", 1)
    monkeypatch.setattr(clip_training, "NAMING_BURST", 1)
    monkeypatch.setattr(clip_training, "NAMING_MOST", 1)
    monkeypatch.setattr(clip_training, "MEASURED", 24)


@pytest.mark.extended
@pytest.mark.usefixtures("hasty")
def test_all_stages_run_and_leave_a_folder_that_loads(tmp_path: Path) -> None:
    clip_training.train(tmp_path / "clip", tmp_path / "pools", minutes=0.01, seed=3)
    model, tokenizer = load_folder(tmp_path / "clip")
    texts = Measured(model, tokenizer).texts([full_caption({"body": "red"}), "a rhinoceros"])
    assert texts.shape == (2, 128)
    names = {path.name for path in (tmp_path / "pools").iterdir()}
    clip_training.train(tmp_path / "again", tmp_path / "pools", minutes=0.01, seed=3)
    assert {path.name for path in (tmp_path / "pools").iterdir()} == names


def test_rates() -> None:
    rate = constant(2, 0.5)
    assert [rate(), rate(), rate()] == [0.5, 0.5, None]
    assert cosine(1e-9, (0, 1))() is None
    first = cosine(1e6, (0, 1))()
    assert first is not None
    assert 0 < first < clip_training.PEAK_RATE / 10
