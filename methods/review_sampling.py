"""Which stratum the next image of a review comes from, and how many more answers are needed.

Neyman's allocation (1934) takes images where ``W_h s_h / n_h`` is largest: s_h is the spread of
right and wrong in stratum h. It is not known, so it is worked out from what a model expects of the
scores, and the model learns from every answer: ``logit(p_h) = a + b x_h``, x_h the standardised
logit of the stratum's mean score, with a normal prior that believes the scores at first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from methods.review_strata import Floats, Ints
from methods.stratified import ShareInterval, smoothed, stratified

FIRST: Final = 2
"""Answers that every stratum gets before any gets more."""
_FLOOR: Final = 0.15
"""The least spread that is believed."""
_PRIOR_SD: Final = (1.5, 1.0)
"""Of the model's constant and slope, in logits."""
_LIMIT: Final = 3.0
"""Scores are believed up to this logit, 0.95."""
_STEPS: Final = 12


def expected_shares(
    scores: Floats, sizes: Ints, answers: Ints, right: Floats, *, others: bool = False
) -> Floats:
    """Return the share of right labels that the model expects in each stratum, float64 (H,).

    Args:
        scores: mean score of each, NaN where there is none.
        sizes, answers: int64 (H,), images and answers of each.
        right: float64 (H,), answers that are right.
        others: whether what is expected of a stratum is learned from the others' answers alone.

    The maximum of the posterior, by Newton's method on two numbers; scores outside [0, 1] order
    strata and say no more.
    """
    x, prior = _standardised(scores, sizes)
    learned = np.ones((1, len(x)))
    if others:
        learned = 1 - np.eye(len(x))
    n, y = learned * answers, learned * right  # (K, H): one row for each model
    precision = 1 / np.square(np.array(_PRIOR_SD))
    found = np.tile(prior, (len(n), 1))
    for _ in range(_STEPS):
        p = _sigmoid(found[:, :1] + found[:, 1:] * x)
        off = y - n * p
        first = off.sum(1) - precision[0] * (found[:, 0] - prior[0])
        second = (off * x).sum(1) - precision[1] * (found[:, 1] - prior[1])
        weight = n * p * (1 - p)
        a = weight.sum(1) + precision[0]
        b = (weight * x).sum(1)
        c = (weight * x * x).sum(1) + precision[1]
        step = np.stack([c * first - b * second, a * second - b * first], 1)
        step = np.clip(step / (a * c - b * b)[:, None], -2, 2)
        found = found + step
        if np.abs(step).max() < 1e-4:
            break
    own = (
        _sigmoid(found[:, 0] + found[:, 1] * x)
        if others
        else _sigmoid(found[0, 0] + found[0, 1] * x)
    )
    expected: Floats = np.clip(own, 0.01, 0.99)
    return expected


def _standardised(scores: Floats, sizes: Ints) -> tuple[Floats, Floats]:
    """The logit of each stratum's score with mean 0 and deviation 1, and what the model believes
    at first: a constant and a slope."""
    known = ~np.isnan(scores)
    if not known.any():
        return np.zeros(len(scores)), np.array([1.0, 0.0])
    honest = np.nanmin(scores) >= 0 and np.nanmax(scores) <= 1
    logits = np.zeros(len(scores))
    logits[known] = scores[known]
    if honest:
        p = np.clip(scores[known], 1e-6, 1 - 1e-6)
        logits[known] = np.clip(np.log(p / (1 - p)), -_LIMIT, _LIMIT)
    weights = sizes / sizes.sum()
    middle = float((weights * logits)[known].sum() / weights[known].sum())
    logits[~known] = middle
    width = float(np.sqrt((weights * (logits - middle) ** 2).sum()))
    x = (logits - middle) / width if width > 1e-9 else np.zeros(len(logits))
    return x, np.array([middle, width]) if honest else np.array([1.0, 0.5])


def _sigmoid(values: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return result


def spreads(scores: Floats, sizes: Ints, answers: Ints, right: Floats) -> Floats:
    """Return the spread of right and wrong that each stratum is taken to have, float64 (H,).

    It comes of the other strata's answers: were it of its own, a stratum whose first answers are
    right by luck would be asked about less from then on, and its luck would stay in the estimate.
    """
    p = expected_shares(scores, sizes, answers, right, others=True)
    return np.maximum(np.sqrt(p * (1 - p)), _FLOOR)


def next_stratum(sizes: Ints, taken: Ints, left: Ints, spread: Floats) -> int | None:
    """Choose the stratum that the next image comes from.

    Args:
        sizes: int64 (H,), images in each.
        taken: int64 (H,), answers of each and what is before a person now.
        left: int64 (H,), images of each that can still be taken.
        spread: float64 (H,) of `spreads`.

    Returns:
        Its number, or None when nothing is left.
    """
    if not (left > 0).any():
        return None
    weight = sizes / sizes.sum() * spread
    # by how much one answer more lowers the variance; the first ones go round
    gain = weight**2 / ((taken + 1.0) * np.maximum(taken, 1))
    gain = np.where(taken < FIRST, weight + 10.0 * (FIRST - taken), gain)
    return int(np.argmax(np.where(left > 0, gain, -1.0)))


def answers_needed(
    scores: Floats, sizes: Ints, answers: Ints, right: Floats, half_width: float
) -> int | None:
    """Forecast how many answers more make the interval ``half_width`` on each side.

    Returns:
        0 where it is; None where all images together are not enough for the forecast.
    """
    expected = expected_shares(scores, sizes, answers, right)
    spread = spreads(scores, sizes, answers, right)
    if stratified(sizes, answers, right, expected).half_width <= half_width:
        return 0
    share = smoothed(right, answers, expected)
    weight = sizes / sizes.sum() * spread

    def planned(level: float) -> Ints:
        wanted = np.maximum(np.maximum(answers, FIRST), np.ceil(level * weight))
        return np.minimum(wanted, sizes).astype(np.int64)

    def width(level: float) -> float:
        n = planned(level)
        forecast: ShareInterval = stratified(sizes, n, share * n, share, forecast=True)
        return forecast.half_width

    low, high = 0.0, float(sizes.sum()) / float(weight.min())
    if width(high) > half_width:
        return None
    for _ in range(50):
        level = (low + high) / 2
        low, high = (level, high) if width(level) > half_width else (low, level)
    return max(1, int((planned(high) - answers).sum()))
