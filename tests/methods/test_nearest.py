"""Exact neighbours in blocks are those that a whole matrix of similarities gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.nearest import AROUND, best_of_blocks, blocks_of, find_neighbours


def unit(rng: np.random.Generator, rows: int, width: int = 8) -> NDArray[np.float32]:
    found = rng.standard_normal((rows, width)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


@pytest.mark.parametrize("rows", [1, 3, 16, 100])
def test_the_best_of_blocks_are_the_best_of_all(rows: int) -> None:
    rng = np.random.default_rng(rows)
    features, query = unit(rng, 57), unit(rng, 1)[0]
    found, cosines = best_of_blocks(blocks_of(features, rows), query, 9)
    whole = features @ query
    assert found.tolist() == np.argsort(-whole, kind="stable")[:9].tolist()
    assert cosines == pytest.approx(whole[found], abs=1e-6)


def test_of_equals_the_first_come_first_and_few_are_all() -> None:
    features = np.repeat(np.eye(2, 4, dtype=np.float32), 3, axis=0)
    found, cosines = best_of_blocks(blocks_of(features, 2), features[0], 2)
    assert (found.tolist(), cosines.tolist()) == ([0, 1], [1.0, 1.0])
    assert len(best_of_blocks(blocks_of(features), features[0], 50)[0]) == 6
    assert len(best_of_blocks([], features[0], 5)[0]) == 0


@pytest.mark.parametrize("block", [4, 7, 64])
def test_neighbours_in_blocks_are_those_of_all_pairs(block: int) -> None:
    rng = np.random.default_rng(block)
    features = unit(rng, 41)
    found = find_neighbours(features, 0.99, block=block)
    whole = features @ features.T
    np.fill_diagonal(whole, -2)
    ranked = np.sort(whole, axis=1)[:, ::-1]
    assert found.nearest.tolist() == whole.argmax(axis=1).tolist()
    assert found.similarity == pytest.approx(ranked[:, 0], abs=1e-5)
    assert found.outlier == pytest.approx(1 - ranked[:, :AROUND].mean(axis=1), abs=1e-5)


@pytest.mark.parametrize("block", [2, 5, 64])
def test_a_duplicate_is_near_what_stands_for_it_and_those_are_far_apart(block: int) -> None:
    rng = np.random.default_rng(3)
    kinds = unit(rng, 6, 32)
    near = kinds[rng.integers(0, 6, 40)] + 0.03 * rng.standard_normal((40, 32)).astype(np.float32)
    features = near / np.linalg.norm(near, axis=1, keepdims=True)
    found = find_neighbours(features.astype(np.float16), 0.95, block=block)
    cosines = features @ features.T
    leads = np.flatnonzero(found.duplicate_of < 0)
    assert 0 < len(leads) < 40
    pairs = cosines[np.ix_(leads, leads)]
    assert (pairs[~np.eye(len(leads), dtype=bool)] < 0.952).all()
    for row in np.flatnonzero(found.duplicate_of >= 0):
        stands = found.duplicate_of[row]
        assert stands in leads
        assert stands < row
        assert cosines[row, stands] > 0.948
    assert found.duplicate_of.tolist() == find_neighbours(features, 0.95).duplicate_of.tolist()


def test_an_image_alone_has_no_neighbour_and_a_far_one_is_the_outlier() -> None:
    alone = find_neighbours(np.ones((1, 4), np.float16) / 2, 0.9)
    assert (alone.nearest.tolist(), alone.duplicate_of.tolist()) == ([-1], [-1])
    assert np.isnan(alone.similarity).all()
    assert np.isnan(alone.outlier).all()
    assert len(find_neighbours(np.zeros((0, 4), np.float16), 0.9).nearest) == 0
    rng = np.random.default_rng(0)
    close = np.ones((30, 16), np.float32) + 0.1 * rng.standard_normal((30, 16)).astype(np.float32)
    close[17] *= -1
    close /= np.linalg.norm(close, axis=1, keepdims=True)
    assert find_neighbours(close, 0.999).outlier.argmax() == 17
