"""Clustering metrics: the golden values of FineR's cluster_acc, and what errors do."""

from __future__ import annotations

import numpy as np
import pytest

from methods.metrics_cluster import (
    adjusted_rand_index,
    cluster_accuracy,
    match_names,
    normalized_mutual_information,
)
from methods.metrics_single import NO_PREDICTION


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [
        ([0, 0, 1, 1, 2, 2], [1, 1, 0, 0, 2, 0], 5 / 6),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0.25),
        ([0, 1, 2, 3], [0, 0, 0, 0], 0.25),
        ([0, 0, 0, 1, 1, 1], [5, 5, 9, 9, 9, 9], 5 / 6),
        ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 1], 2 / 3),
        ([0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2], 2 / 3),  # synonyms split a class
        ([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 2, 2], 1.0),  # and merged again
    ],
)
def test_cluster_accuracy_golden(truth: list[int], predicted: list[int], expected: float) -> None:
    assert cluster_accuracy(np.array(truth), np.array(predicted)) == pytest.approx(expected)


def test_images_without_a_label_are_not_a_cluster() -> None:
    none = NO_PREDICTION
    # as a cluster of its own, the two unlabelled images of class 1 would match that class
    assert cluster_accuracy(np.array([0, 0, 1, 1]), np.array([7, 7, none, none])) == 0.5
    assert cluster_accuracy(np.array([0, 1]), np.array([none, none])) == 0.0


def test_names_are_matched_with_the_classes_they_mean() -> None:
    truth, predicted = np.array([0, 0, 0, 1, 1, 1]), np.array([8, 8, 5, 5, 5, 7])
    assert match_names(truth, predicted) == {8: 0, 5: 1}
    assert match_names(truth, np.full(6, NO_PREDICTION)) == {}


def test_a_name_is_not_matched_with_a_class_it_never_met() -> None:
    assert match_names(np.array([0, 0, 1, 1]), np.array([4, 4, 4, 9])) == {4: 0, 9: 1}
    assert match_names(np.array([0, 0, 1]), np.array([4, 4, 4])) == {4: 0}
    assert match_names(np.array([0, 0, 1]), np.array([4, 6, 4])) == {6: 0, 4: 1}
    assert match_names(np.array([0, 0, 0, 1]), np.array([4, 4, 6, NO_PREDICTION])) == {4: 0}


def test_renaming_clusters_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    truth, predicted = rng.integers(0, 5, 300), rng.integers(0, 8, 300)
    renamed = rng.permutation(8)[predicted] + 100
    for metric in (cluster_accuracy, normalized_mutual_information, adjusted_rand_index):
        assert metric(truth, predicted) == pytest.approx(metric(truth, renamed))


def test_perfect_clusters_give_one() -> None:
    truth, predicted = np.array([0, 0, 1, 2]), np.array([4, 4, 9, 1])
    assert normalized_mutual_information(truth, predicted) == pytest.approx(1.0)
    assert adjusted_rand_index(truth, predicted) == pytest.approx(1.0)


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="no image"):
        cluster_accuracy(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
