"""A judge that tosses coins: nothing is learned, whatever the scores of the search say."""

from __future__ import annotations

import itertools
import math
import statistics
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from methods.autosep.chance_level import null_band
from methods.autosep.history import History
from tests.helpers.stub_mllm import Coin, search

SEEDS = 20
PUBLISHED = [1, 5, 20, 20, 20, 20, 20]
FIGURES = [(90, 0.594, 0.622), (60, 0.615, 0.650), (30, 0.662, 0.717)]
"""Images, mean and 95th percentile of the best score after six rounds, from the specification."""


@pytest.mark.extended
@pytest.mark.slow
def test_the_search_stays_within_what_coins_explain() -> None:
    found = [
        search(
            Coin(seed), range(90), seed=seed, rounds=6, beam=4, reflections=4, minibatch=4,
            max_children=5, paraphrases=1,
        ).final["value"]
        for seed in range(SEEDS)
    ]  # fmt: skip
    assert max(found) < 0.66
    error = statistics.stdev(found) / math.sqrt(SEEDS)
    assert abs(statistics.mean(found) - 0.594) < 3 * error
    assert statistics.mean(found) < 0.622
    assert sum(value > 0.622 for value in found) <= 4, "the 95th percentile"
    assert min(found) > 0.55, "the winner's curse is there"


CHOICES = [(0, ("fresh_choice",)), (16, ("held_out",)), (16, ("held_out", "reuse"))]


def mean_and_bound(values: list[float], pairs: int) -> tuple[float, float]:
    """Their mean, and three standard errors of it."""
    return statistics.mean(values), 3 * math.sqrt(0.25 / pairs / len(values))


@cache
def small(held: int, *names: str) -> list[History]:
    """Searches on few images, where much is won by chance."""
    return [
        search(
            Coin(seed), range(24), range(24, 24 + held), seed=seed, rounds=2, beam=4,
            reflections=4, minibatch=8, improvements=frozenset(names),
        )
        for seed in range(2 * SEEDS)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("held", "names"), CHOICES)
def test_scores_of_the_choice_owe_nothing_to_the_search(held: int, names: tuple[str, ...]) -> None:
    found = small(held, *names)
    pairs = 4 * (held or 24)
    assert all(each.final["stage"] == "choice" for each in found)
    fresh = [
        score["value"]
        for history in found
        for each in history.prompts.values()
        for score in each.scores
        if score["stage"] == "choice"
    ]
    assert len(fresh) >= 4 * len(found)
    mean, bound = mean_and_bound(fresh, pairs)
    assert abs(mean - 0.5) < bound + 0.004, "half of the few pairs drawn twice are known"
    won = [each.final["value"] for each in small(0)]
    assert statistics.mean(won) > 0.57, "unlike the scores by which prompts were kept"


@pytest.mark.slow
@pytest.mark.parametrize(("held", "names"), CHOICES)
def test_the_final_score_of_a_fresh_choice_is_a_half(held: int, names: tuple[str, ...]) -> None:
    mean, bound = mean_and_bound(
        [each.final["value"] for each in small(held, *names)], 4 * (held or 24)
    )
    assert abs(mean - 0.5) < bound + 0.004


@pytest.mark.parametrize(("n", "mean", "high"), FIGURES)
def test_the_band_has_the_figures_of_the_specification(n: int, mean: float, high: float) -> None:
    band = null_band(PUBLISHED, 2 * n, 4)
    assert len(band) == 7
    assert band[-1][1] == pytest.approx(high, abs=0.01)
    assert band[-1][0] < mean < band[-1][1]
    assert null_band(PUBLISHED, 2 * n, 4, seed=1)[-1] == pytest.approx(band[-1], abs=0.01)


@pytest.mark.parametrize(("n", "mean", "high"), FIGURES)
def test_the_band_is_that_of_the_best_of_many_binomials(n: int, mean: float, high: float) -> None:
    """Worked out exactly, which gives the specification's means as well."""
    counts = np.arange(2 * n + 1)
    band = null_band(PUBLISHED, 2 * n, 4)
    for round_, so_far in enumerate(np.cumsum(PUBLISHED)):
        below = binom.cdf(counts, 2 * n, 0.5) ** so_far
        ends = [counts[np.searchsorted(below, end)] / (2 * n) for end in (0.05, 0.95)]
        assert band[round_] == pytest.approx(ends, abs=1.01 / (2 * n)), "at most one reply apart"
    exact = (np.diff(below, prepend=0) * counts).sum() / (2 * n)
    assert exact == pytest.approx(mean, abs=0.001)
    assert ends[1] == pytest.approx(high, abs=0.001)


def test_the_band_rises_narrows_with_images_and_is_reproducible() -> None:
    band = null_band(PUBLISHED, 180, 4)
    assert band == null_band(PUBLISHED, 180, 4)
    for one, after in itertools.pairwise(band):
        assert one[0] <= after[0] <= after[1]
        assert one[1] <= after[1]
    assert null_band(PUBLISHED, 1800, 4)[-1][1] < band[-1][0]
    assert null_band(PUBLISHED, 180, 1)[-1] == pytest.approx(band[-1], abs=0.01)
    assert null_band([], 180, 4) == []
    assert null_band([1, 0, 0], 180, 4)[0] == null_band([1, 0, 0], 180, 4)[2]
