"""Which classes are alike and which are seen together, and the groups that share tokens; ours.

The paper (arXiv 2403.01209) shares tokens between classes "with similar attributes" and classes
"likely to co-occur"; how it finds them is not known to us. Here an LLM gives strengths from 0 to 3
for pairs, and groups are made of them by average link.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.data_free.settings import GroupSettings

Groups = NDArray[np.int64]
Relation = NDArray[np.float64]

_ROUNDS: Final = 100


def relation_matrix(
    strengths: Sequence[Mapping[int, float] | None],
    least: float = 1.0,
    unheard: Sequence[Collection[int]] = (),
) -> Relation:
    """Make a symmetric matrix of what was said of each class.

    Args:
        strengths: for each of N classes the strength of its relation to others, 0 to 3, where a
            class left out has 0; None where no usable answer came, so that what was said of the
            other direction stands alone.
        least: means of the two directions that are below this become 0.
        unheard: for each class the others on which nothing usable was said, so that there, too, the
            other direction stands alone; none unless given.

    Returns:
        float64 (N, N), zeros on the diagonal.

    Raises:
        ValueError: a strength is of a class that does not exist, negative or not finite.
    """
    count = len(strengths)
    stated, answered = np.zeros((count, count)), np.zeros((count, count), np.int64)
    for one, others in enumerate(strengths):
        answered[one] = others is not None
        for other in unheard[one] if unheard else ():
            answered[one, other] = False
        for other, strength in (others or {}).items():
            if not 0 <= other < count or not np.isfinite(strength) or strength < 0:
                raise ValueError(f"class {one}: strength {strength} for class {other} of {count}")
            stated[one, other] = strength
    matrix = (stated + stated.T) / np.maximum(1, answered + answered.T)
    np.fill_diagonal(matrix, 0)
    matrix[matrix < least] = 0
    return matrix


def implied_classes(
    labels: NDArray[np.bool_], together: Relation, strength: float = 2.0
) -> NDArray[np.bool_]:
    """Say which classes a text does not name but its classes are often seen with.

    Such a class may well be in the picture that the text describes, so it is no sure negative.

    Args:
        labels: bool (n, N), the classes that texts name.
        together: float (N, N), co-occurrence strengths.
        strength: from which a named class implies another.

    Returns:
        bool (n, N), nowhere true together with ``labels``.
    """
    linked = (together >= strength).astype(np.float32)
    return (labels.astype(np.float32) @ linked > 0) & ~labels


def group_count(classes: int) -> int:
    """How many groups to make of classes by default: a sixth of them, within 4 and 16."""
    return min(classes, max(4, min(16, round(classes / 6))))


def make_groups(
    settings: GroupSettings,
    names: Sequence[str],
    *,
    relation: Relation | None = None,
    features: NDArray[np.float32] | None = None,
) -> Groups:
    """Group N classes as the settings say.

    Args:
        settings: source and sizes.
        names: of the classes.
        relation: float (N, N), for ``llm`` and ``random``.
        features: unit features of the names, float32 (N, D), for ``clip_text_kmeans``.

    Returns:
        int64 (N,), group numbers from 0 in the order of the groups' first members.

    Raises:
        ValueError: what the source needs is missing.
    """
    count = group_count(len(names)) if settings.group_count is None else settings.group_count
    if settings.groups == "none":
        return np.arange(len(names), dtype=np.int64)
    if settings.groups == "clip_text_kmeans":
        if features is None:
            raise ValueError("groups by CLIP need text features of the names")
        return kmeans_groups(features, count, settings.max_group)
    if relation is None:
        raise ValueError(f"groups by {settings.groups} need the relations of the classes")
    groups = linked_groups(relation, count, settings.max_group)
    return groups if settings.groups == "llm" else random_groups(groups, names, settings.seed)


def linked_groups(relation: Relation, count: int, max_group: int) -> Groups:
    """Merge, again and again, the two groups with the strongest average link.

    Of equally strong links the one between the groups with the earliest first members is taken.
    Groups without any link are not merged, so a class without partners stays alone and there may be
    more groups than asked for.

    Args:
        relation: float (N, N), symmetric, 0 or more.
        count: groups at which to stop.
        max_group: classes in a group, at most.

    Returns:
        int64 (N,), group numbers in the order of the groups' first members.
    """
    groups = np.arange(len(relation), dtype=np.int64)  # named by their first member
    sums = np.array(relation, np.float64)
    np.fill_diagonal(sums, 0)
    sizes = np.ones(len(relation))
    left = len(relation)
    while left > count:
        links = np.triu(sums / np.outer(sizes, sizes), 1)
        links[np.add.outer(sizes, sizes) > max_group] = 0
        one, other = np.unravel_index(int(links.argmax()), links.shape)
        if links[one, other] <= 0:
            break
        groups[groups == other] = one
        sums[one] += sums[other]
        sums[:, one] += sums[:, other]
        sums[other] = sums[:, other] = sums[one, one] = 0
        sizes[one] += sizes[other]
        sizes[other] = 1
        left -= 1
    return _numbered(groups)


def random_groups(groups: Groups, names: Sequence[str], seed: int) -> Groups:
    """Draw groups of the same sizes: what sharing does without knowledge.

    Which classes are together depends on the names and the seed, not on the order of classes.

    Args:
        groups: int64 (N,), whose sizes are taken.
        names: N distinct ones.
        seed: of the draw.

    Returns:
        int64 (N,), group numbers in the order of the groups' first members.
    """
    digests = [hashlib.blake2b(repr((seed, name)).encode()).digest() for name in names]
    order = sorted(range(len(names)), key=digests.__getitem__)
    drawn = np.zeros(len(names), np.int64)
    drawn[order] = np.repeat(np.arange(int(groups.max()) + 1), np.sort(np.bincount(groups)))
    return _numbered(drawn)


def kmeans_groups(features: NDArray[np.float32], count: int, max_group: int) -> Groups:
    """Group classes by k-means on unit features, with a size limit.

    Nothing is drawn: the first centre is the class closest to the mean of all, each further one the
    class farthest from the centres so far. Where the limit leaves too few places, there are more
    groups.

    Args:
        features: unit features of the classes, float32 (N, D).
        count: groups.
        max_group: classes in a group, at most.

    Returns:
        int64 (N,), group numbers in the order of the groups' first members.
    """
    total = len(features)
    count = min(total, max(count, -(-total // max_group)))
    units = features.astype(np.float64)
    chosen = [int((units @ units.mean(axis=0)).argmax())]
    while len(chosen) < count:
        closest = (units @ units[chosen].T).max(axis=1)
        closest[chosen] = np.inf
        chosen.append(int(closest.argmin()))
    centres, groups = units[chosen], np.full(total, -1)
    for _ in range(_ROUNDS):
        following = _assigned(units @ centres.T, max_group)
        if (following == groups).all():
            break
        groups = following
        for group in np.unique(groups):
            mean = units[groups == group].mean(axis=0)
            centres[group] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return _numbered(groups.astype(np.int64))


def _assigned(similar: NDArray[np.float64], limit: int) -> Groups:
    """Give each class the closest group that has room, closest pairs first."""
    groups = np.full(len(similar), -1, np.int64)
    room = np.full(similar.shape[1], limit)
    for at in np.argsort(-similar, axis=None, kind="stable"):
        one, group = divmod(int(at), similar.shape[1])
        if groups[one] < 0 and room[group]:
            groups[one] = group
            room[group] -= 1
    return groups


def _numbered(groups: Groups) -> Groups:
    """Number groups from 0 in the order of their first members."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse].astype(np.int64)
