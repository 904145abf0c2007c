"""A small trunk of timm in SigLIP's form, whose published ones are known to timm by size only."""

from __future__ import annotations

from typing import Any

from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer


@register_model
def zoo_siglip_224(pretrained: bool = False, **settings: Any) -> VisionTransformer:
    """As timm's ``vit_base_patch16_siglip_224``, two layers of width 64."""
    assert not pretrained
    settings = {key: value for key, value in settings.items() if key in ("num_classes",)}
    return VisionTransformer(
        img_size=224, patch_size=16, embed_dim=64, depth=2, num_heads=4, class_token=False,
        global_pool="map", **settings,
    )  # fmt: skip
