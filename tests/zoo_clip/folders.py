"""Model folders of small architectures, as open_clip saves them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from tests.zoo_clip.shrink import shrunk
from tests.zoo_clip.tokenizers import write_tokenizer

_INCEPTION = {"mean": [0.5] * 3, "std": [0.5] * 3}


@dataclass(frozen=True)
class Architecture:
    """A published architecture, and what is published beside it.

    Attributes:
        name: of open_clip's configuration.
        preprocess: its ``preprocess_cfg``.
        tokenizer: kind of its tokenizer of transformers, if it has one.
        text_tower: ``model_type`` of its text tower of transformers, if it has one.
    """

    name: str
    preprocess: dict[str, Any]
    tokenizer: str | None = None
    text_tower: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """Its ``model_cfg``, small."""
        return shrunk(self.name)


_LOGITS = {"logit_scale": 4.6051702, "logit_bias": -12.932}
_OPENAI: dict[str, Any] = {"interpolation": "bicubic", "resize_mode": "shortest"}
_SQUASH = {**_INCEPTION, "interpolation": "bicubic", "resize_mode": "squash"}
_MOBILE = {"mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear"}
_CLIPA = {"interpolation": "bilinear", "resize_mode": "squash"}

ARCHITECTURES = (
    Architecture("ViT-B-32-quickgelu", _OPENAI),
    Architecture("ViT-B-16", _OPENAI),
    Architecture("ViT-L-14", _OPENAI),
    Architecture("ViT-L-14-336", _OPENAI),
    Architecture("ViT-H-14", _OPENAI),
    Architecture("ViT-bigG-14", _OPENAI),
    Architecture("RN50", _OPENAI),
    Architecture("RN50x4", _OPENAI),
    Architecture("convnext_base_w", _OPENAI),
    Architecture("EVA02-B-16", _OPENAI),
    Architecture("coca_ViT-B-32", _OPENAI),
    Architecture("ViT-B-16-SigLIP", _SQUASH, "siglip"),
    Architecture("ViT-B-16-SigLIP2", _SQUASH, "siglip2"),
    Architecture("MobileCLIP-S1", _MOBILE),
    Architecture("MobileCLIP-B", _MOBILE),
    Architecture("MobileCLIP2-S0", _MOBILE),
    Architecture("xlm-roberta-base-ViT-B-32", _OPENAI, "xlm", "xlm-roberta"),
    Architecture("nllb-clip-base", _OPENAI, "nllb", "m2m_100"),
    Architecture("mt5-base-ViT-B-32", _OPENAI, "siglip2", "mt5"),
    Architecture("ViTamin-S", _OPENAI),
    Architecture("PE-Core-T-16-384", {**_SQUASH, "interpolation": "bilinear"}),
    Architecture("ViT-L-14-CLIPA", _CLIPA, "bert"),
    Architecture("ViT-H-14-worldwide", _OPENAI, "xlm"),
    Architecture("ViT-H-14-worldwide-378", {"resize_mode": "squash"}, "xlm"),
)


def save_architecture(
    architecture: Architecture, folder: Path, seed: int = 0, **changes: Any
) -> str:
    """Write a folder with the model, random but for its form; returns its name.

    Args:
        architecture: which.
        folder: to make.
        seed: of the weights.
        changes: of the ``model_cfg``.
    """
    config = {**architecture.config, **changes}
    folder.mkdir(parents=True)
    text = config["text_cfg"]
    if architecture.tokenizer:
        size = write_tokenizer(folder, architecture.tokenizer)
        if architecture.text_tower:
            text["hf_model_name"] = str(_text_config(folder, architecture.text_tower, size))
        else:
            text["vocab_size"] = size
    return save_model(config, architecture.preprocess, folder, seed=seed)


def save_model(
    config: dict[str, Any], preprocess: dict[str, Any], folder: Path, *, seed: int = 0
) -> str:
    """Write configuration and random weights of a model into a folder; returns its name."""
    record = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(record, indent=1))
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # open_clip tells that there are no weights yet
    model = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False)
    logging.root.setLevel(level)
    save_file(random_weights(model, seed), folder / "open_clip_model.safetensors")
    return str(folder)


def random_weights(model: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Weights by which images, and texts, differ in every part of a model."""
    draw = torch.Generator().manual_seed(seed)
    found = {}
    for name, value in model.state_dict().items():
        noise = torch.randn(value.shape, generator=draw) if value.is_floating_point() else None
        if name in _LOGITS:
            found[name] = torch.full_like(value, _LOGITS[name])
        elif noise is None or value.numel() == 0:
            found[name] = value.clone().contiguous()
        elif name.endswith("running_var"):
            found[name] = 1 + 0.3 * noise.abs()
        elif value.ndim > 1:
            wide = "embedding" in name or "embed" in name or name.endswith("shared.weight")
            rows = value[0].numel() if value.ndim != 2 or not wide else 1
            found[name] = noise * (0.5 if wide else 1.2 / max(1, rows) ** 0.5)
        elif name.endswith("weight") or "gamma" in name:
            found[name] = 1 + 0.1 * noise
        else:
            found[name] = 0.2 * noise
    return found


def _text_config(folder: Path, kind: str, vocabulary: int) -> Path:
    """Write the configuration of a small text tower of transformers."""
    from transformers import AutoConfig

    sizes: dict[str, dict[str, Any]] = {
        "xlm-roberta": {
            "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 128, "max_position_embeddings": 90, "pad_token_id": 1,
        },
        "m2m_100": {
            "d_model": 64, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 4,
            "decoder_attention_heads": 4, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128,
            "max_position_embeddings": 90, "pad_token_id": 1,
        },
        "mt5": {"d_model": 64, "num_layers": 2, "num_heads": 4, "d_kv": 16, "d_ff": 128,
                "num_decoder_layers": 1, "pad_token_id": 0},
    }  # fmt: skip
    config = AutoConfig.for_model(kind, vocab_size=vocabulary, **sizes[kind])
    out = folder / "text_tower"
    config.save_pretrained(str(out))
    return out
