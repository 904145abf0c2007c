"""The learning rate of an epoch (TaI-DPT): a constant first, then half a cosine."""

from __future__ import annotations

import math


def learning_rate(
    epoch: int, rate: float, epochs: int, *, first_epochs: int = 1, first_rate: float = 1e-5
) -> float:
    """The rate of an epoch.

    After the first epochs it is ``rate`` (1 + cos(pi (epoch - first_epochs) / epochs)) / 2. The
    cosine is over the number of all epochs, so the last rate is not 0.

    Args:
        epoch: from 0.
        rate: where the cosine starts.
        epochs: how many there are.
        first_epochs, first_rate: how many epochs have a constant rate, and the rate.
    """
    after = epoch - first_epochs
    if after < 0:
        return first_rate
    return rate * 0.5 * (1 + math.cos(math.pi * after / epochs))
