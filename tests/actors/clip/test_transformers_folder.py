"""Folders of transformers' CLIPModel: the features that transformers itself gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from methods.errors import InputError

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 80}  # fmt: skip


def saved(folder: Path, **text: Any) -> Any:
    """Save a random CLIPModel with large weights; returns it."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={**SIZES, "max_position_embeddings": 20, "vocab_size": 49408, **text},
        vision_config={**SIZES, "image_size": 32, "patch_size": 8, "hidden_act": "quick_gelu"},
        projection_dim=24,
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
            elif parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(str(folder))
    return model


@pytest.mark.parametrize("eos", [49407, 2])
def test_features_equal_those_of_transformers(tmp_path: Path, eos: int) -> None:
    model = saved(tmp_path / "hf", eos_token_id=eos)
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    about = {"image_mean": mean, "image_std": std, "resample": 2, "size": {"shortest_edge": 32}}
    (tmp_path / "hf" / "preprocessor_config.json").write_text(json.dumps(about))
    encoder = ClipEncoder(resolve_clip(str(tmp_path / "hf")), device="cpu")
    assert encoder.model_info.mean == tuple(mean)
    assert encoder.model_info.preprocessing.interpolation == "bilinear"
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    texts = ["a gull", "a photo of a great grey owl", "many words " * 20]
    with torch.inference_mode():
        images = model.vision_model(encoder.normalised(torch.from_numpy(pixels))).pooler_output
        tokens = model.text_model(encoder.tokenizer(texts)).pooler_output
        theirs = model.visual_projection(images), model.text_projection(tokens)
    ours = encoder.encode_pixels(pixels), encoder.encode_texts(texts)
    for found, expected in zip(ours, theirs, strict=True):
        unit = torch.nn.functional.normalize(expected, dim=-1).numpy()
        assert np.abs(found - unit).max() < 1e-5
        assert (found[0] @ found[1]) < 0.99, "images and texts can be told apart"
    assert encoder.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))


def test_other_models_of_transformers_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "siglip"}))
    with pytest.raises(InputError, match=r"model_type siglip\).*ViT-B-16-SigLIP/webli"):
        resolve_clip(str(tmp_path))
