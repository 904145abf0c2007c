"""Single-label metrics: hand-counted cases, and agreement with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from methods.metrics_single import (
    NO_PREDICTION,
    accuracy,
    class_scores,
    confusion_pairs,
    hits_of_best,
    macro_f1,
    macro_f1_of_true_classes,
)


def codes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_images_without_a_label_count_as_wrong() -> None:
    truth, predicted = codes(0, 0, 1, 1), codes(0, NO_PREDICTION, 1, NO_PREDICTION)
    assert accuracy(truth, predicted) == 0.5
    assert macro_f1(truth, predicted) == pytest.approx(2 / 3)  # precision 1, recall 1/2


def test_macro_f1_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 7, 500), rng.integers(0, 9, 500)
    assert macro_f1(truth, predicted) == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_macro_f1_ignores_codes_that_never_occur() -> None:
    assert macro_f1(codes(0, 5), codes(0, 5)) == 1.0


def test_macro_f1_counts_names_that_are_never_true() -> None:
    assert macro_f1(codes(0, 0), codes(0, 3)) == pytest.approx((2 / 3) / 2)


def test_dassl_s_macro_f1_is_over_true_classes_alone() -> None:
    truth, predicted = codes(0, 0, 1), codes(0, 3, NO_PREDICTION)
    assert macro_f1_of_true_classes(truth, predicted) == pytest.approx((2 / 3 + 0) / 2)
    assert macro_f1(truth, predicted) == pytest.approx((2 / 3 + 0 + 0) / 3)
    rng = np.random.default_rng(1)
    truth, predicted = 2 * rng.integers(0, 4, 300), rng.integers(-1, 9, 300)
    dassl = f1_score(truth, predicted, average="macro", labels=np.unique(truth))
    assert macro_f1_of_true_classes(truth, predicted) == pytest.approx(dassl)


def test_a_hit_may_stand_anywhere_among_the_best() -> None:
    ranked = np.array([[1, 0, 2], [2, 1, NO_PREDICTION], [NO_PREDICTION] * 3, [0, 1, 2]])
    assert hits_of_best(codes(0, 0, 0, 2), ranked).tolist() == [True, False, False, True]
    with pytest.raises(ValueError, match="expected"):
        hits_of_best(codes(0), ranked)


def test_class_scores_count_by_class() -> None:
    scores = class_scores(codes(0, 0, 1, 2), codes(0, 1, 1, NO_PREDICTION), n_classes=4)
    assert scores.images.tolist() == [2, 1, 1, 0]
    assert scores.predicted.tolist() == [1, 2, 0, 0]
    assert scores.correct.tolist() == [1, 1, 0, 0]
    assert scores.precision.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert scores.recall.tolist() == [0.5, 1.0, 0.0, 0.0]
    assert scores.f1.tolist() == pytest.approx([2 / 3, 2 / 3, 0.0, 0.0])


def test_confusion_pairs_are_sorted_and_leave_out_errors() -> None:
    truth = codes(0, 0, 0, 1, 2, 2, 2, 1)
    predicted = codes(1, 1, 0, 0, 1, 1, NO_PREDICTION, 1)
    assert confusion_pairs(truth, predicted, limit=10) == [(0, 1, 2), (2, 1, 2), (1, 0, 1)]
    assert confusion_pairs(truth, predicted, limit=1) == [(0, 1, 2)]
    assert confusion_pairs(truth, truth, limit=3) == []


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="no image"):
        accuracy(codes(), codes())
    with pytest.raises(ValueError, match="shape"):
        accuracy(codes(0), codes(0, 1))
