"""Metrics of names by what they mean: how close a predicted name is to the true one.

Codes as in `methods.metrics_single`: ``truth`` int (n,) >= 0, ``predicted`` int (n,) with
`NO_PREDICTION` for images without a label. Both index one list of distinct names, which somebody
else has turned into sentence embeddings.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.metrics_single import NO_PREDICTION, Codes

_PAIRS_AT_ONCE: Final = 16384  # bounds what is gathered at a time: 96 MiB at a width of 768


def semantic_accuracy(truth: Codes, predicted: Codes, embeddings: NDArray[np.float32]) -> float:
    """Return sACC: the mean over images of the cosine between predicted and true name.

    FineR's sACC (``utils/semantic_similarity.py``) as a fraction in [-1, 1], not times 100. Its
    protocol embeds names with all-mpnet-base-v2 and no prompt around them; numbers of another
    sentence model are not comparable. The protocol has no images without a label; here such an
    image counts as 0, as if its name had nothing to do with the true one.

    Args:
        truth, predicted, embeddings: as in `semantic_similarities`.

    Raises:
        ValueError: there are no images, the shapes differ, or a code has no embedding.
    """
    return float(semantic_similarities(truth, predicted, embeddings).mean())


def semantic_similarities(
    truth: Codes, predicted: Codes, embeddings: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the cosine between predicted and true name of each image, float64 (n,) in [-1, 1].

    Args:
        truth: int (n,), the code of each image's true name.
        predicted: int (n,), the code of each image's label, or `NO_PREDICTION`, whose cosine is 0.
        embeddings: float32 (names, D), the unit sentence embedding of each code's name.

    Raises:
        ValueError: there are no images, the shapes differ, or a code has no embedding.
    """
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"truth and predicted differ in shape: {truth.shape}, {predicted.shape}")
    if len(truth) == 0:
        raise ValueError("no image to score")
    if max(truth.max(), predicted.max()) >= len(embeddings):
        raise ValueError(f"there are codes beyond the {len(embeddings)} embeddings")
    named = predicted != NO_PREDICTION
    together = np.stack([truth[named], predicted[named]], axis=1)
    pairs, pair_at = np.unique(together, axis=0, return_inverse=True)
    cosines = np.empty(len(pairs))
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        true_names, names = embeddings[pairs[part, 0]], embeddings[pairs[part, 1]]
        cosines[part] = np.einsum("nd,nd->n", true_names, names, dtype=np.float64)
    found = np.zeros(len(truth))
    # rounding can leave a cosine a little above 1
    found[named] = np.clip(cosines, -1.0, 1.0)[pair_at.reshape(-1)]
    return found
