"""Probabilities of candidates and losses of labels, against the whole table of predictions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.class_matrix import unit_rows
from methods.near.candidates import candidate_sets, nearest_neighbours
from methods.near.predictions import candidate_probabilities, label_losses


class Given(NamedTuple):
    """Sixty images, thirty names."""

    features: Tensor
    text: Tensor
    labels: NDArray[np.int64]
    neighbours: NDArray[np.int64]


@pytest.fixture
def given() -> Given:
    """Random features, one image without a label."""
    rng = np.random.default_rng(0)
    features, text = (unit_rows(rng.standard_normal((n, 16)).astype(np.float32)) for n in (60, 30))
    labels = rng.integers(0, 30, 60)
    labels[5] = -1
    near = nearest_neighbours(features, 3)
    return Given(torch.from_numpy(features), torch.from_numpy(text), labels, near)


def test_probabilities_are_those_of_the_candidates_alone(given: Given) -> None:
    sets, alone = candidate_sets(given.labels, given.neighbours), np.arange(60)[:, None]
    p = (5 * given.features @ given.text.T).softmax(dim=1).numpy()
    found = candidate_probabilities(given.features, given.text, sets, alone, 5.0)
    owner, _ = sets.entries(np.arange(60))
    assert found.dtype == np.float32
    assert np.allclose(found, p[owner, sets.classes], atol=1e-6)
    losses = label_losses(found, given.labels, sets)
    assert losses.dtype == np.float64
    assert losses[5] == 0
    named = np.delete(np.arange(60), 5)
    assert np.allclose(losses[named], -np.log(p[named, given.labels[named]]), atol=1e-4)


def test_the_predictions_of_all_views_are_averaged(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = candidate_sets(given.labels, given.neighbours)
    views = np.hstack([np.arange(60)[:, None], given.neighbours])
    mean = (5 * given.features @ given.text.T).softmax(dim=1).numpy()[views].mean(axis=1)
    owner, _ = sets.entries(np.arange(60))
    whole = candidate_probabilities(given.features, given.text, sets, views, 5.0)
    assert np.allclose(whole, mean[owner, sets.classes], atol=1e-6)
    monkeypatch.setattr("methods.near.predictions._BLOCK", 7)
    blocks = candidate_probabilities(given.features, given.text, sets, views, 5.0)
    assert np.allclose(blocks, whole, atol=1e-6)


def test_without_labels_there_is_no_loss(given: Given) -> None:
    sets = candidate_sets(given.labels, given.neighbours)
    alone = np.arange(60)[:, None]
    found = candidate_probabilities(given.features, given.text, sets, alone, 5.0)
    assert not label_losses(found, np.full(60, -1), sets).any()


def test_a_name_the_model_thinks_impossible_has_a_finite_loss() -> None:
    sets = candidate_sets(np.array([0]), np.zeros((1, 0), np.int64))
    loss = label_losses(np.zeros(1, np.float32), np.array([0]), sets)
    assert np.isfinite(loss).all()
    assert loss[0] > 20
