"""The order in which training sees its items."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def shuffled_batches(
    used: NDArray[np.int64], size: int, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Shuffle by seed and epoch alone, and cut into batches; the last may be smaller."""
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(2)
    generator = torch.Generator().manual_seed(int(mixed[0]) << 31 | int(mixed[1]) >> 1)
    order = used[torch.randperm(len(used), generator=generator).numpy()]
    return [order[start : start + size] for start in range(0, len(order), size)]
