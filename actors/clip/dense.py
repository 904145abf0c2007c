"""Dense (per-position) image features of open_clip towers, without forking the model.

ViT towers: ``plain`` projects every patch token as the tower's own pooling would, which is right
for towers that average their patches; ``value_only`` takes the value path of the last block, the
training-free local features of MaskCLIP (Zhou et al. 2022, 3.2); ``value_residual`` keeps that
block's residual and MLP with attention restricted to the token itself (TagCLIP, Lin et al. 2024).
ModifiedResNet towers: value and output projection of the attention pool at every position, without
position embedding (DenseCLIP, Rao et al. 2022).
"""

from __future__ import annotations

import torch
from torch import nn

from actors.compat import open_clip as towers
from methods.dense import DenseMode
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
    if towers.is_resnet(visual):
        return towers.resnet_values(visual, towers.resnet_map(visual, images))
    if not towers.is_vit(visual):
        pooled = getattr(visual, "attn_pool", None) is not None
        kind = "a ViT with an attentional pool" if pooled else f"a {type(visual).__name__}"
        raise InputError(
            "features of positions need a ViT or ResNet of open_clip's own, pooled by its class "
            f"token or the mean; this tower is {kind}"
        )
    if mode == "auto":
        mode = "plain" if towers.pools_by_average(visual) else "value_only"
    tokens = towers.vit_tokens(visual, images)
    *blocks, last = towers.vit_blocks(visual)
    for block in blocks:
        tokens = block(tokens)
    if mode == "plain":
        tokens = last(tokens)
    else:
        tokens = _by_value(last, tokens, residual=mode == "value_residual")
    return towers.vit_projected(visual, tokens)[:, 1:]


def _by_value(block: nn.Module, tokens: torch.Tensor, residual: bool) -> torch.Tensor:
    """Run a block as if every token attended to itself alone."""
    values = towers.block_values(block, tokens)
    if values is None:
        raise InputError("this ViT's last block has no plain attention; use dense mode 'plain'")
    return towers.block_residual(block, tokens, values) if residual else values


def pooled_without_positions(visual: nn.Module, images: torch.Tensor) -> torch.Tensor | None:
    """Compute the whole-image features of a ResNet without the position embedding of its pool.

    So TaI-DPT pools (Guo et al. 2023): the order of positions does not matter then.

    Returns:
        (n, D), not normalised; None for a tower that is no ModifiedResNet.
    """
    if not towers.is_resnet(visual):
        return None
    return towers.resnet_pooled(visual, towers.resnet_map(visual, images))
