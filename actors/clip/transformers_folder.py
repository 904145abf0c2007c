"""Folders of transformers' ``CLIPModel``: the same architecture under other names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from methods.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_CONFIG: Final = "config.json"
_PREPROCESSOR: Final = "preprocessor_config.json"
_OWN_VOCABULARY: Final = 49408
_RESAMPLING: Final = {2: "bilinear", 3: "bicubic"}
_OTHER_EPS: Final = 1e-5
_NAMES: Final = (
    (r"^vision_model\.embeddings\.class_embedding$", "visual.class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.weight$", "visual.conv1.weight"),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
    (r"^vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"^vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"^vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"^visual_projection\.weight$", "visual.proj"),
    (r"^text_model\.embeddings\.token_embedding\.weight$", "token_embedding.weight"),
    (r"^text_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^text_model\.final_layer_norm\.", "ln_final."),
    (r"^text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"^text_projection\.weight$", "text_projection"),
    (r"\.self_attn\.out_proj\.", ".attn.out_proj."),
    (r"\.layer_norm(\d)\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
_PROJECTION: Final = re.compile(r"^(.*)\.self_attn\.([qkv])_proj\.(weight|bias)$")


def is_transformers_folder(folder: Path) -> bool:
    """Say whether a folder holds a model of transformers: a ``config.json`` with a model type."""
    return bool(_read(folder / _CONFIG).get("model_type"))


def read_transformers_folder(folder: Path, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Say in open_clip's words what a folder of a ``CLIPModel`` holds.

    Args:
        folder: as ``save_pretrained`` of transformers writes it.
        what: flag and name of the model, for messages.

    Returns:
        ``model_cfg`` and ``preprocess_cfg``.

    Raises:
        InputError: it is a model of another kind.
    """
    config = _read(folder / _CONFIG)
    kind = config["model_type"]
    vision, text = config.get("vision_config"), config.get("text_config")
    if kind != "clip" or not isinstance(vision, dict) or not isinstance(text, dict):
        raise InputError(
            f"{what}: {folder} holds a model of transformers (model_type {kind}), of which only "
            "CLIPModel is read; give it as open_clip saves it, with open_clip_config.json (the "
            "published SigLIPs are there by tag, such as ViT-B-16-SigLIP/webli)"
        )
    # what transformers does not write is what its own configuration has by default
    vision = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
              "intermediate_size": 3072, "image_size": 224, "patch_size": 32, **vision}  # fmt: skip
    text = {"hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8,
            "intermediate_size": 2048, "max_position_embeddings": 77, "vocab_size": 49408,
            "eos_token_id": 49407, **text}  # fmt: skip
    activations = {part.get("hidden_act", "quick_gelu") for part in (vision, text)}
    if len(activations) > 1 or not activations <= {"quick_gelu", "gelu"}:
        raise InputError(
            f"{what}: its towers have the activations {', '.join(sorted(activations))}; open_clip "
            "has quick_gelu or gelu in both"
        )
    own = text["vocab_size"] == _OWN_VOCABULARY
    # with the old mark 2 for its end, transformers takes the highest token, as open_clip does
    pool = {} if text["eos_token_id"] == 2 else {"pool_type": "eos", "eos_id": text["eos_token_id"]}
    model = {
        "embed_dim": config.get("projection_dim", 512),
        "quick_gelu": activations == {"quick_gelu"},
        "vision_cfg": {
            **_tower(vision),
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
        },
        "text_cfg": {
            **_tower(text),
            **pool,
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "heads": text["num_attention_heads"],
            **({} if own else {"hf_tokenizer_name": folder.name}),
        },
    }
    return model, _preprocess(_read(folder / _PREPROCESSOR))


def open_clip_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a ``CLIPModel`` as open_clip's ``CLIP`` has them."""
    import torch

    found: dict[str, Tensor] = {}
    joined: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if name.endswith("position_ids"):
            continue
        part = _PROJECTION.match(name)
        if part:
            key = f"{_renamed(part[1])}.attn.in_proj_{part[3]}"
            joined.setdefault(key, {})[part[2]] = value
            continue
        projection = name in ("visual_projection.weight", "text_projection.weight")
        found[_renamed(name)] = value.T.contiguous() if projection else value
    for key, parts in joined.items():
        found[key] = torch.cat([parts[letter] for letter in "qkv"])
    return found


def _renamed(name: str) -> str:
    for pattern, new in _NAMES:
        name = re.sub(pattern, new, name)
    return name


def _tower(part: Mapping[str, Any]) -> dict[str, Any]:
    eps = part.get("layer_norm_eps", _OTHER_EPS)
    return {
        "width": part["hidden_size"],
        "layers": part["num_hidden_layers"],
        "mlp_ratio": part["intermediate_size"] / part["hidden_size"],
        **({} if eps == _OTHER_EPS else {"norm_kwargs": {"eps": eps}}),
    }


def _preprocess(config: Mapping[str, Any]) -> dict[str, Any]:
    size = config.get("size")
    squash = isinstance(size, dict) and "height" in size and not config.get("do_center_crop")
    return {
        "mean": config.get("image_mean"),
        "std": config.get("image_std"),
        "interpolation": _RESAMPLING.get(config.get("resample", 3), "bicubic"),
        "resize_mode": "squash" if squash else "shortest",
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
