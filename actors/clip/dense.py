"""Dense (per-position) image features of open_clip towers, without forking the model.

ViT towers: ``plain`` projects every patch token as the tower's own pooling would, which is right
for towers that average their patches; ``value_only`` takes the value path of the last block, the
training-free local features of MaskCLIP (Zhou et al. 2022, 3.2); ``value_residual`` keeps that
block's residual and MLP with attention restricted to the token itself (TagCLIP, Lin et al. 2024).
ModifiedResNet towers: value and output projection of the attention pool at every position, without
position embedding (DenseCLIP, Rao et al. 2022).
"""

from __future__ import annotations

from typing import Any

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import nn

from methods.data_free.settings import DenseMode
from methods.errors import InputError


def dense_features(
    visual: nn.Module, images: torch.Tensor, mode: DenseMode = "auto"
) -> torch.Tensor:
    """Compute local features in the joint space, not normalised.

    Args:
        visual: the image tower of an open_clip model.
        images: normalised images, (n, 3, height, width), in the tower's dtype.
        mode: see the module; ``auto`` is plain for average-pooling ViTs and value_only for others.

    Returns:
        (n, positions, D), positions in row-major order of the patch grid, class token left out.

    Raises:
        InputError: the tower is neither an open_clip ViT nor a ModifiedResNet.
    """
    if isinstance(visual, ModifiedResNet):
        return _resnet(visual, images)
    if not isinstance(visual, VisionTransformer) or visual.attn_pool is not None:
        raise InputError(
            f"dense features need an open_clip ViT or ResNet; this tower is {type(visual).__name__}"
        )
    if mode == "auto":
        mode = "plain" if visual.pool_type == "avg" else "value_only"
    tokens = visual._embeds(images)
    blocks = visual.transformer.resblocks
    if mode == "plain":
        tokens = visual.transformer(tokens)
    else:
        for block in blocks[:-1]:
            tokens = block(tokens)
        tokens = _last_block_by_value(blocks[-1], tokens, residual=mode == "value_residual")
    tokens = visual.ln_post(tokens)[:, 1:]
    return tokens @ visual.proj if visual.proj is not None else tokens


def _last_block_by_value(block: Any, tokens: torch.Tensor, residual: bool) -> torch.Tensor:
    """Run a block as if every token attended to itself alone: softmax is one, only V remains."""
    attention = block.attn
    if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_weight is None:
        raise InputError("this ViT's last block has no plain attention; use dense mode 'plain'")
    width = attention.embed_dim
    bias = attention.in_proj_bias[2 * width :] if attention.in_proj_bias is not None else None
    values = nn.functional.linear(block.ln_1(tokens), attention.in_proj_weight[2 * width :], bias)
    values = attention.out_proj(values)
    if not residual:
        return values
    tokens = tokens + block.ls_1(values)
    return tokens + block.ls_2(block.mlp(block.ln_2(tokens)))


def pooled_without_positions(visual: nn.Module, images: torch.Tensor) -> torch.Tensor | None:
    """Compute the whole-image features of a ResNet without the position embedding of its pool.

    So TaI-DPT pools (Guo et al. 2023): the order of positions does not matter then.

    Returns:
        (n, D), not normalised; None for a tower that is no ModifiedResNet.
    """
    if not isinstance(visual, ModifiedResNet):
        return None
    nowhere = torch.zeros_like(visual.attnpool.positional_embedding)
    changed = {"positional_embedding": nowhere}
    return torch.func.functional_call(visual.attnpool, changed, (_resnet_map(visual, images),))


def _resnet(visual: ModifiedResNet, images: torch.Tensor) -> torch.Tensor:
    pool = visual.attnpool
    return pool.c_proj(pool.v_proj(_resnet_map(visual, images).flatten(2).transpose(1, 2)))


def _resnet_map(visual: ModifiedResNet, images: torch.Tensor) -> torch.Tensor:
    x = visual.stem(images)
    return visual.layer4(visual.layer3(visual.layer2(visual.layer1(x))))
