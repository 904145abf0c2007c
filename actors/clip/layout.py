"""How an image tower's weights lie in memory."""

from __future__ import annotations

import torch
from torch import nn

_PATCHES_ONLY = 4
"""Convolutions with an extent that a transformer has at most, for its patches."""


def is_convolutional(visual: nn.Module) -> bool:
    """Say whether a tower is a convolutional one: a ResNet, ConvNeXt, FastViT or ViTamin."""
    extents = (each.kernel_size for each in visual.modules() if isinstance(each, nn.Conv2d))
    return sum(max(extent) > 1 for extent in extents) > _PATCHES_ONLY


def lay_out(visual: nn.Module) -> None:
    """Put channels last in a convolutional tower's weights, as they are in the pixels it gets."""
    if is_convolutional(visual):
        visual.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
