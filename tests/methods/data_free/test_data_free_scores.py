"""Scores of images, and thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from methods.class_matrix import unit_rows
from methods.data_free.ranking import global_scores, local_scores
from methods.data_free.thresholds import f1_threshold, text_thresholds
from methods.metrics_multilabel import average_precision
from methods.multi_label_scores import (
    ScoreSettings,
    centred,
    image_scores,
    local_image_scores,
)

RNG = np.random.default_rng(0)
FEATURES = unit_rows(RNG.normal(size=(70, 8)).astype(np.float32))
DENSE = unit_rows(RNG.normal(size=(70 * 9, 8)).astype(np.float32)).reshape(70, 9, 8)
WHOLE = unit_rows(RNG.normal(size=(5, 8)).astype(np.float32))
LOCAL = unit_rows(RNG.normal(size=(5, 8)).astype(np.float32))


def test_scores_are_those_of_texts_with_another_kappa() -> None:
    found = image_scores(FEATURES, DENSE, WHOLE, LOCAL)
    whole = global_scores(torch.from_numpy(FEATURES), torch.from_numpy(WHOLE))
    local = local_scores(torch.from_numpy(DENSE), torch.from_numpy(LOCAL), 40)
    assert np.allclose(found.whole, whole.numpy(), atol=1e-5)
    assert np.allclose(found.local, local.numpy(), atol=1e-5)
    assert np.allclose(found.fused, (found.whole + found.local) / 2, atol=1e-6)
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("kappa", "expected"),
    [(0, 0.85), (4, 0.93069), (40, 1.16996), (50, 1.18241), (math.inf, 1.2)],
)
def test_the_parents_aggregation(kappa: float, expected: float) -> None:
    dense = np.array([0.1, 0.2, 0.3, 0.25], np.float32)[None, :, None]
    found = local_image_scores(dense, np.ones((1, 1), np.float32), kappa, 4.0)
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_settings_and_missing_parts() -> None:
    only = image_scores(FEATURES, None, WHOLE, LOCAL)
    assert only.fused is only.whole
    settings = ScoreSettings(scale=2, kappa_image=4, fusion=0.25)
    found = image_scores(FEATURES, DENSE, WHOLE, LOCAL, settings)
    assert np.allclose(found.fused, 0.75 * found.whole + 0.25 * found.local, atol=1e-6)
    assert np.allclose(found.whole, only.whole / 2)


def test_classes_and_positions_in_another_order() -> None:
    found = image_scores(FEATURES, DENSE, WHOLE, LOCAL).fused
    order = np.array([3, 1, 4, 0, 2])
    assert np.allclose(image_scores(FEATURES, DENSE, WHOLE[order], LOCAL[order]).fused,
                       found[:, order], atol=1e-6)  # fmt: skip
    assert np.allclose(image_scores(FEATURES, DENSE[:, ::-1], WHOLE, LOCAL).fused, found, atol=1e-5)


def test_a_constant_map_is_the_whole_image() -> None:
    same = np.repeat(FEATURES[:, None], 9, axis=1)
    plain = ScoreSettings(scale=100, kappa_image=100)
    for found in (
        image_scores(FEATURES, same, WHOLE, WHOLE),
        image_scores(FEATURES, same, WHOLE, WHOLE, plain),
    ):
        assert np.allclose(found.whole, found.local, atol=1e-4)
        assert np.allclose(found.whole, found.fused, atol=1e-4)


def test_zero_shot() -> None:
    settings = ScoreSettings(scale=100, kappa_image=100, fusion=0.5)
    found = image_scores(FEATURES, DENSE, WHOLE, WHOLE, settings)
    logits = 100 * DENSE[3] @ WHOLE.T
    weights = np.exp(logits - logits.max(axis=0))
    expected = (logits * weights).sum(axis=0) / weights.sum(axis=0)
    assert np.allclose(found.local[3], expected, rtol=1e-4)
    assert np.allclose(found.whole, 100 * FEATURES @ WHOLE.T, atol=1e-4)


def test_the_parents_average_precision() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert average_precision(scores, np.array([1, 0, 1, 0, 0], bool)) == pytest.approx(5 / 6)


def f1(scores: np.ndarray, positive: np.ndarray, threshold: float) -> float:
    given = scores > threshold
    return 2 * float((given & positive).sum()) / float(given.sum() + positive.sum())


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, 30).astype(np.float32)  # many ties
    positive = rng.random(30) < 0.3
    positive[0] = True
    found = f1(scores, positive, np.float32(f1_threshold(scores, positive)))
    assert found >= max(f1(scores, positive, edge) for edge in np.arange(-1, 8)) - 1e-12


def test_ties_and_edges() -> None:
    scores = np.array([3, 2, 2, 1], np.float32)
    assert f1_threshold(scores, np.array([1, 1, 1, 0], bool)) == 1.5
    assert f1_threshold(scores, np.array([1, 0, 0, 0], bool)) == 2.5
    assert f1_threshold(scores, np.array([1, 1, 1, 1], bool)) < 1
    near = np.array([1, np.nextafter(np.float32(1), np.float32(0))], np.float32)
    threshold = np.float32(f1_threshold(near, np.array([1, 0], bool)))
    assert (near > threshold).tolist() == [True, False]
    with pytest.raises(ValueError, match="without positives"):
        f1_threshold(scores, np.zeros(4, bool))


def test_classes_without_positives() -> None:
    scores = np.array([[3, 1, 0, 5], [1, 3, 0, 5], [2, 2, 0, 5]], np.float32)
    positive = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]], bool)
    found = text_thresholds(scores, positive)
    assert found.tolist() == [2.5, 1.5, 2.0, 2.0]
    assert text_thresholds(scores, positive, least=2).tolist() == [1.5] * 4
    assert text_thresholds(scores, np.zeros_like(positive)).tolist() == [5.0] * 4
    with pytest.raises(ValueError, match="finite"):
        text_thresholds(scores * np.nan, positive)
    with pytest.raises(ValueError, match="two"):
        text_thresholds(scores[0], positive)


def test_centred_scores_do_not_know_what_was_added() -> None:
    scores = RNG.normal(size=(6, 4)).astype(np.float32)
    shifted = scores + RNG.normal(size=(6, 1)).astype(np.float32)
    assert np.allclose(centred(scores), centred(shifted), atol=1e-5)
    assert np.allclose(centred(scores).mean(axis=1), 0, atol=1e-6)
    assert centred(scores).dtype == np.float32
