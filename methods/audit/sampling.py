"""Draws from a posterior by an ensemble of walkers (Goodman and Weare 2010, the stretch move)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STRETCH: Final = 2.0


def walk(
    log_density: Callable[[Floats], Floats],
    start: Floats,
    steps: int,
    rng: np.random.Generator,
    keep_every: int = 10,
) -> Floats:
    """Let walkers find their way, and return where they were in the second half.

    Args:
        log_density: from float64 (S, D) to float64 (S,), up to a constant.
        start: float64 (W, D), an even number of walkers, more than D of them.
        steps: of every walker.
        rng: draws.
        keep_every: steps between two kept.

    Returns:
        float64 (W * kept, D).
    """
    at = start.copy()
    walkers, width = at.shape
    density = log_density(at)
    kept = []
    halves = np.arange(walkers).reshape(2, -1)
    for step in range(steps):
        rng.shuffle(halves.reshape(-1))
        for own, others in (halves, halves[::-1]):
            partner = at[rng.choice(others, len(own))]
            u = rng.random(len(own))
            if step % 2:  # a step by the difference of two others crosses between two modes
                pair = at[rng.choice(others, len(own))] - at[rng.choice(others, len(own))]
                size = np.where(rng.random(len(own)) < 0.1, 1.0, 1.68 / np.sqrt(width))
                proposed = at[own] + size[:, None] * pair
                log_jacobian = np.zeros(len(own))
            else:
                z = ((_STRETCH - 1) * u + 1) ** 2 / _STRETCH
                proposed = partner + z[:, None] * (at[own] - partner)
                log_jacobian = (width - 1) * np.log(z)
            new = log_density(proposed)
            accepted = np.log(rng.random(len(own))) < log_jacobian + new - density[own]
            at[own[accepted]] = proposed[accepted]
            density[own[accepted]] = new[accepted]
        if step >= steps // 2 and step % keep_every == 0:
            kept.append(at.copy())
    return np.concatenate(kept)
