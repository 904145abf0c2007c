"""Metrics of discovered names: predicted names are clusters, their spelling does not matter.

Codes as in `methods.metrics_single`: ``truth`` int (n,) >= 0, ``predicted`` int (n,) with
`NO_PREDICTION` for images without a label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from methods.metrics_single import NO_PREDICTION, Codes


def match_names(truth: Codes, predicted: Codes) -> dict[int, int]:
    """Match predicted names one-to-one with true classes so that most images agree.

    The Hungarian assignment of FineR's cACC (``utils/metrics.py``) on the counts of each
    (predicted, true) pair. Images without a label take no part.

    Returns:
        The class code of each matched name code; names beyond the classes, and names that share no
        image with the class left over for them, are absent.
    """
    named = predicted != NO_PREDICTION
    if not named.any():
        return {}
    classes, true_at = np.unique(truth[named], return_inverse=True)
    names, name_at = np.unique(predicted[named], return_inverse=True)
    # a rectangular table gives the same optimum as the square, zero-padded one of the protocol
    counts = np.bincount(name_at * len(classes) + true_at, minlength=len(names) * len(classes))
    table = counts.reshape(len(names), len(classes))
    matched = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return {int(names[n]): int(classes[c]) for n, c in matched if table[n, c]}


def cluster_accuracy(truth: Codes, predicted: Codes) -> float:
    """Return cACC: the accuracy under the best one-to-one matching of names to classes.

    Matched counts divided by the number of images, as in FineR. Names beyond the matched ones count
    as errors, so synonyms hurt. Images without a label match nothing: they are not a cluster, but
    stay in the denominator.

    Raises:
        ValueError: there are no images.
    """
    return float(np.mean(cluster_hits(truth, predicted)))


def cluster_hits(truth: Codes, predicted: Codes) -> NDArray[np.bool_]:
    """Mark the images whose name is matched with their true class, bool (n,); see `match_names`.

    Raises:
        ValueError: there are no images.
    """
    if len(truth) == 0:
        raise ValueError("no image to score")
    stands_for = np.full(int(predicted.max()) + 2, NO_PREDICTION)  # the last is NO_PREDICTION's
    for name, matched in match_names(truth, predicted).items():
        stands_for[name] = matched
    hits: NDArray[np.bool_] = stands_for[predicted] == truth
    return hits


def normalized_mutual_information(truth: Codes, predicted: Codes) -> float:
    """Return NMI in [0, 1] (scikit-learn, arithmetic mean); unlabelled images are one cluster.

    Raises:
        ValueError: there are no images.
    """
    if len(truth) == 0:
        raise ValueError("no image to score")
    return float(normalized_mutual_info_score(truth, predicted))


def adjusted_rand_index(truth: Codes, predicted: Codes) -> float:
    """Return ARI in [-0.5, 1] (scikit-learn); unlabelled images are one cluster.

    Raises:
        ValueError: there are no images.
    """
    if len(truth) == 0:
        raise ValueError("no image to score")
    return float(adjusted_rand_score(truth, predicted))
