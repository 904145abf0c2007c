"""A share of an archive estimated from answers in strata, with an interval that holds.

The estimate is ``sum(W_h p_h)``: W_h the share of the archive in stratum h, p_h that of its answers
that are "right" (Cochran, Sampling Techniques, 3rd ed., 5.3). Its variance,
``sum(W_h^2 (1 - f_h) p_h (1 - p_h) / n_h)``, would be 0 in a stratum whose few answers all agree;
there p_h is drawn towards what a model of the scores expects, e with the weight of k answers. Where
e is right, p (1 - p) of what is drawn is too small by ``1 - n_h / (n_h + k)^2`` on average, and is
divided by that. From it follows the number of answers of a plain random sample that would say as
much, and Wilson's interval for that number (as Korn and Graubard, Survey Methodology 24, 1998, do
with Clopper's). A stratum without an answer may be
anything between all wrong and all right.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from scipy.special import stdtrit

from methods.review_strata import Floats, Ints

STRENGTH: Final = 2.0
"""How many answers the model's expectation weighs in a stratum's variance."""
LEVEL: Final = 0.95


@dataclass(frozen=True)
class ShareInterval:
    """A share between 0 and 1, and what it lies between at `LEVEL`."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def smoothed(right: Floats, answers: Ints, expected: Floats, strength: float = STRENGTH) -> Floats:
    """Return shares drawn towards ``expected``: ``(right + k e) / (n + k)``; shapes (H,)."""
    shares: Floats = (right + strength * expected) / (answers + strength)
    return shares


def stratified(
    sizes: Ints, answers: Ints, right: Floats, expected: Floats, *, forecast: bool = False
) -> ShareInterval:
    """Estimate a share.

    Args:
        sizes: int64 (H,), images in each stratum, each at least 1.
        answers: int64 (H,), images reviewed in each.
        right: float64 (H,), how many of them are right; parts of one where reviewers differ.
        expected: float64 (H,) in (0, 1), the share that the model expects.
        forecast: whether answers are those to come, whose shares are what is expected.
    """
    shares = sizes / sizes.sum()
    seen = answers > 0
    known = float(shares[seen].sum())
    if not seen.any():
        return ShareInterval(float((shares * expected).sum()), 0.0, 1.0)
    weights = shares[seen] / known
    n, x = answers[seen], right[seen]
    found = float((weights * x / n).sum())
    drawn = smoothed(x, n, expected[seen])
    unseen_share = 1 - n / sizes[seen]
    spread = drawn * (1 - drawn)
    if not forecast:
        spread = spread / (1 - n / (n + STRENGTH) ** 2)
    parts = weights**2 * unseen_share * spread / n
    low, high = _wilson(found, float((weights * drawn).sum()), parts, n)
    rest = 1 - known
    return ShareInterval(
        known * found + float((shares * expected)[~seen].sum()),
        known * low,
        known * high + rest,
    )


def _wilson(found: float, drawn: float, parts: Floats, answers: Ints) -> tuple[float, float]:
    """Wilson's interval at the number of answers of a random sample with the same variance."""
    variance = float(parts.sum())
    if variance <= 0:  # every image was looked at
        return found, found
    # Satterthwaite's degrees of freedom: answers in few strata carry the variance
    freedom = variance**2 / float((parts**2 / np.maximum(answers - 1, 1)).sum())
    z = float(stdtrit(max(freedom, 2.0), 0.5 + LEVEL / 2))
    size = max(drawn * (1 - drawn) / variance, 1.0)
    return wilson(found, size, z)


def wilson(share: float, size: float, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's interval for a share of ``size`` answers, which may be no whole number."""
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return max(0.0, middle - half), min(1.0, middle + half)


def domain(weights: Floats, right: Floats) -> ShareInterval | None:
    """Estimate a share among some of the answers, such as those of one class.

    Args:
        weights: float64 (n,), images that each answer stands for: ``N_h / n_h``.
        right: float64 (n,), each between 0 and 1.

    Returns:
        The weighted share, and Wilson's interval at Kish's number of answers,
        ``sum(w)^2 / sum(w^2)``; None without answers.
    """
    if not len(weights):
        return None
    share = float((weights * right).sum() / weights.sum())
    size = float(weights.sum() ** 2 / (weights**2).sum())
    return ShareInterval(share, *wilson(share, size))


def random_sample_size(share: float, half_width: float, images: int) -> float:
    """Return how many answers drawn at random from all give an interval as narrow (Wilson's)."""
    low, high = 1.0, float(images)
    for _ in range(60):
        size = (low + high) / 2
        left = max(1 - size / images, 1e-9)  # what is looked at is known
        ends = wilson(share, size / left)
        low, high = (size, high) if (ends[1] - ends[0]) / 2 > half_width else (low, size)
    return high
