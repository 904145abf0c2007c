"""The training loop, on a handful of images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoProcessor

from fieldguide import mllm_answers, mllm_batches, mllm_training
from fieldguide.clip_pools import draw_pool
from fieldguide.mllm_features import POOL_SEED, POOL_SIZES
from fieldguide.mllm_model import load_model
from fieldguide.mllm_training import PEAK_RATE, WARM_STEPS, rate

pytestmark = pytest.mark.slow


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in POOL_SIZES:
        monkeypatch.setitem(POOL_SIZES, kind, 20)
    monkeypatch.setattr(mllm_training, "THREADS", torch.get_num_threads())
    monkeypatch.setattr(mllm_training, "MEASURED", 1)
    monkeypatch.setattr(mllm_answers, "LONGEST_ANSWER", 5)
    monkeypatch.setattr(mllm_batches, "TOKENS", 600)


@pytest.mark.extended
@pytest.mark.usefixtures("hasty")
def test_a_run_leaves_a_folder_that_loads_and_can_be_resumed(tmp_path: Path) -> None:
    out, pools = tmp_path / "mllm", tmp_path / "pools"
    mllm_training.train(out, pools, minutes=0.03, seed=3, resume=False)
    drawn = draw_pool("species", "train", POOL_SEED, 20, False)
    assert np.array_equal(np.load(pools / f"species-{POOL_SEED}-20-pixels.npy"), drawn.pixels)
    state = torch.load(pools / "mllm" / "state.pt")
    tokenizer = AutoProcessor.from_pretrained(out).tokenizer
    tower = "vision_tower.embeddings.class_embedding"
    before = load_model(out).model.state_dict()[tower]
    mllm_training.train(out, pools, minutes=0.06, seed=3, resume=True)
    later = torch.load(pools / "mllm" / "state.pt")
    assert later["steps"] > state["steps"] > 0
    assert later["elapsed"] > state["elapsed"]
    assert AutoProcessor.from_pretrained(out).tokenizer.get_vocab() == tokenizer.get_vocab()
    assert torch.equal(load_model(out).model.state_dict()[tower], before)


def test_the_rate_rises_stays_and_falls() -> None:
    assert rate(0, 0.0) == pytest.approx(PEAK_RATE / WARM_STEPS)
    assert rate(1000, 0.5) == PEAK_RATE
    assert rate(1000, 0.85) == pytest.approx(PEAK_RATE / 2)
    assert rate(1000, 1.01) == 0
