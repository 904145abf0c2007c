"""The text tower taken apart: the same features as open_clip's own, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.text_tower import text_tower
from methods.errors import InputError
from methods.near.prompt_learner import PromptLearner

NAMES = [
    *("robin", "black-tailed gull", "crow", "Brewer's blackbird", "great grey owl"),
    "very " * 60 + "large gull",
]
END_OF_TEXT = 49407


def tiny_clip(folder: Path, *, custom: bool = True, **text: Any) -> ClipEncoder:
    """Save a small open_clip model with random weights and load it."""
    config: dict[str, Any] = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "layers": 1,
                       "head_width": 16},
        "text_cfg": {"context_length": 24, "width": 32, "heads": 2, "layers": 2, **text},
    }  # fmt: skip
    torch.manual_seed(0)
    model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**config)
    weights = {}
    for name, value in model.state_dict().items():
        # large enough that every part of the tower matters to its output
        weights[name] = torch.randn(value.shape) * 0.3 if value.ndim == 2 else value.contiguous()
    folder.mkdir()
    save_file(weights, folder / "open_clip_model.safetensors")
    record = {"model_cfg": {**config, "custom_text": custom}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(record))
    return ClipEncoder(resolve_clip(str(folder)), device="cpu")


def check_same(encoder: ClipEncoder) -> None:
    """Words as context give what the model itself says of the whole sentence."""
    learner = PromptLearner(text_tower(encoder), NAMES, context="a photo of a")
    found = learner.text_features().detach().numpy()
    whole = encoder.encode_texts([f"a photo of a {name}." for name in NAMES])
    assert np.allclose(found, whole, atol=1e-5)
    assert not np.allclose(whole[0], whole[1], atol=1e-2), "the names can be told apart"
    assert learner.logit_scale == encoder.logit_scale


def test_the_field_guide_s_tower_gives_its_own_features() -> None:
    encoder = ClipEncoder(resolve_clip("fieldguide"), device="cpu")
    check_same(encoder)
    assert not any(parameter.requires_grad for parameter in encoder.model.parameters())


@pytest.mark.parametrize(
    ("custom", "text"),
    [
        (True, {}),
        (False, {"pool_type": "eos", "eos_id": END_OF_TEXT}),
        (True, {"pool_type": "eos", "eos_id": END_OF_TEXT}),
        (True, {"proj_type": "linear", "proj_bias": True}),
        (True, {"no_causal_mask": True}),
    ],
    ids=["custom", "eos", "custom-eos", "projection-with-bias", "no-causal-mask"],
)
def test_towers_of_other_makes_give_their_own_features(
    tmp_path: Path, custom: bool, text: dict[str, Any]
) -> None:
    encoder = tiny_clip(tmp_path / "clip", custom=custom, **text)
    assert isinstance(encoder.model, open_clip.CustomTextCLIP) == custom
    check_same(encoder)


@pytest.mark.parametrize(
    "text",
    [
        {"embed_cls": True},
        {"pool_type": "last"},
        {"pool_type": "first"},
        {"pool_type": "eos", "eos_id": 320},
    ],
    ids=["class-token", "last", "first", "another-end"],
)
def test_a_tower_whose_prompt_cannot_be_learned_is_refused(
    tmp_path: Path, text: dict[str, Any]
) -> None:
    """In the last one, open_clip takes a word of the context for the end of text."""
    encoder = tiny_clip(tmp_path / "strange", **text)
    with pytest.raises(InputError, match=r"--clip .*strange: its text tower is not") as caught:
        text_tower(encoder)
    assert "\n" not in str(caught.value)


def test_a_tower_that_hides_its_padding_is_refused(tmp_path: Path) -> None:
    """It has all the parts, and only its output shows that it works in another way."""
    encoder = tiny_clip(tmp_path / "strange", no_causal_mask=True)
    text_tower(encoder)
    encoder.model.text.use_pad_mask = True
    with pytest.raises(InputError, match=r"--clip .*strange: its text tower is not"):
        text_tower(encoder)


def test_a_tower_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ClipEncoder(resolve_clip("fieldguide"), device="cpu")
    right = encoder.encode_texts
    monkeypatch.setattr(encoder, "encode_texts", lambda texts: np.roll(right(texts), 1, axis=1))
    with pytest.raises(InputError, match="--clip fieldguide: its text tower is not"):
        text_tower(encoder)
