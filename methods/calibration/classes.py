"""Thresholds of all classes: of their own where enough was reviewed, pooled where not."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methods.calibration.thresholds import Threshold, find_threshold

Floats = NDArray[np.float64]

_PLENTY: Final = 4
"""So many times the least, and a class that reaches no bound is one that always abstains."""


class ClassThresholds(NamedTuple):
    """Thresholds of C classes.

    Attributes:
        scores: float64 (C,).
        own: the classes with a threshold of their own, by position.
        pooled: the threshold of all others.
        pooled_from: ``others`` where it rests on reviewed images of those, ``all`` where these were
            too few and all reviewed images stand in, for which alone it then speaks.
    """

    scores: Floats
    own: dict[int, Threshold]
    pooled: Threshold
    pooled_from: str


def class_thresholds(
    scores: Floats,
    right: NDArray[np.bool_],
    weights: Floats,
    given: NDArray[np.int64],
    n_classes: int,
    precision: float,
    confidence: float,
    least: int,
) -> ClassThresholds:
    """Find the thresholds of all classes.

    Args:
        scores, right, weights: of m reviewed images, each (m,).
        given: int64 (m,), the class that each was labelled with.
        n_classes: C.
        precision, confidence: as in `find_threshold`.
        least: reviewed images that a class needs for a threshold of its own. A class with as many
            that reaches no bound by itself shares the pooled threshold; one with four times as
            many always abstains.
    """
    own: dict[int, Threshold] = {}
    for each in range(n_classes):
        rows = given == each
        if rows.sum() >= least:
            found = find_threshold(scores[rows], right[rows], weights[rows], precision, confidence)
            if found.kept or rows.sum() >= _PLENTY * least:
                own[each] = found
    others = ~np.isin(given, list(own))
    pooled = find_threshold(scores[others], right[others], weights[others], precision, confidence)
    source = "others"
    if not pooled.kept and others.sum() < least:
        pooled = find_threshold(scores, right, weights, precision, confidence)
        source = "all"
    table = np.full(n_classes, pooled.score)
    for each, found in own.items():
        table[each] = found.score
    return ClassThresholds(table, own, pooled, source)
