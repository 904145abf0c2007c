"""Multi-label metrics: golden values of the parents' code, tie and NaN order, scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from methods.metrics_multilabel import (
    added_beside,
    average_precision,
    average_precisions,
    class_f1,
    f1_mean_of_classes,
    f1_of_means,
    mean_average_precision,
    missed_for_added,
    top_k_marks,
)

POSITIVE = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]], dtype=bool)
ASSIGNED = np.array([[1, 0], [0, 1], [0, 1], [0, 0], [1, 1]], dtype=bool)


def marks(*values: int) -> np.ndarray:
    return np.array(values, dtype=bool)


def test_average_precision_golden() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert average_precision(scores, marks(1, 0, 1, 0, 0)) == pytest.approx(0.8333333)


def test_ties_rank_later_rows_first() -> None:
    assert average_precision(np.ones(6), marks(1, 0, 0, 0, 0, 1)) == pytest.approx(2 / 3)


def test_nan_ranks_first_and_minus_infinity_last() -> None:
    assert average_precision(np.array([np.nan, 1.0]), marks(1, 0)) == pytest.approx(1.0)
    assert average_precision(np.array([-np.inf, 1.0]), marks(1, 0)) == pytest.approx(0.5)


def test_class_without_positives_gives_zero_and_counts() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8]])
    positive = np.array([[True, False], [False, False]])
    assert average_precisions(scores, positive) == pytest.approx([1.0, 0.0])
    assert mean_average_precision(scores, positive) == pytest.approx(0.5)


def test_without_ties_it_is_scikit_learns_average_precision() -> None:
    rng = np.random.default_rng(1)
    scores, positive = rng.permutation(400) / 400, rng.random(400) < 0.2
    expected = average_precision_score(positive, scores)
    assert average_precision(scores, positive) == pytest.approx(expected, abs=1e-8)


def test_the_two_f1_definitions_golden() -> None:
    by_class = f1_mean_of_classes(ASSIGNED, POSITIVE)
    of_means = f1_of_means(ASSIGNED, POSITIVE)
    assert by_class.cf1 == pytest.approx(0.7333, abs=5e-5)
    assert of_means.cf1 == pytest.approx(0.7407, abs=5e-5)
    assert by_class.of1 == of_means.of1 == pytest.approx(0.7273, abs=5e-5)


def test_f1_of_nothing_assigned_is_zero() -> None:
    nothing = np.zeros_like(POSITIVE)
    assert f1_mean_of_classes(nothing, POSITIVE) == (0, 0, 0, 0, 0, 0)
    assert class_f1(nothing, nothing)[2].tolist() == [0, 0]


def test_top_k_marks_the_highest_scored_only() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [-np.inf, 0.2, np.nan]])
    assert top_k_marks(scores, 2).tolist() == [[False, True, True], [False, True, False]]
    assert top_k_marks(scores, 5).sum() == 4
    with pytest.raises(ValueError, match="k must be"):
        top_k_marks(scores, 0)


def test_missed_for_added_counts_images() -> None:
    positive = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 1]], dtype=bool)
    assigned = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=bool)
    assert missed_for_added(assigned, positive, limit=5) == [(0, 1, 2)]


def test_added_beside_counts_false_positives_by_what_is_there() -> None:
    positive = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=bool)
    assigned = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)
    found = added_beside(assigned, positive, limit=5)
    assert found[0] == (0, 1, 2, 2, 1), "two of the two images with 0 alone got 1; one has both"
    assert found[1:] == [(0, 2, 1, 3, 0), (1, 2, 1, 1, 1)]
    assert added_beside(positive, positive, limit=5) == []


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="matrices"):
        average_precisions(np.zeros((2, 3)), np.zeros((3, 2), dtype=bool))
    with pytest.raises(ValueError, match="no image"):
        average_precisions(np.zeros((0, 3)), np.zeros((0, 3), dtype=bool))
