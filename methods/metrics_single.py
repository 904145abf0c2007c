"""Metrics of one label per image, when truth and prediction share their class names.

Every function takes class codes, not names: ``truth`` int (n,) with values >= 0, and ``predicted``
int (n,) where `NO_PREDICTION` marks an image without a label (a bad file, a refusal). Such an image
counts as wrong everywhere and never becomes a class of its own.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

NO_PREDICTION: Final = -1

Codes = NDArray[np.int64]
Fractions = NDArray[np.float64]


class ClassScores(NamedTuple):
    """Counts and scores per class, all of shape (n_classes,); an undefined ratio is 0."""

    images: Codes  # with this class as truth
    predicted: Codes
    correct: Codes
    precision: Fractions
    recall: Fractions
    f1: Fractions


def accuracy(truth: Codes, predicted: Codes) -> float:
    """Return the share of images whose label is the true one.

    Raises:
        ValueError: there are no images, or the shapes differ.
    """
    _check(truth, predicted)
    return float(np.mean(truth == predicted))


def macro_f1(truth: Codes, predicted: Codes) -> float:
    """Return the unweighted mean of F1 over all classes that occur in truth or prediction.

    This is scikit-learn's ``f1_score(average="macro")`` without `NO_PREDICTION` as a class: images
    without a label lower the recall of their class, and names that are never true count with 0.

    Raises:
        ValueError: there are no images, or the shapes differ.
    """
    _check(truth, predicted)
    occurring = np.union1d(truth, predicted[predicted != NO_PREDICTION])
    n_classes = int(occurring[-1]) + 1
    return float(np.mean(class_scores(truth, predicted, n_classes).f1[occurring]))


def macro_f1_of_true_classes(truth: Codes, predicted: Codes) -> float:
    """Return the unweighted mean of F1 over the classes that occur in truth, and over no other.

    As Dassl has it, and so TLAC and the prompt learners that build on it: ``f1_score(truth,
    predicted, average="macro", labels=np.unique(truth))``. A name that is never true counts only
    through the images that it takes from others, where `macro_f1` has a class of F1 0 more for it.

    Raises:
        ValueError: there are no images, or the shapes differ.
    """
    _check(truth, predicted)
    true = np.unique(truth)
    n_classes = int(max(true[-1], predicted.max())) + 1
    return float(np.mean(class_scores(truth, predicted, n_classes).f1[true]))


def hits_of_best(truth: Codes, ranked: Codes) -> NDArray[np.bool_]:
    """Mark the images whose true class is one of the best, bool (n,): top-5 where five are ranked.

    Args:
        truth: int (n,).
        ranked: int (n, k), the best classes of each image in any order; `NO_PREDICTION` fills up.

    Raises:
        ValueError: the shapes do not fit.
    """
    if ranked.ndim != 2 or truth.shape != ranked.shape[:1]:
        raise ValueError(f"expected (n,) and (n, k), got {truth.shape} and {ranked.shape}")
    hits: NDArray[np.bool_] = (ranked == truth[:, np.newaxis]).any(axis=1)
    return hits


def class_scores(truth: Codes, predicted: Codes, n_classes: int) -> ClassScores:
    """Return images, predictions, hits, precision, recall and F1 of classes 0 .. n_classes - 1.

    Raises:
        ValueError: there are no images, or the shapes differ.
    """
    _check(truth, predicted)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, predicted, labels=np.arange(n_classes), average=None, zero_division=0.0
    )
    given = predicted[predicted != NO_PREDICTION]
    return ClassScores(
        images=np.bincount(truth, minlength=n_classes),
        predicted=np.bincount(given, minlength=n_classes),
        correct=np.bincount(truth[truth == predicted], minlength=n_classes),
        precision=precision,
        recall=recall,
        f1=f1,
    )


def confusion_pairs(truth: Codes, predicted: Codes, limit: int) -> list[tuple[int, int, int]]:
    """Return the most frequent mistakes as ``(true, predicted, count)``, most frequent first.

    Images without a label are no confusion and are left out; equal counts go by class code.

    Raises:
        ValueError: there are no images, or the shapes differ.
    """
    _check(truth, predicted)
    wrong = (truth != predicted) & (predicted != NO_PREDICTION)
    if not wrong.any():
        return []
    pairs = np.stack([truth[wrong], predicted[wrong]], axis=1)
    distinct, counts = np.unique(pairs, axis=0, return_counts=True)
    worst = np.lexsort((distinct[:, 1], distinct[:, 0], -counts))[:limit]
    return [(int(distinct[i, 0]), int(distinct[i, 1]), int(counts[i])) for i in worst]


def _check(truth: Codes, predicted: Codes) -> None:
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"truth and predicted differ in shape: {truth.shape}, {predicted.shape}")
    if len(truth) == 0:
        raise ValueError("no image to score")
