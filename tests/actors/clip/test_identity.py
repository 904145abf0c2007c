"""What is written down of open_clip's defaults is what they are: else it hid a difference."""

from __future__ import annotations

from dataclasses import asdict

import open_clip
import pytest

from actors.clip import identity
from actors.clip.identity import clip_identity
from actors.images.decode import Preprocessing
from tests.zoo_clip.shrink import shrunk

HOW = Preprocessing(224, 224)


def named(config: dict[str, object]) -> str:
    return clip_identity("0", config, HOW, (0.5,) * 3, (0.5,) * 3)


def test_defaults_are_open_clip_s() -> None:
    for ours, theirs in (
        (identity._VISION, open_clip.CLIPVisionCfg()),
        (identity._TEXT, open_clip.CLIPTextCfg()),
    ):
        defaults = asdict(theirs)
        assert {key: defaults[key] for key in ours} == ours


@pytest.mark.parametrize("name", ["EVA02-B-16", "ViT-B-32", "ViT-B-16-SigLIP", "coca_ViT-B-32"])
def test_a_default_that_is_said_and_a_null_are_told_apart(name: str) -> None:
    """EVA02 says that there is no projection, where the default is a linear one."""
    config = shrunk(name)
    vision = dict(config["vision_cfg"])
    said = {**asdict(open_clip.CLIPVisionCfg(**vision)), "patch_dropout": 0.5, "timm_drop": 0.1}
    assert named({**config, "vision_cfg": said, "output_dict": True}) == named(config)
    if vision.pop("timm_proj", "linear") != "linear":
        assert named({**config, "vision_cfg": vision}) != named(config)
    assert named({**config, "quick_gelu": True}) != named(config)
    other = {**config["text_cfg"], "eos_id": 0}
    assert named({**config, "text_cfg": other}) != named(config)
