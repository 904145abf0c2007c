"""Probabilities from what a pass keeps, at any temperature, and what they say of doubt."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.cascade.uncertainty import (
    OWN,
    TEMPERATURES,
    nearest,
    probabilities,
    uncertainty,
)
from methods.settings import MEASURES


def kept(logits: NDArray[np.float64], k: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The best logits and the sums of a pass, by plain arithmetic."""
    top = -np.sort(-logits, axis=1)[:, :k]
    sums = np.log(np.exp(logits[:, :, None] / TEMPERATURES).sum(axis=1))
    return top.astype(np.float32), sums.astype(np.float32)


def test_probabilities_are_the_softmax_over_all_classes() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 20))
    top, sums = kept(logits, 5)
    for at in (0, OWN, 12, len(TEMPERATURES) - 1):
        scaled = np.exp(logits / TEMPERATURES[at])
        whole = -np.sort(-scaled / scaled.sum(axis=1, keepdims=True), axis=1)[:, :5]
        assert probabilities(top, sums, at) == pytest.approx(whole, abs=1e-5)
    assert TEMPERATURES[OWN] == 1
    assert (nearest(1.0), nearest(0.01), nearest(99)) == (OWN, 0, len(TEMPERATURES) - 1)


def test_rounding_makes_no_probability_above_one() -> None:
    top, sums = np.array([[90.0, 10.0]], np.float32), np.full((1, 21), 89.9999, np.float32)
    best = probabilities(top, sums, OWN)
    assert best.sum() <= 1


def test_each_measure_by_hand() -> None:
    best = np.array([[0.5, 0.3, 0.1], [0.9, 0.05, 0.05], [1.0, 0.0, 0.0]])
    assert uncertainty(best, "gain") == pytest.approx([0.4, 0.1, 0.0])
    assert uncertainty(best, "gain", right=0.5) == pytest.approx([-0.05, -0.4, -0.5])
    assert uncertainty(best, "margin") == pytest.approx([0.8, 0.15, 0.0])
    assert uncertainty(best, "confidence") == pytest.approx([0.5, 0.1, 0.0])
    rest = 0.1  # all other classes are one
    whole = -sum(p * np.log(p) for p in (0.5, 0.3, 0.1, rest))
    assert uncertainty(best, "entropy")[[0, 2]] == pytest.approx([whole, 0.0])


@pytest.mark.parametrize("measure", MEASURES)
def test_the_sure_image_is_last(measure: str) -> None:
    best = np.array([[0.34, 0.33, 0.33], [0.98, 0.01, 0.01]])
    doubts = uncertainty(best, measure)  # type: ignore[arg-type]
    assert doubts[0] > doubts[1]
    assert np.isfinite(doubts).all()
