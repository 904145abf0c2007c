"""Which labellers agree on an image: patterns of equal labels, whatever the labels are.

A pattern is a tuple with one number a labeller: equal numbers are equal labels, numbered in the
order in which they first stand; `ABSENT` is a labeller without a label there. ``(0, 0, 1)``: the
first two agree, the third says something else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

ABSENT: Final = -1

Codes = NDArray[np.int64]


class Patterns(NamedTuple):
    """The distinct patterns of n images by J labellers.

    Attributes:
        table: int64 (P, J), one pattern a row.
        of_image: int64 (n,), the pattern of each image.
    """

    table: Codes
    of_image: Codes


def patterns_of(labels: Codes) -> Patterns:
    """Find the patterns of labels.

    Args:
        labels: int64 (n, J), a code for each label, `ABSENT` where a labeller has none.

    Raises:
        ValueError: the shape is not (n, J) with J at least 1.
    """
    if labels.ndim != 2 or not labels.shape[1]:
        raise ValueError(f"expected (images, labellers), got {labels.shape}")
    n, count = labels.shape
    relative = np.full((n, count), ABSENT, dtype=np.int64)
    used = np.zeros(n, dtype=np.int64)
    for j in range(count):
        there = labels[:, j] != ABSENT
        new = there.copy()
        for i in range(j):
            same = there & (labels[:, i] == labels[:, j])
            relative[same, j] = relative[same, i]
            new &= ~same
        relative[new, j] = used[new]
        used += new
    table, of_image = np.unique(relative, axis=0, return_inverse=True)
    return Patterns(table, of_image.reshape(-1))


def agreement(labels: Codes) -> NDArray[np.float64]:
    """Return the share of images on which each two labellers agree, float64 (J, J).

    Of images that both have labelled; NaN where there is none.
    """
    count = labels.shape[1]
    shares = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            both = (labels[:, i] != ABSENT) & (labels[:, j] != ABSENT)
            if both.any():
                shares[i, j] = float((labels[both, i] == labels[both, j]).mean())
    return shares
