"""Harmonic mean and seeds: published rows, and by hand."""

from __future__ import annotations

import pytest

from methods.metrics_summary import harmonic_mean, spread


def test_harmonic_mean_of_a_published_row() -> None:
    """The average row of CoCoOp's table of eleven data sets: base 80.47, new 71.69, H 75.83."""
    assert harmonic_mean(0.8047, 0.7169) == pytest.approx(0.7583, abs=5e-5)


def test_harmonic_mean_at_its_edges() -> None:
    assert harmonic_mean(0, 0) == 0
    assert harmonic_mean(0.8, 0) == 0
    with pytest.raises(ValueError, match="0 and more"):
        harmonic_mean(-0.1, 0.5)


def test_the_deviation_is_that_of_a_sample() -> None:
    assert spread([0.5, 0.6, 0.7]) == (pytest.approx(0.6), pytest.approx(0.1), 3)
    assert spread([0.5]) == (0.5, None, 1)
    with pytest.raises(ValueError, match="no figure"):
        spread([])
