"""Intervals and paired tests: closed forms, scipy's own bootstrap, the plain mAP, seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from methods.metrics_bootstrap import (
    RankedClasses,
    bootstrap_interval,
    exact_mcnemar,
    mean_over,
    paired_bootstrap,
    resample_counts,
)
from methods.metrics_multilabel import mean_average_precision

GENERATOR = np.random.default_rng(5)
HITS = GENERATOR.random(200) < 0.7


def test_counts_are_of_as_many_images_and_of_the_seed() -> None:
    first, again, other = (list(resample_counts(30, 4, seed)) for seed in (1, 1, 2))
    assert [int(counts.sum()) for counts in first] == [30] * 4
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_interval_of_an_accuracy_is_the_binomial_s() -> None:
    """Hits of a resample are binomial: the percentiles are known without drawing."""
    found = bootstrap_interval(mean_over(HITS), len(HITS), resamples=4000, seed=3)
    exact = binom.ppf([0.025, 0.975], len(HITS), HITS.mean()) / len(HITS)
    assert np.abs(np.array(found) - exact).max() <= 2 / len(HITS)


def test_the_interval_agrees_with_scipy_s() -> None:
    cosines = GENERATOR.normal(0.6, 0.2, 150)
    ours = bootstrap_interval(mean_over(cosines), 150, resamples=4000)
    theirs = bootstrap((cosines,), np.mean, method="percentile", n_resamples=4000, rng=9)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)


@pytest.mark.parametrize("tied", [False, True])
def test_map_on_a_resample_is_that_of_the_images_drawn(tied: bool) -> None:
    scores = GENERATOR.normal(size=(60, 4)).round(0 if tied else 9)
    scores[:3] = -np.inf
    positive = GENERATOR.random((60, 4)) < 0.3
    measure = RankedClasses(scores, positive)
    assert measure(np.ones(60, np.int64)) == pytest.approx(mean_average_precision(scores, positive))
    for counts in resample_counts(60, 5, seed=8):
        drawn = np.repeat(np.arange(60), counts)
        expected = mean_average_precision(scores[drawn], positive[drawn])
        assert measure(counts) == pytest.approx(expected, abs=1e-12)


def test_mcnemar_counts_only_where_runs_differ() -> None:
    first = np.array([1] * 12 + [0] * 3 + [1] * 50 + [0] * 35, dtype=bool)
    second = np.array([0] * 12 + [1] * 3 + [1] * 50 + [0] * 35, dtype=bool)
    found = exact_mcnemar(first, second)
    assert found.difference == pytest.approx(0.09)
    assert found.p == pytest.approx(2 * binom.cdf(3, 15, 0.5))  # 0.035156
    assert exact_mcnemar(second, first) == (pytest.approx(-0.09), pytest.approx(found.p))
    assert exact_mcnemar(first, first) == (0.0, 1.0)


def test_runs_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="other images"):
        exact_mcnemar(HITS, HITS[:-1])
    with pytest.raises(ValueError, match="no image"):
        exact_mcnemar(HITS[:0], HITS[:0])
    with pytest.raises(ValueError, match="nothing to draw"):
        bootstrap_interval(mean_over(HITS), 0)


def test_paired_bootstrap_sees_a_difference_and_no_difference() -> None:
    better, worse = HITS | (np.arange(200) % 5 == 0), HITS
    found = paired_bootstrap(mean_over(better), mean_over(worse), 200, resamples=500)
    assert found.difference == pytest.approx(better.mean() - worse.mean())
    assert found.p < 0.01
    assert paired_bootstrap(mean_over(HITS), mean_over(HITS), 200, resamples=99) == (0.0, 1.0)


def test_paired_bootstrap_holds_its_level() -> None:
    """Of runs that differ by chance alone, about one in twenty has p under 0.05."""
    generator = np.random.default_rng(11)
    ps = []
    for seed in range(60):
        first, second = (generator.random((2, 80)) < 0.5).astype(float)
        ps.append(
            paired_bootstrap(mean_over(first), mean_over(second), 80, resamples=199, seed=seed).p
        )
    assert np.mean(np.array(ps) < 0.05) < 0.15
    assert np.median(ps) > 0.25
