"""The CLIP encoder against open_clip itself, and the errors of names that mean no model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

import fieldguide
from actors.clip.dense import dense_features
from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from methods.errors import InputError


@pytest.fixture(scope="module")
def encoder() -> ClipEncoder:
    return ClipEncoder(resolve_clip("fieldguide"))


def tiny_folder(folder: Path, vision: dict[str, object], size: int = 32) -> str:
    """Save a random open_clip model."""
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": size, "width": 64, **vision},
        "text_cfg": {"context_length": 12, "width": 32, "heads": 2, "layers": 1},
    }
    torch.manual_seed(0)
    model = open_clip.CLIP(**config)
    folder.mkdir()
    weights = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    record = {"model_cfg": config, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(record))
    return str(folder)


def random_pixels(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_features_equal_open_clip_s(encoder: ClipEncoder) -> None:
    model, _, preprocess = open_clip.create_model_and_transforms(
        f"local-dir:{fieldguide.CLIP_FOLDER}"
    )
    model.eval()
    size = encoder.model_info.preprocessing.height
    pixels = random_pixels(5, size)
    normalise = preprocess.transforms[-1]
    images = normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)
    texts = ["a photo of a bird.", "two words"]
    tokens = open_clip.get_tokenizer(f"local-dir:{fieldguide.CLIP_FOLDER}")(texts)
    with torch.inference_mode():
        theirs = model.encode_image(images, normalize=True).numpy()
        theirs_text = model.encode_text(tokens, normalize=True).numpy()
    assert np.allclose(encoder.encode_pixels(pixels), theirs, atol=1e-5)
    assert np.allclose(encoder.encode_texts(texts), theirs_text, atol=1e-5)
    assert encoder.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))


def test_bf16_is_close_to_fp32(encoder: ClipEncoder) -> None:
    half = ClipEncoder(encoder.model_info, precision="bf16")
    pixels = random_pixels(8, encoder.model_info.preprocessing.height)
    cosines = (encoder.encode_pixels(pixels) * half.encode_pixels(pixels)).sum(axis=1)
    assert cosines.min() > 0.99


def test_dense_features_of_an_averaging_tower_average_to_the_global_one(
    encoder: ClipEncoder,
) -> None:
    pixels = random_pixels(3, encoder.model_info.preprocessing.height)
    images = encoder.normalised(torch.from_numpy(pixels))
    with torch.inference_mode():
        local = dense_features(encoder.model.visual, images)
        whole = encoder.model.encode_image(images)
    assert torch.allclose(local.mean(dim=1), whole, atol=1e-5)
    unit = encoder.encode_dense(pixels)
    assert unit.shape == (3, local.shape[1], encoder.model_info.embed_dim)
    assert np.allclose(np.linalg.norm(unit, axis=2), 1, atol=1e-5)


def test_value_path_equals_attention_to_oneself(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "vit", {"layers": 2, "patch_size": 8, "head_width": 32})
    model = ClipEncoder(resolve_clip(folder)).model
    images = torch.randn(2, 3, 32, 32)
    visual = model.visual
    with torch.inference_mode():
        ours = dense_features(visual, images, "value_residual")
        tokens = visual.transformer.resblocks[0](visual._embeds(images))
        alone = torch.full((17, 17), float("-inf")).fill_diagonal_(0.0)
        tokens = visual.transformer.resblocks[1](tokens, attn_mask=alone)
        expected = visual.ln_post(tokens)[:, 1:] @ visual.proj
        value_only = dense_features(visual, images)
    assert torch.allclose(ours, expected, atol=1e-5)
    assert value_only.shape == expected.shape
    assert not torch.allclose(value_only, expected, atol=1e-3)


def test_dense_features_of_a_resnet_equal_its_pool_on_a_constant_map(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "rn", {"layers": [1, 1, 1, 1], "head_width": 64}, size=64)
    visual = ClipEncoder(resolve_clip(folder)).model.visual
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        local = dense_features(visual, images)
        assert local.shape == (2, 4, 16)
        visual.attnpool.positional_embedding.zero_()
        constant = torch.ones(1, visual.attnpool.v_proj.in_features, 2, 2)
        pooled = visual.attnpool(constant)
        row = visual.attnpool.c_proj(visual.attnpool.v_proj(constant.flatten(2).transpose(1, 2)))
    assert torch.allclose(row[:, 0], pooled, atol=1e-4)


def test_the_encoder_says_which_texts_fit(encoder: ClipEncoder) -> None:
    """Of 40 tokens, 2 are the start and the end."""
    assert encoder.fits("")
    assert encoder.fits(" ".join(["red"] * 38))
    assert not encoder.fits(" ".join(["red"] * 39))
    assert not encoder.fits(" ".join(["red"] * 400))


def test_long_texts_are_cut_and_still_end(encoder: ClipEncoder) -> None:
    tokens = encoder.tokenizer(["bird " * 300])
    context = tokens.shape[1]
    assert tokens[0, -1] == encoder.tokenizer(["x"])[0].max()
    assert encoder.encode_texts(["bird " * 300]).shape == (1, encoder.model_info.embed_dim)
    assert context < 300


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing-like-it", "neither a folder nor an open_clip model"),
        ("ViT-B-32", "say which weights"),
        ("ViT-B-32/no_such_tag", "no weights 'no_such_tag'"),
        ("./no-such-folder", "no such folder"),
    ],
)
def test_names_that_mean_no_model(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        resolve_clip(name)


def test_a_model_of_the_hub_without_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="give --clip a folder") as caught:
        resolve_clip("ViT-L-14/openai")
    assert "\n" not in str(caught.value)


def test_folders_that_hold_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no open_clip_config"):
        resolve_clip(str(folder))
    (folder / "open_clip_config.json").write_text("{}")
    (folder / "open_clip_model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="no model_cfg"):
        resolve_clip(str(folder))
    (folder / "open_clip_config.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        resolve_clip(str(folder))


def test_a_copy_is_the_same_model_and_damaged_weights_are_told(tmp_path: Path) -> None:
    shutil.copytree(fieldguide.CLIP_FOLDER, tmp_path / "copy")
    copy = resolve_clip(str(tmp_path / "copy"))
    assert copy.fingerprint == resolve_clip("fieldguide").fingerprint
    weights = tmp_path / "copy" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    broken = resolve_clip(str(tmp_path / "copy"))
    assert broken.fingerprint != copy.fingerprint
    with pytest.raises(InputError, match="weights cannot be loaded"):
        ClipEncoder(broken)
