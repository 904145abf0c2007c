"""Fixed inputs of the golden values, by counter: equal on every machine and in every version."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.splitmix64 import splitmix64

NAMES = ("Black-footed Albatross", "indigo bunting", "wren", "Scott Oriole")
"""Class names of the learned prompts."""

TRUTH = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 0])
NAMED = np.array([4, 4, 1, 1, 5, 2, 2, 0, 6, 3, 6, 4])
"""A discovered name for each image: more names than classes, some of them shared."""

TRUE_NAMES = ("wren", "wren", "scott oriole", "indigo bunting", "wren")
SAID_NAMES = ("wren", "house wren", "oriole", "blue bird", "gull")


def uniform(name: str, *shape: int) -> NDArray[np.float64]:
    """Numbers in [-1, 1) of a name, float64 of a shape."""
    start = np.uint64(zlib.crc32(name.encode()))
    counter = np.arange(int(np.prod(shape)), dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = splitmix64((counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + start)
    return ((bits >> np.uint64(11)) * 2.0**-52 - 1.0).reshape(shape)


def tensor(name: str, *shape: int) -> Tensor:
    """The same in float32."""
    return torch.from_numpy(uniform(name, *shape).astype(np.float32))


def unit(name: str, *shape: int) -> Tensor:
    """Vectors of length 1."""
    return torch.nn.functional.normalize(tensor(name, *shape), dim=-1)


def drawn() -> tuple[Tensor, Tensor]:
    """Scores of texts and their labels; one text has all classes, one has none."""
    labels = (tensor("labels", 7, 6) > 0.2).long()
    labels[0], labels[1] = 0, 1
    return 2 * tensor("scores", 7, 6), labels


def ranked() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores of images without ties and their labels; each class has a positive."""
    positive = (uniform("positive", 40, 5) > 0.4).astype(np.int64)
    positive[0] = 1
    return uniform("ranking", 40, 5), positive


def images() -> tuple[Tensor, Tensor]:
    """Features of 3 images, whole (3, 8) and of 4 positions (3, 4, 8)."""
    return tensor("whole", 3, 8), tensor("dense", 3, 4, 8)


def captions() -> tuple[Tensor, Tensor, Tensor]:
    """Features of 3 texts by token (3, 6, 8), their tokens with padding, and where each ends."""
    tokens = torch.tensor([[90, 4, 7, 99, 0, 0], [90, 5, 99, 0, 0, 0], [90, 4, 8, 2, 3, 99]])
    return tensor("texts", 3, 6, 8), tokens, torch.tensor([3, 2, 5])


def prompts() -> tuple[Tensor, Tensor]:
    """Features of the prompts of 5 classes, for whole texts or images and for their parts."""
    return tensor("prompts", 5, 8), tensor("prompts of parts", 5, 8)


def context() -> Tensor:
    """Learned vectors of 4 tokens, as wide as the tiny text tower."""
    return 0.1 * tensor("context", 4, 32)


def weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights of a text tower by name: norms are near the identity, the rest is small."""
    return {
        name: 1 + 0.1 * tensor(name, *shape) if "ln_" in name and name.endswith("weight")
        else 0.2 * tensor(name, *shape)
        for name, shape in shapes.items()
    }  # fmt: skip
