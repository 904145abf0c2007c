"""How uncertain CLIP is of an image, from its k best classes.

Probabilities are a softmax over all classes of CLIP's logits (the logit scale times cosines)
divided by a temperature (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2):
1 is the model's own. What a pass over an archive keeps of an image are its best logits and, for
each temperature of `TEMPERATURES`, the logarithm of the sum of exponentials over all classes, so
that probabilities at any of them need neither the image nor the other logits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.settings import Measure

Floats = NDArray[np.float64]

TEMPERATURES: Final[Floats] = 2.0 ** (np.arange(-8, 13) / 4)
"""From a quarter to 8, four for each doubling; 1 is one of them."""
OWN: Final = 8
"""Where in `TEMPERATURES` the model's own is."""


def nearest(temperature: float) -> int:
    """Place of the temperature of `TEMPERATURES` that is nearest in ratio."""
    return int(np.abs(np.log(TEMPERATURES) - np.log(temperature)).argmin())


def probabilities(logits: NDArray[np.float32], log_sums: NDArray[np.float32], at: int) -> Floats:
    """Probabilities of the best classes among all classes.

    Args:
        logits: of the k best classes, best first, float32 (n, k).
        log_sums: over all classes, float32 (n, T), a column for each of `TEMPERATURES`.
        at: place of the temperature.

    Returns:
        float64 (n, k); rows sum to 1 at most.
    """
    scaled = np.asarray(logits, np.float64) / TEMPERATURES[at]
    found = np.exp(scaled - np.asarray(log_sums, np.float64)[:, at : at + 1])
    # what single precision rounded up is no probability above 1
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1.0))


def uncertainty(best: Floats, measure: Measure, right: float = 1.0) -> Floats:
    """How much an image is worth a call, by a measure: higher is asked about first.

    ``gain`` is what asking is expected to win: the probability that the model is right, less that
    CLIP is. ``margin`` is 1 less the lead of the best class on the second, ``entropy`` that of the
    k classes and of all others as one, in nats, ``confidence`` 1 less the best probability.

    Args:
        best: probabilities of the k best classes, best first, float64 (n, k).
        measure: which.
        right: probability that the model chooses the true class if it is among the k, for ``gain``.
    """
    if measure == "gain":
        return np.asarray(right * best.sum(axis=1) - best[:, 0])
    if measure == "margin":
        second = best[:, 1] if best.shape[1] > 1 else 0.0
        return np.asarray(1 - (best[:, 0] - second))
    if measure == "entropy":
        rest = np.maximum(1 - best.sum(axis=1, keepdims=True), 0.0)
        all_of_it = np.concatenate([best, rest], axis=1)
        logs = np.log(all_of_it, out=np.zeros_like(all_of_it), where=all_of_it > 0)
        return np.asarray(-(all_of_it * logs).sum(axis=1))
    return np.asarray(1 - best[:, 0])
