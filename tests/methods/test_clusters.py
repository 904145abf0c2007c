"""Clusters of features: centres, the nearest one, examples by draw, and names by vote."""

from __future__ import annotations

import numpy as np
import pytest

from methods.class_matrix import unit_rows
from methods.clusters import cluster_centres, draw_examples, drawn, nearest_centres, voted


def test_two_heaps_have_their_means_as_centres() -> None:
    points = np.array([[1, 0], [0.8, 0.6], [-1, 0], [-0.8, -0.6]], np.float32)
    centres = cluster_centres(points, 2, seed=0)
    order = np.argsort(-centres[:, 0])
    assert np.allclose(centres[order], [[0.9, 0.3], [-0.9, -0.3]], atol=1e-6)
    assert nearest_centres(points, centres[order]).tolist() == [0, 0, 1, 1]


def test_the_nearest_centre_is_by_distance_and_not_by_cosine() -> None:
    centres = np.array([[1.0, 0.0], [0.2, 0.2]], np.float32)
    # the cosine with the second is larger, and it is farther
    features = unit_rows(np.array([[1.0, 0.5]], np.float32))
    assert (features @ unit_rows(centres).T).argmax() == 1
    assert nearest_centres(features, centres).tolist() == [0]
    rng = np.random.default_rng(0)
    points, some = rng.standard_normal((50, 8)), rng.standard_normal((9, 8))
    brute = np.linalg.norm(points[:, None] - some[None], axis=2).argmin(axis=1)
    found = nearest_centres(points.astype(np.float32), some.astype(np.float32))
    assert found.tolist() == brute.tolist()


def test_a_seed_is_one_clustering() -> None:
    points = unit_rows(np.random.default_rng(1).standard_normal((60, 5)).astype(np.float32))
    one, again = (cluster_centres(points, 6, seed=3) for _ in range(2))
    assert (one == again).all()


def test_examples_are_drawn_of_each_cluster_whatever_the_order() -> None:
    ids = np.array([11, -5, 7, 9, 3, 2**62], np.int64)
    clusters = np.array([0, 0, 0, 1, 2, 2], np.int64)
    found = draw_examples(ids, clusters, 2, seed=0)
    assert found.tolist() == sorted(found.tolist())
    of = dict(zip(ids.tolist(), clusters.tolist(), strict=True))
    assert sorted(of[each] for each in found.tolist()) == [0, 0, 1, 2, 2]
    turned = draw_examples(ids[::-1], clusters[::-1], 2, seed=0)
    assert turned.tolist() == found.tolist()
    others = {tuple(draw_examples(ids, clusters, 2, seed).tolist()) for seed in range(20)}
    assert len(others) == 3, "each pair of the three of the first cluster"
    assert len(draw_examples(ids, clusters, 0, seed=0)) == 0


def test_about_as_many_images_are_drawn_as_were_wanted() -> None:
    ids = np.random.default_rng(2).integers(-(2**63), 2**63 - 1, 20_000, np.int64)
    assert drawn(ids, 20_000, 20_000, seed=0).all()
    part = drawn(ids, 20_000, 5_000, seed=0)
    assert abs(int(part.sum()) - 5_000) < 4 * (20_000 * 0.25 * 0.75) ** 0.5
    assert (np.concatenate([drawn(ids[:7], 20_000, 5_000, 0), drawn(ids[7:], 20_000, 5_000, 0)])
            == part).all()  # fmt: skip
    assert (drawn(ids, 20_000, 5_000, seed=1) != part).any()


@pytest.mark.parametrize(
    ("votes", "winner"),
    [([2, 1, 2], 2), ([1, 0], 0), ([None, 1, None], 1), ([None], None), ([], None)],
)
def test_the_majority_names_a_cluster(votes: list[int | None], winner: int | None) -> None:
    assert voted(votes) == winner
