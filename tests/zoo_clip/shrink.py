"""The one place that makes a published configuration small.

Kind of tower, pooling, context, activation, patches and image size stay; depth and width go. Trunks
of timm have sizes by name only: the smallest of the same family stands for a large one.
"""

from __future__ import annotations

from typing import Any

import open_clip

from tests.zoo_clip import trunks as trunks  # timm knows it when it is imported

EMBED_DIM = 48
_TRUNKS = {
    "convnext_base": "convnext_atto",
    "eva02_base_patch16_clip_224": "eva02_tiny_patch14_224",
    "fastvit_mci1": "fastvit_mci0",
    "vit_base_patch16_siglip_224": "zoo_siglip_224",
}


def shrunk(architecture: str) -> dict[str, Any]:
    """The ``model_cfg`` of a published architecture, with two narrow layers a tower."""
    config = open_clip.get_model_config(architecture)
    assert config is not None, architecture
    return small(config)


def small(config: dict[str, Any]) -> dict[str, Any]:
    """The same of any ``model_cfg``."""
    vision, text = dict(config["vision_cfg"]), dict(config["text_cfg"])
    embed_dim = EMBED_DIM
    if vision.get("timm_model_name"):
        trunk = vision["timm_model_name"]
        vision["timm_model_name"] = _TRUNKS.get(trunk, trunk)
        if vision.get("timm_proj") == "none":  # the trunk's own width is the joint one
            embed_dim = 64
    elif isinstance(vision["layers"], list):
        vision.update(layers=[1, 1, 1, 1], width=16, head_width=64)
    else:
        head = vision.get("head_width", 64) // 4
        vision.update(layers=2, width=4 * head, head_width=head)
        if vision.get("attentional_pool"):
            vision.update(attn_pooler_heads=4, attn_pooler_queries=16)
    if not text.get("hf_model_name"):
        text.update(width=64, heads=4, layers=2)
    found = {**config, "embed_dim": embed_dim, "vision_cfg": vision, "text_cfg": text}
    if "multimodal_cfg" in found:
        decoder = {"width": 64, "heads": 4, "layers": 1, "attn_pooler_heads": 4}
        found["multimodal_cfg"] = {**found["multimodal_cfg"], **decoder}
    return found
