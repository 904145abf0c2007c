"""Thresholds on scores above which labels are right as often as wanted, with a binomial bound.

Thresholds are tested from the strictest to the loosest, each by an exact lower bound on the share
of right labels above it (Clopper and Pearson 1934), and the first that fails ends it: in a fixed
order no test has to pay for the others (Angelopoulos et al. 2021, Learn then Test, section 2.3).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

NEVER: Final = 2.0
"""A threshold above every probability: no image of the class gets its label."""
_STEPS: Final = 25


class Threshold(NamedTuple):
    """A threshold, and what the reviewed images say of it.

    Attributes:
        score: labels of at least this score are kept; `NEVER` where no threshold is sure enough.
        reviewed: reviewed images that it rests on.
        kept: of those, the images kept.
        right: of those kept, the images whose label was right.
        bound: the lower bound on the share of right labels among those kept; None where none is.
    """

    score: float
    reviewed: int
    kept: int
    right: int
    bound: float | None


def lower_bound(right: float, count: float, confidence: float) -> float:
    """Return the Clopper-Pearson lower bound on a share, at one side.

    Args:
        right, count: how many of how many; effective numbers, of weighted images, need be no
            integers.
        confidence: probability that the share is above the bound, at least.
    """
    if count <= 0 or right <= 0:
        return 0.0
    return float(beta.ppf(1 - confidence, right, max(count - right, 0.0) + 1))


def least_images(precision: float, confidence: float, wrong: int = 0) -> int:
    """Return how many images are needed, so many of them wrong, to show a precision."""
    count = max(wrong + 1, math.ceil(math.log(1 - confidence) / math.log(precision)))
    while lower_bound(count - wrong, count, confidence) < precision:
        count += 1
    return count


def find_threshold(
    scores: Floats, right: Marks, weights: Floats, precision: float, confidence: float
) -> Threshold:
    """Find the lowest score above which labels are right as often as wanted.

    Args:
        scores, right, weights: of m reviewed images, each (m,).
        precision: the share wanted.
        confidence: how sure the statement is to be.
    """
    count = len(scores)
    nothing = Threshold(NEVER, count, 0, 0, None)
    if count < least_images(precision, confidence):
        return nothing
    order = np.argsort(-scores, kind="stable")
    ranked, hits, own = scores[order], right[order].astype(np.float64), weights[order]
    first = min(least_images(precision, confidence, wrong=1), count)
    best = nothing
    for kept in np.unique(np.linspace(first, count, _STEPS).round().astype(int)).tolist():
        kept = int(np.searchsorted(-ranked, -ranked[kept - 1], side="right"))  # ties with it
        w = own[:kept]
        effective = w.sum() ** 2 / (w**2).sum()
        share = float((w * hits[:kept]).sum() / w.sum())
        bound = lower_bound(share * effective, effective, confidence)
        if bound < precision:
            break
        best = Threshold(float(ranked[kept - 1]), count, kept, int(hits[:kept].sum()), bound)
    return best
