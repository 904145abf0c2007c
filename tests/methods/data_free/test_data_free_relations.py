"""Relations of classes and the groups made of them."""

from __future__ import annotations

import numpy as np
import pytest

from methods.data_free.relations import (
    group_count,
    implied_classes,
    kmeans_groups,
    linked_groups,
    make_groups,
    random_groups,
    relation_matrix,
)
from methods.data_free.settings import GroupSettings

NAMES = [f"class {number}" for number in range(24)]


def random_relation(seed: int, count: int = 24) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return relation_matrix(
        [{j: float(rng.integers(0, 4)) for j in range(count)} for _ in range(count)], least=1.5
    )


def test_matrix() -> None:
    found = relation_matrix([{0: 3, 1: 2, 2: 1}, {0: 1}, {}, None])
    assert found.tolist() == [[0, 1.5, 0, 0], [1.5, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    # no answer of class 1: what class 0 said stands alone; class 2 said nothing of class 0
    assert relation_matrix([{1: 2, 2: 1}, None, {}])[0].tolist() == [0, 2, 0]
    heard = relation_matrix([{2: 1}, {0: 2}, {}], unheard=[{1}, set(), set()])
    assert heard[0].tolist() == [0, 2, 0], "an answer that was cut before a class is silent on it"
    for strengths in ([{5: 1.0}], [{0: -1.0}], [{0: float("nan")}]):
        with pytest.raises(ValueError, match="strength"):
            relation_matrix(strengths)


def test_blocks_become_groups() -> None:
    relation = np.zeros((7, 7))
    for group in ((0, 3), (1, 4, 5)):
        for one in group:
            for other in group:
                relation[one, other] = 2 * (one != other)
    groups = linked_groups(relation, 3, 12)
    assert groups.tolist() == [0, 1, 2, 0, 1, 1, 3]  # 2 and 6 have no partner
    assert linked_groups(relation, 5, 12).tolist() == [0, 1, 2, 0, 1, 3, 4]
    assert np.bincount(linked_groups(relation, 1, 2)).max() == 2


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_determined_and_limited(seed: int) -> None:
    relation = random_relation(seed)
    groups = linked_groups(relation, 4, 7)
    assert np.bincount(groups).max() <= 7
    assert (linked_groups(relation, 4, 7) == groups).all()
    assert groups[0] == 0
    first = [int(np.flatnonzero(groups == group)[0]) for group in range(groups.max() + 1)]
    assert first == sorted(first)
    # against the definition: no merge that is allowed was left out
    if groups.max() + 1 > 4:
        sizes = np.bincount(groups)
        for one in range(len(sizes)):
            for other in range(one):
                link = relation[np.ix_(groups == one, groups == other)].mean()
                assert link == 0 or sizes[one] + sizes[other] > 7


def test_class_order_renames_groups() -> None:
    rng = np.random.default_rng(1)
    relation = rng.random((15, 15))  # no two links are equal
    relation = relation + relation.T
    groups, order = linked_groups(relation, 5, 6), rng.permutation(15)
    permuted = linked_groups(relation[np.ix_(order, order)], 5, 6)
    assert _partition(groups[order]) == _partition(permuted)


def test_random_groups_have_the_same_sizes() -> None:
    groups = linked_groups(random_relation(0), 4, 9)
    drawn = random_groups(groups, NAMES, seed=1)
    assert sorted(np.bincount(drawn)) == sorted(np.bincount(groups))
    assert (random_groups(groups, NAMES, seed=1) == drawn).all()
    assert (random_groups(groups, NAMES, seed=2) != drawn).any()
    order = np.random.default_rng(0).permutation(24)
    permuted = random_groups(groups[order], [NAMES[at] for at in order], seed=1)
    assert _partition(permuted) == _partition(drawn[order])


def test_kmeans() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(4, 16)
    features = np.repeat(centres, [6, 6, 6, 6], axis=0) + 0.05 * rng.normal(size=(24, 16))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    assert kmeans_groups(features, 4, 12).tolist() == np.repeat(range(4), 6).tolist()
    limited = kmeans_groups(features, 2, 5)
    assert np.bincount(limited).max() <= 5
    assert np.bincount(limited).sum() == 24
    assert kmeans_groups(features[:1], 4, 12).tolist() == [0]


def test_sources() -> None:
    relation = random_relation(3)
    llm = make_groups(GroupSettings(), NAMES, relation=relation)
    assert (llm == linked_groups(relation, 4, 12)).all()
    random = make_groups(GroupSettings(groups="random"), NAMES, relation=relation)
    assert sorted(np.bincount(random)) == sorted(np.bincount(llm))
    assert make_groups(GroupSettings(groups="none"), NAMES).tolist() == list(range(24))
    features = np.eye(24, 32, dtype=np.float32)
    assert len(make_groups(GroupSettings("clip_text_kmeans"), NAMES, features=features)) == 24
    with pytest.raises(ValueError, match="relations"):
        make_groups(GroupSettings(), NAMES)
    with pytest.raises(ValueError, match="features"):
        make_groups(GroupSettings("clip_text_kmeans"), NAMES)


@pytest.mark.parametrize(("classes", "count"), [(3, 3), (16, 4), (20, 4), (40, 7), (200, 16)])
def test_default_counts(classes: int, count: int) -> None:
    assert group_count(classes) == count


def test_implied() -> None:
    together = np.array([[0, 3, 1], [3, 0, 0], [1, 0, 0]], float)
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], bool)
    assert implied_classes(labels, together).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert implied_classes(labels, together, 1).tolist() == [[0, 1, 1], [0, 0, 1], [1, 0, 0]]


def _partition(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in set(groups.tolist())}
