"""Architectures that open_clip publishes, made small: all that is computed against open_clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.text_tower import text_tower
from actors.images.decode import to_input_size
from methods.class_matrix import class_matrix
from methods.errors import InputError
from methods.near.prompt_learner import PromptLearner
from methods.prompt_templates import SIMPLE_TEMPLATES
from tests.helpers.broken_images import picture
from tests.zoo_clip.folders import ARCHITECTURES, Architecture, save_architecture

NAMES: Final = ("gull", "great grey owl", "crow", "black-tailed gull", "robin")
LONG: Final = "a very long text about a bird " * 30
ALWAYS: Final = (
    "ViT-B-32-quickgelu", "coca_ViT-B-32", "ViT-B-16-SigLIP", "xlm-roberta-base-ViT-B-32",
)  # fmt: skip
MAGNIFIES: Final = "MobileCLIP"
"""Their random convolutions magnify what bf16 rounds; trained ones do not."""


def marked(architecture: Architecture) -> Any:
    always = architecture.name in ALWAYS
    marks = pytest.mark.zoo(always=True) if always else pytest.mark.zoo
    return pytest.param(architecture, marks=marks, id=architecture.name)


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)).resize((640, 480))
    return [picture(500, 375), noise, picture(170, 160).rotate(90), noise.resize((90, 300))]


def unit(features: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(features.float(), dim=-1).numpy()


@pytest.mark.parametrize("architecture", [marked(each) for each in ARCHITECTURES])
def test_what_is_computed_equals_open_clip_s(tmp_path: Path, architecture: Architecture) -> None:
    folder = save_architecture(architecture, tmp_path / "clip")
    encoder = ClipEncoder(resolve_clip(folder), device="cpu")
    theirs, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    theirs.eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    pixels = check_images(encoder, theirs, prepare)
    check_texts(encoder, theirs, tokenizer)
    check_prompts(encoder)
    check_dense(encoder, theirs, pixels)
    check_bf16(encoder, pixels, architecture.name)


def check_images(encoder: ClipEncoder, theirs: Any, prepare: Any) -> np.ndarray:
    """Pixels and features, from the picture on; returns the pixels."""
    how = encoder.model_info.preprocessing
    pixels = np.stack([np.asarray(to_input_size(image, how)) for image in pictures()])
    images = torch.stack([prepare(image) for image in pictures()])
    assert torch.allclose(encoder.normalised(torch.from_numpy(pixels)), images, atol=1e-5)
    with torch.inference_mode():
        expected = unit(theirs.encode_image(images))
    found = encoder.encode_pixels(pixels)
    differ = 1 - float((found * expected).sum(axis=1).min())
    assert differ < 1e-5
    # random weights of a deep ResNet see little: images differ far more than the two computations
    assert 1 - float(found[0] @ found[1]) > 100 * max(differ, 1e-7)
    return pixels


def check_texts(encoder: ClipEncoder, theirs: Any, tokenizer: Any) -> None:
    """Tokens, features, the class matrix, and whether a text fits."""
    texts = [*NAMES, LONG]
    with torch.inference_mode():
        expected = unit(theirs.encode_text(tokenizer(texts)))
        matrix = open_clip.build_zero_shot_classifier(
            theirs, tokenizer, NAMES, [lambda name: f"a photo of a {name}."], use_tqdm=False
        ).T.numpy()
    assert np.abs(encoder.encode_texts(texts) - expected).max() < 1e-5
    found = class_matrix(NAMES, SIMPLE_TEMPLATES, encoder.encode_texts)
    assert np.abs(found - matrix).max() < 1e-5
    assert (found @ found.T)[0, 1] < 0.9999, "names can be told apart"
    assert encoder.fits("a gull")
    assert not encoder.fits(LONG)
    scale = float(theirs.logit_scale.detach().exp())
    assert encoder.logit_scale == pytest.approx(scale) == pytest.approx(100.0)
    bias = getattr(theirs, "logit_bias", None)
    assert encoder.logit_bias == (None if bias is None else float(bias.detach()))


def check_prompts(encoder: ClipEncoder) -> None:
    """Words as a learned context give what the model says of the whole text, or are refused."""
    text = encoder.model_info.config["text_cfg"]
    if text.get("hf_model_name") or text.get("embed_cls") or text.get("pool_type") == "last":
        with pytest.raises(InputError, match="its text tower is not one of CLIP's own kind"):
            text_tower(encoder)
        return
    tower = text_tower(encoder)
    found = PromptLearner(tower, list(NAMES), context="a photo of a").text_features()
    expected = encoder.encode_texts([f"a photo of a {name}." for name in NAMES])
    assert np.abs(found.detach().numpy() - expected).max() < 1e-5


def check_dense(encoder: ClipEncoder, theirs: Any, pixels: np.ndarray) -> None:
    """Tokens of the last block in the joint space, as the tower's own forward pass leaves them."""
    visual = theirs.visual
    if not isinstance(visual, open_clip.transformer.VisionTransformer) or visual.attn_pool:
        if isinstance(visual, open_clip.modified_resnet.ModifiedResNet):
            assert encoder.encode_dense(pixels[:1]).ndim == 3
            return
        with pytest.raises(InputError, match="features of positions need a ViT or ResNet"):
            encoder.encode_dense(pixels[:1])
        return
    kept: list[torch.Tensor] = []
    hook = visual.transformer.register_forward_hook(lambda _, __, out: kept.append(out))
    with torch.inference_mode():
        visual(encoder.normalised(torch.from_numpy(pixels)))
        expected = unit(visual.ln_post(kept[0])[:, 1:] @ visual.proj)
    hook.remove()
    assert np.abs(encoder.encode_dense(pixels, "plain") - expected).max() < 1e-5
    assert encoder.encode_dense(pixels).shape == expected.shape


def check_bf16(encoder: ClipEncoder, pixels: np.ndarray, name: str) -> None:
    """All of both towers runs in bf16, and gives the same but for rounding."""
    half = ClipEncoder(encoder.model_info, precision="bf16", device="cpu")
    assert half.logit_scale == encoder.logit_scale
    assert half.logit_bias == encoder.logit_bias
    texts = (half.encode_texts(NAMES) * encoder.encode_texts(NAMES)).sum(axis=1)
    assert texts.min() > 0.999
    images = (half.encode_pixels(pixels[:2]) * encoder.encode_pixels(pixels[:2])).sum(axis=1)
    assert images.min() > (0.5 if name.startswith(MAGNIFIES) else 0.998)
