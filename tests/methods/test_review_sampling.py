"""Where a review asks next, what it learns, and that its interval holds on simulated reviews."""

import numpy as np
import pytest

from benchmarks.review import coverage, draw_archive, review
from methods.review_sampling import answers_needed, expected_shares, next_stratum, spreads


def test_scores_are_believed_at_first_and_answers_later() -> None:
    scores, sizes = np.array([0.6, 0.95]), np.array([500, 500])
    first = expected_shares(scores, sizes, np.zeros(2, np.int64), np.zeros(2))
    assert first == pytest.approx([0.6, 0.95], abs=0.01)
    n = np.array([200, 200])
    later = expected_shares(scores, sizes, n, np.array([60.0, 120.0]))
    assert later == pytest.approx([0.3, 0.6], abs=0.02)


def test_without_scores_one_share_is_learned() -> None:
    scores, sizes = np.full(2, np.nan), np.array([10, 10])
    found = expected_shares(scores, sizes, np.array([50, 50]), np.array([45.0, 35.0]))
    assert found[0] == found[1] == pytest.approx(0.8, abs=0.02)


def test_a_stratum_s_own_answers_do_not_move_its_spread() -> None:
    scores, sizes = np.array([0.5, 0.7, 0.9]), np.array([100, 100, 100])
    n = np.array([20, 20, 20])
    lucky = spreads(scores, sizes, n, np.array([20.0, 14.0, 18.0]))
    unlucky = spreads(scores, sizes, n, np.array([2.0, 14.0, 18.0]))
    assert lucky[0] == unlucky[0]
    assert lucky[1] != unlucky[1]


def test_every_stratum_is_visited_and_then_the_doubtful_ones() -> None:
    sizes, spread = np.array([100, 5000, 900]), np.array([0.5, 0.15, 0.45])
    taken = np.zeros(3, np.int64)
    for _ in range(6):
        at = next_stratum(sizes, taken, sizes - taken, spread)
        taken[at] += 1
    assert taken.tolist() == [2, 2, 2]
    for _ in range(300):
        at = next_stratum(sizes, taken, sizes - taken, spread)
        taken[at] += 1
    wanted = sizes * spread / (sizes * spread).sum() * taken.sum()
    assert taken == pytest.approx(wanted, abs=2)


def test_a_stratum_without_images_left_is_passed_over() -> None:
    sizes = np.array([3, 100])
    assert next_stratum(sizes, np.array([0, 9]), np.array([0, 91]), np.array([0.5, 0.1])) == 1
    assert next_stratum(sizes, np.array([3, 100]), np.array([0, 0]), np.array([0.5, 0.1])) is None


def test_the_forecast_of_answers_is_what_it_takes() -> None:
    archive = draw_archive("sharp", 20_000, 3)
    sizes, scores = archive.strata.sizes, archive.strata.scores
    n = np.full(len(sizes), 4)
    right = np.array([4 * archive.right[archive.stratum == at].mean() for at in range(len(sizes))])
    told = answers_needed(scores, sizes, n, right, 0.02)
    _, taken = review(archive, 9, 2000, half_width=0.02, refit=5)
    assert told == pytest.approx(taken - n.sum(), rel=0.3)
    assert answers_needed(scores, sizes, n, right, 0.5) == 0


@pytest.mark.slow
def test_the_interval_holds_and_takes_half_as_many_answers() -> None:
    """A small version of ``benchmarks.review``, which shows 93 to 97 % with 200 reviews."""
    found = coverage("sharp", 8_000, reviews=16, answers=120, seed=4)
    assert found["held"] >= 0.8
    assert abs(found["error"]) < 0.015
    assert found["ratio"] > 2
