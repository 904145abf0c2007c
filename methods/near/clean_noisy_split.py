"""Which names are clean: a mixture of two Gaussians on the images' losses.

Networks learn right labels before wrong ones, so early in training a small loss means a clean
label. NeaR fits a two-component Gaussian mixture to the losses; its settings here are those of
DivideMix (Li et al. 2020) and JoAPR (2024): losses scaled to [0, 1], averaged over the last epochs.
Everything is indexed by image, never by the order of a loader.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

MIN_IMAGES: Final = 10
MIN_RANGE: Final = 1e-6
MIN_DISTANCE: Final = 1e-3
"""Fewer images, losses closer than this, means closer than this: no split is attempted."""


@dataclass(frozen=True)
class Split:
    """Clean and noisy images of one epoch.

    Attributes:
        weights: float64 (N,), probability that an image's label is clean; never rises with the
            loss; 0 where there is no label.
        clean: bool (N,).
        threshold: the largest loss (scaled, averaged) that is clean; None without a mixture, or
            where nothing is clean.
        means, variances, proportions: of the clean and the noisy Gaussian; None without a mixture.
        history: float64 (at most window, N), scaled losses of this and the epochs before it, for
            the next call.
        note: why there is no mixture, in words; None when there is one.
    """

    weights: NDArray[np.float64]
    clean: NDArray[np.bool_]
    threshold: float | None
    means: tuple[float, float] | None
    variances: tuple[float, float] | None
    proportions: tuple[float, float] | None
    history: NDArray[np.float64]
    note: str | None


def split_losses(
    losses: NDArray[np.float64],
    labelled: NDArray[np.bool_],
    history: NDArray[np.float64] | None = None,
    *,
    threshold: float = 0.5,
    window: int = 5,
) -> Split:
    """Split images by loss into clean and noisy.

    All labelled images count as clean, and a note says why, where a mixture means nothing: fewer
    than 10 of them, losses that are all equal, two Gaussians with one mean.

    Args:
        losses: float64 (N,), cross-entropy of each image's own label; ignored without one.
        labelled: bool (N,), whether an image has a label; without one it is noisy, weight 0.
        history: `Split.history` of the epoch before.
        threshold: clean is a weight above it.
        window: epochs to average over, this one included.

    Raises:
        ValueError: a loss is not a finite number, or the history is of other images.
    """
    past = np.zeros((0, len(losses))) if history is None else history
    if past.shape[1] != len(losses):
        raise ValueError(f"the history is of {past.shape[1]} images, the losses of {len(losses)}")
    values = losses[labelled]
    if not np.isfinite(values).all():
        raise ValueError(f"losses of {int((~np.isfinite(values)).sum())} images are not finite")
    past = past[max(0, len(past) - window) :]
    if len(values) < MIN_IMAGES:
        return _all_clean(
            labelled, past, f"only {len(values)} labelled images, {MIN_IMAGES} needed"
        )
    if values.max() - values.min() < MIN_RANGE:
        return _all_clean(labelled, past, "all losses are equal")
    scaled = np.zeros(len(losses))
    scaled[labelled] = (values - values.min()) / (values.max() - values.min())
    past = np.vstack([past, scaled])[-window:]
    mean = past.mean(axis=0)[labelled]
    if mean.max() - mean.min() < MIN_RANGE:
        return _all_clean(labelled, past, "all losses are equal on average over the last epochs")
    mixture = _fit(mean)
    order = np.argsort(mixture.means_.ravel())
    clean_mean, noisy_mean = (float(value) for value in mixture.means_.ravel()[order])
    if noisy_mean - clean_mean < MIN_DISTANCE:
        return _all_clean(labelled, past, "the two Gaussians of the losses have the same mean")
    posterior = mixture.predict_proba(mean[:, None])[:, order[0]]
    weights = np.zeros(len(losses))
    weights[labelled] = _falling(posterior, mean, clean_mean)
    clean = weights > threshold
    variances, proportions = mixture.covariances_.ravel()[order], mixture.weights_[order]
    return Split(
        weights=weights,
        clean=clean,
        threshold=float(mean[clean[labelled]].max()) if clean.any() else None,
        means=(clean_mean, noisy_mean),
        variances=(float(variances[0]), float(variances[1])),
        proportions=(float(proportions[0]), float(proportions[1])),
        history=past,
        note=None,
    )


def _fit(losses: NDArray[np.float64]) -> GaussianMixture:
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are the setting
        # sorted, because the initial means depend on the order and the result must not
        return mixture.fit(np.sort(losses)[:, None])


def _falling(
    posterior: NDArray[np.float64], losses: NDArray[np.float64], clean_mean: float
) -> NDArray[np.float64]:
    """Make posteriors fall with the loss; one Gaussian much wider than the other breaks that."""
    order = np.argsort(losses, kind="stable")
    raised = np.where(losses <= clean_mean, 1.0, posterior)
    weights = np.empty_like(posterior)
    weights[order] = np.minimum.accumulate(raised[order])
    return weights


def _all_clean(labelled: NDArray[np.bool_], history: NDArray[np.float64], why: str) -> Split:
    note = f"no split of the losses, every name counts as clean: {why}"
    return Split(
        labelled.astype(np.float64), labelled.copy(), None, None, None, None, history, note
    )
