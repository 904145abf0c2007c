"""Neighbours and candidate sets: golden values, invariants, hubs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.near.candidates import candidate_sets, hubness_warning, in_degree, nearest_neighbours


def circle(degrees: list[float]) -> NDArray[np.float32]:
    """Unit vectors in the plane."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def random_features(n: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)


LABELS = np.array([0, 1, 0, 2, 3])  # a b a c d


def sets(k: int) -> list[list[int]]:
    found = candidate_sets(LABELS, nearest_neighbours(circle([0, 5, 10, 90, 95]), k))
    return [row.nonzero()[0].tolist() for row in found.mask(np.arange(5), 4)]


def test_golden_candidates_in_the_plane() -> None:
    """Worked out by hand."""
    assert sets(0) == [[0], [1], [0], [2], [3]]
    assert sets(1) == [[0, 1]] * 3 + [[2, 3]] * 2
    assert sets(2) == [[0, 1]] * 3 + [[0, 2, 3]] * 2
    assert sets(4) == sets(99) == [[0, 1, 2, 3]] * 5


def test_neighbours_are_those_of_a_full_sort_whatever_the_block_and_length() -> None:
    features = random_features(70)
    unit = features.astype(np.float64) / np.linalg.norm(features, axis=1, keepdims=True)
    similarities = unit @ unit.T
    np.fill_diagonal(similarities, -np.inf)
    expected = np.argsort(-similarities, axis=1)[:, :5]
    scale = np.random.default_rng(1).uniform(0.1, 9, (70, 1)).astype(np.float32)
    for block in (1, 7, 70, 4096):
        found = nearest_neighbours(features * scale, 5, block)
        assert found.dtype == np.int64
        assert (found == expected).all()


def test_copies_of_an_image_tie_and_the_smaller_index_wins() -> None:
    features = np.repeat(random_features(3), 9, axis=0)
    for block in (4, 27):
        found = nearest_neighbours(features, 4, block)
        assert found[0].tolist() == [1, 2, 3, 4]
        assert found[3].tolist() == [0, 1, 2, 4]
        assert found[26].tolist() == [18, 19, 20, 21]


def test_few_images_no_neighbours_and_numbers_that_are_none() -> None:
    assert nearest_neighbours(random_features(1), 3).shape == (1, 0)
    assert nearest_neighbours(random_features(0), 3).shape == (0, 0)
    assert nearest_neighbours(random_features(4), 0).shape == (4, 0)
    assert nearest_neighbours(random_features(4), 9).shape == (4, 3)
    broken = random_features(4)
    broken[2, 3] = np.nan
    with pytest.raises(ValueError, match="features of 1 images are not finite, first of image 2"):
        nearest_neighbours(broken, 2)


@pytest.mark.parametrize("k", [0, 1, 3, 39])
def test_invariants_of_candidate_sets(k: int) -> None:
    rng = np.random.default_rng(k)
    labels = rng.integers(-1, 12, 40)
    neighbours = nearest_neighbours(random_features(40), k)
    found = candidate_sets(labels, neighbours)
    table = found.mask(np.arange(40), 12)
    named = labels >= 0
    assert table[named, labels[named]].all(), "an image's own label is a candidate"
    assert (found.sizes <= k + 1).all()
    assert (found.sizes == table.sum(axis=1)).all()
    assert found.offsets.dtype == np.int64
    assert found.classes.dtype == np.int32
    for i in range(40):
        own = {labels[i], *labels[neighbours[i]]} - {-1}
        assert found.classes[found.offsets[i] : found.offsets[i + 1]].tolist() == sorted(own)
    if k == 0:
        assert (found.sizes == named).all(), "plain noisy labels, and nothing without one"
    if k == 39:
        assert (table == table[0]).all(), "everybody's neighbour: full sets"
    rows = rng.permutation(40)[:17]
    assert (found.mask(rows, 12) == table[rows]).all()
    assert found.mask(rows[:0], 12).shape == (0, 12)
    # permuting images permutes sets; permuting names permutes columns
    order, names = rng.permutation(40), rng.permutation(12)
    inverse = np.argsort(order)
    permuted = candidate_sets(labels[order], inverse[neighbours[order]])
    assert (permuted.mask(np.arange(40), 12) == table[order]).all()
    renamed = np.where(named, names[labels], -1)
    assert (candidate_sets(renamed, neighbours).mask(np.arange(40), 12)[:, names] == table).all()


def test_permuting_images_permutes_neighbours() -> None:
    features, order = random_features(50), np.random.default_rng(3).permutation(50)
    found = nearest_neighbours(features, 4)
    assert (order[nearest_neighbours(features[order], 4)] == found[order]).all()


def test_nobody_has_a_name() -> None:
    found = candidate_sets(np.full(6, -1), nearest_neighbours(random_features(6), 2))
    assert not found.sizes.any()
    assert not found.mask(np.arange(6), 3).any()


def test_a_hub_is_reported() -> None:
    rng = np.random.default_rng(0)
    # all others sit opposite to each other and lean to image 0
    features = np.eye(120, dtype=np.float32)
    features[:, 0] += 0.5
    hub = nearest_neighbours(features, 1)
    assert in_degree(hub, 120)[0] == 119
    warning = hubness_warning(hub, 120)
    assert warning is not None
    assert "image 0 is among the 1 nearest neighbours of 119 of 120 images" in warning
    even = nearest_neighbours(rng.standard_normal((120, 8)).astype(np.float32), 3)
    assert in_degree(even, 120).sum() == 360
    assert hubness_warning(even, 120) is None
    assert hubness_warning(np.zeros((5, 0), np.int64), 5) is None


def test_candidates_that_chosen_images_gave() -> None:
    """Four images in a row; each has its two nearest as neighbours."""
    labels = np.array([0, 1, 2, -1])
    neighbours = np.array([[1, 2], [0, 2], [1, 3], [2, 1]])
    sets = candidate_sets(labels, neighbours)
    assert [sets.mask(np.array([i]), 3)[0].tolist() for i in range(4)] == [
        [True, True, True],
        [True, True, True],
        [False, True, True],
        [False, True, True],
    ]
    kept = sets.given_by(labels, neighbours, np.array([True, False, False, True]))
    owner, _ = sets.entries(np.arange(4))
    found = [sets.classes[(owner == i) & kept].tolist() for i in range(4)]
    assert found == [[0], [0], [1, 2], [1, 2]], "all, where no chosen image gave any"
    assert sets.given_by(labels, neighbours, np.ones(4, bool)).all()
    assert sets.given_by(labels, neighbours, np.zeros(4, bool)).all()


def test_a_name_of_two_images_is_kept_for_either() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(-1, 6, 40)
    neighbours = nearest_neighbours(rng.standard_normal((40, 5)).astype(np.float32), 4)
    sets, chosen = candidate_sets(labels, neighbours), rng.random(40) < 0.5
    kept = sets.given_by(labels, neighbours, chosen)
    owner, _ = sets.entries(np.arange(40))
    for i in range(40):
        givers = [i, *neighbours[i]]
        wanted = {int(labels[j]) for j in givers if chosen[j]} - {-1}
        everything = {int(labels[j]) for j in givers} - {-1}
        assert set(sets.classes[(owner == i) & kept].tolist()) == (wanted or everything)
