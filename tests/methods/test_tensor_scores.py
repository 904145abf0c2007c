"""Scores as tensors: those of the NumPy formulas, ties and all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from methods import tensor_scores
from methods.class_matrix import top_k, unit_rows
from methods.multi_label_scores import ScoreSettings, image_scores, local_image_scores
from methods.tensor_scores import best, fused_scores, position_scores

RANDOM = np.random.default_rng(5)


def units(*shape: int) -> np.ndarray:
    """Unit rows."""
    found = RANDOM.normal(size=shape).astype(np.float32)
    return unit_rows(found.reshape(-1, shape[-1])).reshape(shape)


@pytest.mark.parametrize("k", [1, 3, 7, 40, 100])
@pytest.mark.parametrize("levels", [2, 3, 9, 1000])
def test_the_best_are_those_of_top_k_ties_by_lower_column(k: int, levels: int) -> None:
    scores = (RANDOM.integers(0, levels, (50, 40)) - levels // 2).astype(np.float32)
    scores[3] = 0
    columns, values = (each.numpy() for each in best(torch.from_numpy(scores), k))
    np.testing.assert_array_equal(columns, top_k(scores, k))
    np.testing.assert_array_equal(values, np.take_along_axis(scores, columns, axis=1))


def test_no_image_has_no_best_class() -> None:
    assert best(torch.zeros((0, 9)), 5).columns.shape == (0, 5)


@pytest.mark.parametrize("kappa", [0.0, 20.0, float("inf")])
@pytest.mark.parametrize("block", [1, 500, 1 << 25])
def test_positions_score_as_by_the_formula_whatever_the_blocks(
    kappa: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor_scores, "_BLOCK_VALUES", block)
    dense, matrix = units(5, 9, 16), units(7, 16)
    found = position_scores(torch.from_numpy(dense), torch.from_numpy(matrix), kappa, 3.0).numpy()
    np.testing.assert_allclose(found, local_image_scores(dense, matrix, kappa, 3.0), atol=2e-6)


@pytest.mark.parametrize("fusion", [0.0, 0.25, 1.0])
def test_scores_of_several_labels_are_fused_as_by_the_formula(fusion: float) -> None:
    features, dense, whole, local = units(5, 16), units(5, 9, 16), units(7, 16), units(7, 16)
    settings = ScoreSettings(scale=3.0, kappa_image=20.0, fusion=fusion)
    tensors = [torch.from_numpy(each) for each in (features @ whole.T, dense, local)]
    wanted = image_scores(features, dense, whole, local, settings)
    np.testing.assert_allclose(fused_scores(*tensors, settings).numpy(), wanted.fused, atol=2e-6)
    alone = fused_scores(tensors[0], None, tensors[2], settings).numpy()
    np.testing.assert_allclose(alone, wanted.whole, atol=2e-6)
