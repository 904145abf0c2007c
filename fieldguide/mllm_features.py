"""What the frozen image tower sees of the training pictures, computed once.

A step of training then costs only the language model. Features are kept in fp16 beside the pools.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from transformers import LlavaForConditionalGeneration

from fieldguide.clip_model import to_input
from fieldguide.clip_pools import Pool, PoolKind, open_pool

POOL_SEED: Final = 2
POOL_SIZES: Final[dict[PoolKind, int]] = {"independent": 32_000, "species": 24_000, "scenes": 8_000}
_CHUNK: Final = 500


class Seen(NamedTuple):
    """A pool and what the tower sees of each picture, (N, 36, 128) fp16."""

    pool: Pool
    features: np.ndarray


def see(model: LlavaForConditionalGeneration, pixels: np.ndarray) -> np.ndarray:
    """Patch features (N, 36, 128) of pictures."""
    chunks = []
    with torch.no_grad():
        for start in range(0, len(pixels), _CHUNK):
            images = to_input(pixels[start : start + _CHUNK])
            tokens = model.model.vision_tower(images).last_hidden_state[:, 1:]
            chunks.append(tokens.half().numpy())
    return np.concatenate(chunks)


def open_seen(model: LlavaForConditionalGeneration, folder: Path, kind: PoolKind) -> Seen:
    """The training pool of this kind with its features, made when not there yet."""
    count = POOL_SIZES[kind]
    pool = open_pool(folder, kind, POOL_SEED, count)
    path = folder / f"{kind}-{POOL_SEED}-{count}-features.npy"
    if not path.exists():
        np.save(path, see(model, pool.pixels))
    return Seen(pool, np.load(path, mmap_mode="r"))
