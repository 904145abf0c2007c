"""Thresholds that turn scores into labels, tuned on held-out sentences; ours.

Images and sentences lie apart in CLIP's space, and no image is looked at, so these are guesses for
images: say "tuned on text" beside what they lead to. Ranking measures need none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def f1_threshold(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Return the threshold with the best F1 if all scores above it are labelled.

    Equal scores are labelled together. Of thresholds that are as good the highest is taken; it is
    midway between the scores that it parts, as far as float32 can tell these apart.

    Args:
        scores: finite float (n,).
        positive: bool (n,), at least one.

    Raises:
        ValueError: no positives.
    """
    if not positive.any():
        raise ValueError("without positives there is no threshold to tune")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(positive[order])
    ends = np.flatnonzero(np.append(ranked[:-1] != ranked[1:], True))  # ties are not parted
    f1 = 2 * hits[ends] / (ends + 1 + hits[-1])
    end = int(ends[int(np.argmax(f1))])
    least = np.float32(ranked[end])
    if end + 1 == len(ranked):
        return float(np.nextafter(least, np.float32(-np.inf)))
    below = np.float32(ranked[end + 1])
    middle = np.float32((float(least) + float(below)) / 2)
    return float(middle if middle < least else below)


def text_thresholds(
    scores: NDArray[np.floating], positive: NDArray[np.bool_], *, least: int = 1
) -> NDArray[np.float32]:
    """Tune the threshold of each class on texts.

    Args:
        scores: finite float (n, N), as images are scored.
        positive: bool (n, N).
        least: positives that a class needs for a threshold of its own. Others get the median of
            the thresholds that could be tuned, and where none could, the highest score there is, so
            that nothing like these texts is labelled.

    Returns:
        float32 (N,), to label what is above.

    Raises:
        ValueError: the shapes differ, there are no texts, or a score is not finite.
    """
    if scores.shape != positive.shape or scores.ndim != 2 or not len(scores):
        raise ValueError(f"expected two (n, N) matrices, got {scores.shape} and {positive.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    tuned = positive.sum(axis=0) >= max(1, least)
    thresholds = np.full(scores.shape[1], scores.max(initial=-np.inf), np.float32)
    for at in np.flatnonzero(tuned):
        thresholds[at] = f1_threshold(scores[:, at], positive[:, at])
    if tuned.any():
        thresholds[~tuned] = np.median(thresholds[tuned])
    return thresholds
