"""Which classes to ask scene sentences for: sets of one to five; ours.

Sizes are uniform, as in CoMC (ICML 2024). A part of the sets follows the co-occurrence graph by a
random walk, so that usual pictures are described, the rest is drawn uniformly, so that every pair
can occur. Each class starts the same number of sets. All draws come from hashes of the seed and
names, so a set does not depend on the order of classes or on the other sets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

_ATTEMPTS: Final = 16
"""How often a set is drawn, until there is a new one; the second half of them uniformly."""


class LabelSet(NamedTuple):
    """Classes to be described in one picture.

    Attributes:
        members: classes, the one it starts from first.
        origin: how the others were drawn.
    """

    members: tuple[int, ...]
    origin: Literal["graph", "uniform"]


def label_sets(
    names: Sequence[str],
    relation: NDArray[np.float64],
    per_class: int,
    *,
    most_names: int = 5,
    graph_share: float = 0.5,
    seed: int = 0,
) -> list[LabelSet]:
    """Draw label sets, ``per_class`` for each class as long as there are new ones.

    Where a walk ends, as no related class is left, the set is smaller. No two sets have the same
    members; a draw that gives a set which came before is repeated, uniformly at last, and then left
    out.

    Args:
        names: of N classes, distinct.
        relation: co-occurrence strengths, float (N, N), 0 or more.
        per_class: sets that start at each class.
        most_names: classes in a set, at most.
        graph_share: of the sets that follow the graph.
        seed: of all draws.

    Raises:
        ValueError: the sizes do not fit, or a name is there twice.
    """
    if relation.shape != (len(names), len(names)) or len(set(names)) != len(names):
        raise ValueError(f"{relation.shape} relations of {len(names)} names, which must differ")
    order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
    seen: set[frozenset[int]] = set()
    sets = []
    for number in range(per_class):
        for start in order:
            walk = bool(_generator(seed, names[start], number).random() < graph_share)
            for attempt in range(_ATTEMPTS):
                rng = _generator(seed, names[start], number, attempt)
                on_graph = walk and attempt < _ATTEMPTS // 2
                drawn = _draw(rng, int(start), order, relation, most_names, on_graph)
                if frozenset(drawn.members) not in seen:
                    seen.add(frozenset(drawn.members))
                    sets.append(drawn)
                    break
    return sets


def _draw(
    rng: np.random.Generator,
    start: int,
    order: NDArray[np.int64],
    relation: NDArray[np.float64],
    most_names: int,
    on_graph: bool,
) -> LabelSet:
    size = min(int(rng.integers(1, most_names + 1)), len(order))
    if not on_graph:
        others = rng.permutation(order[order != start])[: size - 1]
        return LabelSet((start, *(int(other) for other in others)), "uniform")
    members = [start]
    while len(members) < size:
        weights = relation[members[-1], order] * ~np.isin(order, members)
        if weights.sum() <= 0:
            break
        members.append(int(order[rng.choice(len(order), p=weights / weights.sum())]))
    return LabelSet(tuple(members), "graph")


def _generator(*key: object) -> np.random.Generator:
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest))
