"""CoOp's features of prompts with a learned context, on a tiny text tower of open_clip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import torch

from actors.compat.open_clip import text_parts
from methods.near.prompt_learner import PromptLearner
from methods.text_tower import TextTower
from tests.parity.tensors import NAMES, context, weights

GOLDEN = json.loads((Path(__file__).parent / "golden" / "coop.json").read_text())


def tiny_tower() -> TextTower:
    """open_clip's form of the tiny CLIP, with the same weights by the same names."""
    model = open_clip.CLIP(
        embed_dim=16,
        vision_cfg={"layers": 1, "width": 64, "patch_size": 16, "image_size": 32},
        text_cfg={"width": 32, "heads": 2, "layers": 2},
        quick_gelu=True,
    ).eval()
    fixed = weights({name: tuple(shape) for name, shape in GOLDEN["shapes"].items()})
    missing = model.load_state_dict(fixed, strict=False)
    assert not missing.unexpected_keys
    assert all(key.startswith("visual") or key == "logit_scale" for key in missing.missing_keys)
    parts = text_parts(model.requires_grad_(False))
    assert parts is not None
    return TextTower(
        tokenize=lambda texts, length: open_clip.tokenize(list(texts), context_length=length),
        logit_scale=1.0,
        **vars(parts),
    )


def test_features_of_learned_prompts() -> None:
    learner = PromptLearner(tiny_tower(), NAMES, context=4)
    learner.ctx.data = context()
    with torch.no_grad():
        found = learner.text_features()
    np.testing.assert_allclose(found, GOLDEN["features"], rtol=1e-5, atol=1e-6)
    assert np.ptp(GOLDEN["features"], axis=0).max() > 0.1, "the names differ"
