"""Which CLIP models are one: the identity of weights, architecture and preprocessing.

A model is its weights file and what is built around it. Where both come from (a tag, the hub, a
folder), how the JSON is written and what only matters in training do not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import xxhash

from actors.images.decode import Preprocessing

_VISION: Final[dict[str, Any]] = {
    "layers": 12,
    "width": 768,
    "head_width": 64,
    "mlp_ratio": 4,
    "patch_size": 16,
    "attentional_pool": False,
    "attn_pooler_queries": 256,
    "attn_pooler_heads": 8,
    "no_ln_pre": False,
    "pos_embed_type": "learnable",
    "final_ln_after_pool": False,
    "pool_type": "tok",
    "timm_pool": "avg",
    "timm_proj": "linear",
    "timm_proj_bias": False,
}
_TEXT: Final[dict[str, Any]] = {
    "context_length": 77,
    "vocab_size": 49408,
    "width": 512,
    "heads": 8,
    "layers": 12,
    "mlp_ratio": 4,
    "embed_cls": False,
    "pad_id": 0,
    "eos_id": 2,
    "no_causal_mask": False,
    "final_ln_after_pool": False,
    "pool_type": "argmax",
    "proj_bias": False,
    "proj_type": "linear",
    "hf_proj_type": "mlp",
    "hf_pooler_type": "mean_pooler",
}
"""open_clip's defaults: a field that says the same is as if it were not there. They are written
down here, so that an upgrade of open_clip gives no model another identity."""
_NOTHING: Final[tuple[Any, ...]] = (None, False, {})
_ELSEWHERE: Final = frozenset(
    # of training, of what is said where the model is made, or told by the preprocessing
    ["patch_dropout", "timm_drop", "timm_drop_path", "timm_model_pretrained", "hf_model_pretrained",
     "output_tokens", "output_dict", "image_size", "hf_tokenizer_name", "init_logit_scale",
     "init_logit_bias", "nonscalar_logit_scale", "cast_dtype", "quick_gelu"]
)  # fmt: skip


def clip_identity(
    weights: str,
    config: Mapping[str, Any],
    how: Preprocessing,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> str:
    """Name a model by what decides its features.

    Args:
        weights: hash of the file that is loaded.
        config: open_clip's ``model_cfg``, with the activation that the weights were trained with.
        how: preprocessing, in the size that the model takes.
        mean, std: normalisation of pixels.
    """
    told = {
        "model": _architecture(config),
        "preprocess": {
            "size": [how.height, how.width],
            "resize_mode": how.resize_mode,
            "interpolation": how.interpolation,
            **({"fill_color": how.fill_color} if how.resize_mode == "longest" else {}),
            "mean": list(mean),
            "std": list(std),
        },
    }
    text = json.dumps(_plain(told), sort_keys=True, separators=(",", ":"))
    return f"clip:{weights}-{xxhash.xxh3_64_hexdigest(text.encode())}"


def _architecture(config: Mapping[str, Any]) -> dict[str, Any]:
    text, vision = config["text_cfg"], config["vision_cfg"]
    found = _told({**config, "vision_cfg": None, "text_cfg": None}, {"custom_text": False})
    if text.get("hf_model_name"):
        found.pop("custom_text", None)  # open_clip sets it for these
    return {
        **found,
        "quick_gelu": bool(config.get("quick_gelu", False)),
        "logit_bias": config.get("init_logit_bias") is not None,
        "vision_cfg": _told(vision, _VISION),
        "text_cfg": {**_told(text, _TEXT), "hub_tokenizer": bool(text.get("hf_tokenizer_name"))},
    }


def _told(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration says beyond its defaults; of other fields, that is none or false."""
    return {
        key: value
        for key, value in config.items()
        if key not in _ELSEWHERE
        and (value != defaults[key] if key in defaults else value not in _NOTHING)
    }


def _plain(value: Any) -> Any:
    """The same with whole numbers as such: 4.0 and 4 are one."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
