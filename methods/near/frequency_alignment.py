"""Predictions aligned with how frequent names are, so that two classes do not end in one name.

Images of two classes are often called by one of their names more than by the other, and each image
by itself is best served by the frequent one. Together they are not: the name would be given more
often than the MLLM gave it. Distribution alignment (ReMixMatch, Berthelot et al. 2020) multiplies
predictions by how frequent a name should be over how frequent it is among them. That NeaR does so
is our choice. A name that one image alone was given is left as it is: it may be a slip, and nothing
should push predictions onto it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.near.candidates import CandidateSets

_SMOOTHING: Final = 1e-3
_NOTHING: Final = 1e-12


def align(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    candidates: CandidateSets,
    rounds: int,
) -> NDArray[np.float32]:
    """Align the predictions of N images with the frequencies of their labels.

    Args:
        probabilities: of each candidate, float32 (entries,), in the order of
            ``candidates.classes``; 0 for one that is out of the question. They need not sum to 1.
        labels: int64 (N,), -1 for none.
        candidates: of the N images.
        rounds: how often to multiply; 0 only makes each image's sum 1.

    Returns:
        float32 (entries,); the sum of an image's is 1, or 0 where all of them were 0.
    """
    images, classes = len(labels), candidates.classes
    owner, _ = candidates.entries(np.arange(images))
    size = int(max(labels.max(initial=0), classes.max(initial=0))) + 1
    votes = np.bincount(labels[labels >= 0], minlength=size)
    target = votes / max(votes.sum(), 1) + _SMOOTHING / size

    def normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
        totals = np.bincount(owner, values, minlength=images)
        shares: NDArray[np.float64] = values / np.maximum(totals, _NOTHING)[owner]
        return shares

    aligned = normalised(probabilities.astype(np.float64))
    for _ in range(rounds):
        given = np.bincount(classes, aligned, minlength=size)
        ratio = target / (given / max(given.sum(), _NOTHING) + _SMOOTHING / size)
        ratio[votes <= 1] = 1.0
        aligned = normalised(aligned * ratio[classes])
    return aligned.astype(np.float32)
