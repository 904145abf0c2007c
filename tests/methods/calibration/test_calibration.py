"""Thresholds hold what they say on fresh images, and curves turn scores into probabilities."""

import numpy as np
import pytest

from methods.calibration.classes import class_thresholds
from methods.calibration.scores import best_curve, fit_curve, log_loss
from methods.calibration.thresholds import NEVER, find_threshold, least_images, lower_bound


def drawn(rng, count, power=2.0, classes=6):
    """Scores, whether right with a probability that is the score to a power, and classes."""
    scores = rng.random(count)
    right = rng.random(count) < 1 - (1 - scores) ** power * 0.9
    return scores, right, rng.integers(0, classes, count)


def test_a_bound_is_clopper_pearsons() -> None:
    # 59 of 59 right: 0.05 ** (1 / 59)
    assert lower_bound(59, 59, 0.95) == pytest.approx(0.05 ** (1 / 59))
    assert lower_bound(0, 10, 0.95) == 0.0
    assert lower_bound(9, 10, 0.95) == pytest.approx(0.6058367, abs=1e-6)
    assert least_images(0.95, 0.95) == 59
    assert least_images(0.95, 0.95, wrong=1) == 93


@pytest.mark.slow
def test_wanted_precision_holds_on_fresh_images_in_nine_of_ten_seeds() -> None:
    held, coverage = 0, []
    for seed in range(100, 140):
        rng = np.random.default_rng(seed)
        scores, right, given = drawn(rng, 600)
        found = class_thresholds(scores, right, np.ones(600), given, 6, 0.95, 0.95, 60)
        fresh, truth, its = drawn(rng, 20000)
        kept = fresh >= found.scores[its]
        held += not kept.any() or truth[kept].mean() >= 0.95
        coverage.append(kept.mean())
    assert held >= 36
    assert np.mean(coverage) > 0.15


def test_too_few_reviewed_images_abstain_and_say_so() -> None:
    found = find_threshold(np.linspace(0, 1, 40), np.ones(40, bool), np.ones(40), 0.95, 0.95)
    assert found.score == NEVER
    assert found.bound is None


def test_ties_are_kept_or_left_together() -> None:
    scores = np.repeat([0.9, 0.5], [100, 100])
    right = np.repeat([True, False], [100, 100])
    found = find_threshold(scores, right, np.ones(200), 0.95, 0.95)
    assert (found.score, found.kept) == (0.9, 100)


def test_weights_count_as_fewer_images() -> None:
    scores, right = np.linspace(1, 0, 100), np.ones(100, bool)
    even = find_threshold(scores, right, np.ones(100), 0.95, 0.95)
    uneven = find_threshold(scores, right, np.r_[np.full(10, 100.0), np.ones(90)], 0.95, 0.95)
    assert even.kept == 100
    assert uneven.score == NEVER


def test_a_class_without_reviewed_images_has_the_pooled_threshold() -> None:
    rng = np.random.default_rng(5)
    scores, right, given = drawn(rng, 500, classes=3)
    found = class_thresholds(scores, right, np.ones(500), given, 5, 0.9, 0.95, 60)
    assert set(found.own) <= {0, 1, 2}
    assert found.scores[3] == found.scores[4] == found.pooled.score


def test_a_temperature_undoes_one() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(20000)
    right = rng.random(20000) < p
    sharp = 1 / (1 + ((1 - p) / p) ** 2)  # logits times two
    curve = fit_curve("temperature", sharp, right, np.ones(20000))
    assert curve.temperature == pytest.approx(2.0, abs=0.1)
    plain = fit_curve("none", sharp, right, np.ones(20000))
    assert log_loss(curve, sharp, right, np.ones(20000)) < log_loss(
        plain, sharp, right, np.ones(20000)
    )


def test_the_better_kind_on_held_out_images_is_taken() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random(3000)
    right = rng.random(3000) < np.where(scores > 0.5, 0.9, 0.3)  # a step no temperature makes
    curve, losses = best_curve(scores, right, np.ones(3000))
    assert curve.kind == "isotonic"
    assert losses["isotonic"] < losses["temperature"]
    told = curve.told()
    assert np.interp(0.8, told["x"], told["y"]) == pytest.approx(0.9, abs=0.05)
