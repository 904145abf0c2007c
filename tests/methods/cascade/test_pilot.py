"""What a pilot says without labels, against truths that were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from methods.cascade.choosing import ranked
from methods.cascade.pilot import (
    KNEE,
    NOTHING_KNOWN,
    CurvePoint,
    PilotFit,
    curve,
    fit_pilot,
    pick,
)
from methods.cascade.uncertainty import OWN, TEMPERATURES, nearest, probabilities, uncertainty

K = 5


class World:
    """Images whose CLIP is calibrated at one temperature, and a model that is right so often."""

    def __init__(self, images: int, temperature: float, right: float, seed: int) -> None:
        draw = np.random.default_rng(seed)
        real = draw.normal(0, 1, (images, 20)) * draw.uniform(0.2, 5, (images, 1))
        real = -np.sort(-real, axis=1)
        chances = np.exp(real) / np.exp(real).sum(axis=1, keepdims=True)
        self.truth = (draw.uniform(size=(images, 1)) > chances.cumsum(axis=1)).sum(axis=1)
        logits = real * temperature
        self.logits = logits[:, :K].astype(np.float32)
        sums = [np.log(np.exp(logits / each).sum(axis=1)) for each in TEMPERATURES]
        self.log_sums = np.stack(sums, axis=1).astype(np.float32)
        wrong = (self.truth + draw.integers(1, K, images)) % K
        inside, hit = self.truth < K, draw.uniform(size=images) < right
        self.chosen = np.where(inside & hit, self.truth, wrong)
        self.chosen = np.where(inside, self.chosen, draw.integers(0, K, images))

    def best(self, at: int) -> np.ndarray:
        """Probabilities of the choices."""
        return probabilities(self.logits, self.log_sums, at)


@pytest.mark.parametrize(("temperature", "right"), [(1.0, 0.9), (2.0, 0.8), (0.5, 0.95)])
def test_temperature_and_rightness_are_found_without_a_label(
    temperature: float, right: float
) -> None:
    world = World(4000, temperature, right, seed=3)
    fit = fit_pilot(world.logits, world.log_sums, world.chosen)
    assert abs(fit.at - nearest(temperature)) <= 1
    assert fit.right == pytest.approx(right, abs=0.03)
    assert fit.low - 0.01 <= right <= fit.high + 0.01
    assert (fit.images, fit.answered, fit.usable) == (4000, 4000, 1.0)


@pytest.mark.slow
def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        world = World(150, 1.0, 0.85, seed)
        fit = fit_pilot(world.logits, world.log_sums, world.chosen)
        held += fit.low <= 0.85 <= fit.high
    assert held >= 51  # 57 expected


def test_expected_accuracy_is_what_comes() -> None:
    world = World(6000, 1.5, 0.85, seed=8)
    fit = fit_pilot(world.logits[:400], world.log_sums[:400], world.chosen[:400])
    best = world.best(fit.at)
    order = ranked(np.arange(len(best)), uncertainty(best, "gain", fit.right))
    for point in curve(best, order, fit, len(best), calls_each=2):
        asked = np.isin(np.arange(len(best)), order[: point.images])
        was = np.where(asked, world.chosen, 0) == world.truth
        assert point.accuracy == pytest.approx(was.mean(), abs=0.04)
        assert point.calls == 2 * point.images


def test_a_model_that_copies_clip_is_taken_for_right_which_the_page_says() -> None:
    """What the estimate rests on: two models that agree because they are one look good."""
    world = World(2000, 1.0, 0.9, seed=5)
    honest = fit_pilot(world.logits, world.log_sums, world.chosen)
    copied = fit_pilot(world.logits, world.log_sums, np.zeros(2000, np.int64))
    assert copied.agreed == 2000
    assert copied.temperature < honest.temperature


def test_answers_that_cannot_be_used_leave_clip() -> None:
    world = World(500, 1.0, 0.9, seed=2)
    chosen = np.where(np.arange(500) % 2, world.chosen, -1)
    fit = fit_pilot(world.logits, world.log_sums, chosen, at=OWN)
    assert (fit.answered, fit.usable, fit.temperature) == (250, 0.5, 1.0)
    best = world.best(OWN)
    order = ranked(np.arange(500), uncertainty(best, "gain"))
    half, whole = (
        curve(best, order, each, 500)[-1].gain
        for each in (fit, PilotFit(500, 500, 0, OWN, fit.right, 0, 1))
    )
    assert half == pytest.approx(whole / 2)
    with pytest.raises(ValueError, match="no answer of the pilot names one of the choices"):
        fit_pilot(world.logits, world.log_sums, np.full(500, -1))


def test_without_a_pilot_a_model_is_right_where_it_can_be() -> None:
    best = np.array([[0.5, 0.3], [0.9, 0.05]])
    none, *_, everything = curve(best, np.array([0, 1]), NOTHING_KNOWN, 2)
    assert (none.images, none.below, none.gain) == (0, 0.0, 0.0)
    assert none.accuracy == pytest.approx(0.7)
    assert everything.accuracy == pytest.approx((0.8 + 0.95) / 2)
    assert everything.below == pytest.approx(0.9)


def points(*gains: float) -> list[CurvePoint]:
    """A curve of equal steps over an accuracy of 0.5."""
    return [CurvePoint(at / 10, at, at, 0.0, 0.5 + gain, gain) for at, gain in enumerate(gains)]


def test_the_knee_and_the_accuracy_wanted() -> None:
    found = points(0.0, 0.1, 0.18, 0.199, 0.2, 0.15)
    assert KNEE == 0.9
    assert pick(found).images == 2
    assert pick(found, wanted=0.6).images == 1
    assert pick(found, wanted=0.4).images == 0
    assert pick(found, wanted=0.99).images == 4, "what cannot be reached is the highest point"
    assert pick(points(0.0, -0.1, -0.2)).images == 0, "a worse model is not asked"
