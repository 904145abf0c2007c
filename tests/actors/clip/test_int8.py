"""An image tower in int8: which layers, how close, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from torch import nn

from actors.clip.encoder import ClipEncoder
from actors.clip.int8 import int8_cosine, sample_pixels, to_int8
from actors.clip.layout import is_convolutional
from actors.clip.model import FIELD_GUIDE, resolve_clip
from methods.errors import InputError

TEXT = {"context_length": 16, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1}
VIT = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 32}
RESNET = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 64, "patch_size": None}
TIMM: dict[str, dict[str, Any]] = {
    "siglip": {"model_name": "vit_tiny_patch16_224", "depth": 2, "img_size": 64}
    | {"global_pool": "map", "class_token": False},
    "eva": {"model_name": "eva02_tiny_patch14_224", "depth": 2, "img_size": 56},
    "convnext": {"model_name": "convnext_tiny", "depths": (1, 1, 1, 1), "dims": (32, 64, 96, 96)}
    | {"ls_init_value": 1.0},
}
TOWERS = ("vit", *TIMM)
CONVOLUTIONAL = {"convnext"}


def tower(name: str) -> nn.Module:
    """An image tower with random weights."""
    torch.manual_seed(0)
    if name in TIMM:
        return timm.create_model(**TIMM[name], num_classes=0).eval()
    vision = VIT if name == "vit" else RESNET
    return open_clip.CLIP(48, vision, TEXT).visual.eval()


def pixels(name: str) -> torch.Tensor:
    """Images that it takes."""
    side = {"eva": 56, "vit": 32, "resnet": 32}.get(name, 64)
    found = torch.from_numpy(sample_pixels(side, side)).permute(0, 3, 1, 2)
    return found.float() / 100 - 1


@pytest.mark.parametrize("name", TOWERS)
def test_towers_of_several_makers_stay_close(name: str) -> None:
    visual, images = tower(name), pixels(name)
    with torch.inference_mode():
        before = visual(images)
    to_int8(visual, images[:1], name)
    with torch.inference_mode():
        after = visual(images)
    assert nn.functional.cosine_similarity(before, after).min() > 0.98
    assert not torch.equal(before, after), "something is in int8"
    assert is_convolutional(visual) == (name in CONVOLUTIONAL)


def test_a_resnet_is_refused_since_it_has_hardly_a_linear_layer() -> None:
    visual = tower("resnet")
    assert is_convolutional(visual)
    with pytest.raises(InputError, match="0% of its image tower are linear layers"):
        to_int8(visual, pixels("resnet"), "small")


def test_the_field_guide_in_int8() -> None:
    model = resolve_clip(FIELD_GUIDE)
    cosine = int8_cosine(model, threads=1)
    assert 0.98 < cosine < 0.9999999
    names = ["a photo of a gull", "a photo of a robin"]
    both = [ClipEncoder(model, precision=precision, device="cpu") for precision in ("fp32", "int8")]
    texts = [encoder.encode_texts(names) for encoder in both]
    np.testing.assert_array_equal(*texts)  # class matrices are those of fp32
