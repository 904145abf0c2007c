"""sACC: values counted by hand, and what images without a label do."""

from __future__ import annotations

import numpy as np
import pytest

from methods import metrics_names
from methods.metrics_names import semantic_accuracy
from methods.metrics_single import NO_PREDICTION

NONE = NO_PREDICTION
# names 0 and 1 at a right angle, 2 between them, 3 opposite to 0, 4 at a cosine of 0.6 to 0
NAMES = np.array([[1, 0], [0, 1], [0.5**0.5, 0.5**0.5], [-1, 0], [0.6, 0.8]], dtype=np.float32)


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [
        ([0, 1, 2], [0, 1, 2], 1.0),
        ([0, 0], [1, 1], 0.0),
        ([0, 0], [3, 3], -1.0),
        ([0], [2], 0.5**0.5),
        ([0, 1], [4, 4], (0.6 + 0.8) / 2),
        ([0, 0, 0, 1], [0, 4, 3, 2], (1 + 0.6 - 1 + 0.5**0.5) / 4),
        ([0, 0, 0, 0], [4, 4, 4, 0], (3 * 0.6 + 1) / 4),
        ([0, 0, 1, 1], [0, NONE, 1, NONE], 0.5),
        ([0, 1], [NONE, NONE], 0.0),
    ],
)
def test_golden(truth: list[int], predicted: list[int], expected: float) -> None:
    score = semantic_accuracy(np.array(truth), np.array(predicted), NAMES)
    assert score == pytest.approx(expected, abs=1e-6)


def test_equals_the_mean_over_images_however_pairs_are_grouped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    names = rng.normal(size=(30, 8)).astype(np.float32)
    names /= np.linalg.norm(names, axis=1, keepdims=True)
    truth, predicted = rng.integers(0, 10, 500), rng.integers(NONE, 30, 500)
    cosines = np.where(predicted == NONE, 0, (names[truth] * names[predicted]).sum(axis=1))
    for at_once in (1, 7, 16384):
        monkeypatch.setattr(metrics_names, "_PAIRS_AT_ONCE", at_once)
        assert semantic_accuracy(truth, predicted, names) == pytest.approx(np.mean(cosines))


def test_all_right_is_never_more_than_one() -> None:
    names = np.full((1, 3), np.float32(1 / 3**0.5) + np.float32(1e-7))
    assert semantic_accuracy(np.zeros(9, np.int64), np.zeros(9, np.int64), names) == 1.0


def test_nothing_to_score_is_an_error() -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match="no image"):
        semantic_accuracy(none, none, NAMES)
    with pytest.raises(ValueError, match="differ in shape"):
        semantic_accuracy(none, np.array([1]), NAMES)
    with pytest.raises(ValueError, match="beyond the 5 embeddings"):
        semantic_accuracy(np.array([0]), np.array([5]), NAMES)
