"""An image tower whose linear layers compute in int8, and how far that moves its features.

Dynamic quantisation, with torch's own kernels for CPUs. Convolutions, attention's products and
norms stay in float32, and the text tower does as well, so that a class matrix is the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import nn

from actors.clip.encoder import ClipEncoder
from actors.clip.model import ClipModel
from actors.compat.torch_int8 import quantise_linear
from methods.errors import InputError

_SAMPLES: Final = 8
_LEAST_SHARE: Final = 0.1
"""Share of the tower's weights below which int8 is not worth its name."""


def to_int8(visual: nn.Module, images: torch.Tensor, name: str) -> None:
    """Put the linear layers of an image tower in int8, in place.

    Only layers that the tower calls: attention that reads the weights of its projections itself,
    as `torch.nn.MultiheadAttention` and CLIP's ResNet pool do, keeps those in float32.

    Args:
        visual: the tower, in float32 on the CPU.
        images: what it takes, to see which layers it calls.
        name: of the model, for messages.

    Raises:
        InputError: linear layers are a small part of this tower, as of a ResNet.
    """
    called: set[str] = set()
    hooks = [
        module.register_forward_hook(lambda *_, at=path: called.add(at))
        for path, module in visual.named_modules()
        if type(module) is nn.Linear
    ]
    with torch.inference_mode():
        visual(images)
    for hook in hooks:
        hook.remove()
    modules = dict(visual.named_modules())
    weights = sum(modules[path].weight.numel() for path in called)
    share = weights / max(1, sum(each.numel() for each in visual.parameters()))
    if share < _LEAST_SHARE:
        raise InputError(
            f"--precision int8 does nothing for --clip {name}: {share:.0%} of its image tower are "
            "linear layers (a ResNet is convolutions); leave --precision out"
        )
    quantise_linear(visual, called)


def sample_pixels(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Images of no archive, uint8 (8, height, width, 3): grey, noise, and soft shapes of colour."""
    random = np.random.default_rng(0)
    found = [np.full((height, width, 3), 128, np.uint8)]
    for at in range(1, _SAMPLES):
        side = 2 ** (at + 1)
        coarse = torch.from_numpy(random.uniform(0, 255, (1, 3, side, side)))
        fine = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
        found.append(fine[0].permute(1, 2, 0).numpy().astype(np.uint8))
    return np.stack(found)


def int8_cosine(model: ClipModel, threads: int | None = None) -> float:
    """Load a model in both precisions and compare features of `sample_pixels`.

    Returns:
        The lowest cosine of an image's features in int8 and in float32.

    Raises:
        InputError: the model cannot be loaded, or is not one for int8.
    """
    pixels = sample_pixels(model.preprocessing.height, model.preprocessing.width)
    features = [
        ClipEncoder(model, precision=precision, device="cpu", threads=threads).encode_pixels(pixels)
        for precision in ("fp32", "int8")
    ]
    return float((features[0] * features[1]).sum(axis=1).min())
