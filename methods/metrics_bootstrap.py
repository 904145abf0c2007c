"""How sure a figure is: bootstrap over images, and paired tests of two runs of one archive.

A resample of n images is told by how often it holds each: int (n,) of sum n. What is measured on
it is a function of these counts, so that one resample serves every figure of an archive, and two
runs of it are compared on the same images. Counts come from a seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methods.metrics_multilabel import Marks, ScoreMatrix
from methods.settings import RESAMPLES

Counts = NDArray[np.int64]
Fractions = NDArray[np.float64]
Figure = Callable[[Counts], float]
"""What is measured on a resample, from how often it holds each image."""

CONFIDENCE: Final = 0.95


class Interval(NamedTuple):
    """Bounds between which a figure lies, by the percentiles of its resamples."""

    low: float
    high: float


class PairedDifference(NamedTuple):
    """How far the figure of one run is from that of another on the same images.

    Attributes:
        difference: the first run's figure less the second's.
        p: two-sided; how often chance alone makes such a difference.
    """

    difference: float
    p: float


def resample_counts(images: int, resamples: int, seed: int) -> Iterator[Counts]:
    """Draw resamples with replacement, each int (images,) with sum ``images``.

    Raises:
        ValueError: there is no image or no resample.
    """
    if images < 1 or resamples < 1:
        raise ValueError(f"nothing to draw: {resamples} resamples of {images} images")
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.integers(0, images, images)
        yield np.bincount(drawn, minlength=images)


def bootstrap_interval(
    figure: Figure, images: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return the interval of `CONFIDENCE` of a figure, by the percentile method (Efron 1979).

    Args:
        figure: what is measured on a resample; `mean_over`, or `RankedClasses` of several labels.
        images: how many there are.
        resamples: to draw.
        seed: of the draws.

    Raises:
        ValueError: there is no image or no resample.
    """
    found = [figure(counts) for counts in resample_counts(images, resamples, seed)]
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def mean_over(values: NDArray[np.generic]) -> Figure:
    """Measure the mean of one value an image: accuracy of hits, sACC of cosines.

    Args:
        values: bool or float (n,).
    """
    each = values.astype(np.float64)
    return lambda counts: float(counts @ each / len(each))


class RankedClasses:
    """Measures mAP on resamples: each class is sorted once, not once a resample."""

    def __init__(self, scores: ScoreMatrix, positive: Marks) -> None:
        """Sort the images of each class, as `methods.metrics_multilabel.average_precision` does.

        Args:
            scores: float (n, C), -inf for what was not scored.
            positive: bool (n, C).

        Raises:
            ValueError: the shapes differ, or there are no images or no classes.
        """
        if scores.shape != positive.shape or scores.ndim != 2 or 0 in scores.shape:
            raise ValueError(f"expected two (n, C) matrices: {scores.shape}, {positive.shape}")
        self._order = np.argsort(scores, axis=0, kind="stable")[::-1].T
        self._positive = np.take_along_axis(positive, self._order.T, axis=0).T

    def __call__(self, counts: Counts) -> float:
        """Return the mean over classes of AP on a resample; a class without positives counts 0."""
        return float(np.mean([self._average_precision(c, counts) for c in range(len(self._order))]))

    def _average_precision(self, index: int, counts: Counts) -> float:
        """AP of one class, a drawn image standing as often in the ranking as it was drawn."""
        ranked = np.repeat(self._positive[index], counts[self._order[index]])
        ranks = np.flatnonzero(ranked) + 1
        return float(np.sum(np.arange(1, len(ranks) + 1) / ranks) / (len(ranks) + 1e-8))


def exact_mcnemar(first: Marks, second: Marks) -> PairedDifference:
    """Test whether two runs of one archive name as many images rightly (McNemar 1947, exact).

    Of the images that just one run names rightly, either run has half by chance: p is that of a
    two-sided binomial test. Where the runs differ in no image, p is 1.

    Args:
        first, second: bool (n,), whether each run names an image rightly.

    Raises:
        ValueError: the shapes differ, or there are no images.
    """
    from scipy.stats import binomtest  # a second to import, and settings take a default from here

    _check_pair(first, second)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    told = only_first + only_second
    p = float(binomtest(only_first, told, 0.5).pvalue) if told else 1.0
    return PairedDifference((only_first - only_second) / len(first), p)


def paired_bootstrap(
    first: Figure, second: Figure, images: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> PairedDifference:
    """Test whether the figures of two runs differ, on resamples that both are measured on.

    p = 2 min(#(d <= 0) + 1, #(d >= 0) + 1) / (resamples + 1), at most 1, with d the difference on
    a resample (Davison and Hinkley 1997, section 4.4): it is never 0, and 1 for equal runs.

    Args:
        first, second: what is measured of each run on a resample.
        images: how many there are.
        resamples: to draw.
        seed: of the draws.

    Raises:
        ValueError: there is no image or no resample.
    """
    drawn = resample_counts(images, resamples, seed)
    found = np.array([first(counts) - second(counts) for counts in drawn])
    tails = (found <= 0).sum() + 1, (found >= 0).sum() + 1
    whole = np.ones(images, dtype=np.int64)
    return PairedDifference(
        first(whole) - second(whole), min(1.0, 2 * min(tails) / (resamples + 1))
    )


def _check_pair(first: Marks, second: Marks) -> None:
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"runs of other images: {first.shape} and {second.shape}")
    if len(first) == 0:
        raise ValueError("no image to compare")
