"""Figures of several runs in one: base and novel classes, and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Mean and standard deviation of a figure over runs that differ in their seed.

    Attributes:
        mean: of the figures.
        deviation: of a sample (n - 1 in the denominator); None of a single figure, which has none.
        runs: how many there are.
    """

    mean: float
    deviation: float | None
    runs: int


def harmonic_mean(base: float, novel: float) -> float:
    """Return H = 2 b n / (b + n), the figure of base-to-novel generalisation (CoCoOp, section 4.1).

    Of several data sets, H is that of the mean of the base figures and the mean of the novel ones,
    not the mean of each set's H.

    Args:
        base, novel: accuracies, 0 or more.

    Raises:
        ValueError: one of them is below 0.
    """
    if min(base, novel) < 0:
        raise ValueError(f"a harmonic mean is of figures of 0 and more, not of {base} and {novel}")
    return 2 * base * novel / (base + novel) if base + novel else 0.0


def spread(figures: Sequence[float]) -> Spread:
    """Return mean and standard deviation of the figures of one or more runs.

    Raises:
        ValueError: there is none.
    """
    if not figures:
        raise ValueError("no figure to take the mean of")
    deviation = float(np.std(figures, ddof=1)) if len(figures) > 1 else None
    return Spread(float(np.mean(figures)), deviation, len(figures))
