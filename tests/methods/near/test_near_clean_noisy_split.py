"""The split of losses: the golden mixture, its guards, what it must not depend on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.near.clean_noisy_split import _falling, split_losses

LOSSES = np.array([0.02, 0.05, 0.03, 0.10, 0.08, 0.04, 0.06, 0.92, 0.85, 0.78, 0.95, 1.0])
ALL = np.ones(12, bool)


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def two_groups(n: int, seed: int) -> NDArray[np.float64]:
    """Losses, half of them small."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0.3, 0.1, n // 2), rng.normal(3, 0.5, n - n // 2)])


def test_golden_mixture() -> None:
    split = split_losses(LOSSES, ALL)
    assert split.note is None
    assert split.means == pytest.approx((0.0350, 0.8980), abs=1e-3)
    assert split.variances == pytest.approx((0.00121, 0.00671), abs=2e-5)
    assert split.proportions == pytest.approx((0.583, 0.417), abs=1e-3)
    assert split.clean.tolist() == [True] * 7 + [False] * 5
    assert split.weights[:7] == pytest.approx(1, abs=1e-3)
    assert split.weights[7:] == pytest.approx(0, abs=1e-3)
    assert split.threshold == pytest.approx((0.10 - 0.02) / 0.98)
    assert split.history.shape == (1, 12)
    assert split.history[0] == pytest.approx((LOSSES - 0.02) / 0.98)


def test_golden_posteriors_between_the_groups() -> None:
    """Worked out from the golden mixture: 1.0, .236 and .000 at .2, .3 and .4."""
    from scipy.stats import norm

    split = split_losses(LOSSES, ALL)
    assert split.means
    assert split.variances
    assert split.proportions
    x = np.array([0.2, 0.3, 0.4])
    density = [
        share * norm.pdf(x, mean, variance**0.5)
        for share, mean, variance in zip(
            split.proportions, split.means, split.variances, strict=True
        )
    ]
    assert density[0] / (density[0] + density[1]) == pytest.approx([1.0, 0.236, 0.0], abs=2e-3)


def test_images_are_known_by_index() -> None:
    losses = two_groups(60, 1)
    labelled = np.random.default_rng(2).random(60) < 0.8
    order = np.random.default_rng(3).permutation(60)
    split = split_losses(losses, labelled)
    other = split_losses(losses[order], labelled[order])
    assert (other.weights == split.weights[order]).all()
    assert (other.clean == split.clean[order]).all()
    assert other.threshold == split.threshold


def test_an_image_without_a_label_is_noisy_and_changes_nothing() -> None:
    with_more = np.concatenate([LOSSES, [0.0, np.nan, np.inf]])
    split = split_losses(with_more, np.concatenate([ALL, [False] * 3]))
    alone = split_losses(LOSSES, ALL)
    assert (split.weights[:12] == alone.weights).all()
    assert not split.weights[12:].any()
    assert not split.clean[12:].any()
    assert np.isfinite(split.history).all()


def test_losses_are_averaged_over_the_last_five_epochs() -> None:
    epochs = [two_groups(40, seed) for seed in range(8)]
    history = None
    labelled = np.ones(40, bool)
    for losses in epochs:
        split = split_losses(losses, labelled, history)
        history = split.history
    scaled = [(x - x.min()) / (x.max() - x.min()) for x in epochs]
    assert history is not None
    assert np.allclose(history, scaled[-5:])
    mean = np.mean(scaled[-5:], axis=0)
    assert split.threshold == pytest.approx(mean[split.clean].max())
    one = split_losses(epochs[-1], labelled, history, window=1)
    assert (one.weights == split_losses(epochs[-1], labelled).weights).all()


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (np.arange(9.0), "only 9 labelled images"),
        (np.zeros(0), "only 0 labelled images"),
        (np.array([0.5]), "only 1 labelled images"),
        (np.full(30, 0.7), "all losses are equal"),
        (np.zeros(30), "all losses are equal"),
        (0.7 + 1e-8 * np.arange(30), "all losses are equal"),
    ],
)
def test_where_a_mixture_means_nothing_every_name_is_clean(
    losses: NDArray[np.float64], words: str
) -> None:
    split = split_losses(losses, np.ones(len(losses), bool))
    assert split.note
    assert "every name counts as clean" in split.note
    assert words in split.note
    assert split.clean.all()
    assert (split.weights == 1).all()
    assert split.means is split.threshold is None
    assert (split_losses(losses, np.zeros(len(losses), bool)).weights == 0).all()


def test_equal_means_and_averages_that_cancel_are_no_mixture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    up = np.linspace(0, 1, 20)
    first = split_losses(up, np.ones(20, bool))
    split = split_losses(up[::-1].copy(), np.ones(20, bool), first.history)
    assert split.note
    assert "equal on average" in split.note
    monkeypatch.setattr("methods.near.clean_noisy_split.MIN_DISTANCE", 2.0)
    split = split_losses(LOSSES, ALL)
    assert split.note
    assert "same mean" in split.note
    assert split.clean.all()
    assert split.history.shape == (1, 12)


def test_one_far_image_is_noisy_and_nothing_else() -> None:
    losses = np.full(30, 0.01)
    losses[7] = 9.0
    split = split_losses(losses, np.ones(30, bool))
    assert np.flatnonzero(~split.clean).tolist() == [7]


@pytest.mark.parametrize("seed", range(20))
def test_weights_never_rise_with_the_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses = np.abs(np.concatenate([
        rng.normal(0, rng.uniform(0.01, 2), 40), rng.normal(2, rng.uniform(0.01, 2), 40)
    ]))  # fmt: skip
    split = split_losses(losses, np.ones(80, bool))
    falling = split.weights[np.argsort(losses)]
    assert (np.diff(falling) <= 0).all()
    assert (falling >= 0).all()
    assert (falling <= 1).all()
    assert split.clean[losses.argmin()], "never 0 % clean"
    if split.means is not None:
        scaled = split.history[-1]
        assert split.clean[scaled <= split.means[0]].all()


def test_a_posterior_that_is_not_monotone_is_made_so() -> None:
    losses = np.array([0.9, 0.0, 0.5, 0.1, 0.3])
    posterior = np.array([0.7, 0.2, 0.1, 0.9, 0.6])
    assert _falling(posterior, losses, 0.1).tolist() == [0.1, 1.0, 0.1, 1.0, 0.6]


def test_losses_that_are_no_numbers_and_histories_of_others_are_refused() -> None:
    broken = LOSSES.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="losses of 1 images are not finite"):
        split_losses(broken, ALL)
    with pytest.raises(ValueError, match="history is of 5 images, the losses of 12"):
        split_losses(LOSSES, ALL, np.zeros((2, 5)))
