"""Candidate names of each image: its own and those of the images that look most like it.

NeaR widens each image's noisy label by the labels of its K nearest neighbours, so that the right
name is more likely to be among them. Neighbours are by cosine of the frozen CLIP's image features
(our choice; the paper does not say which features).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.class_matrix import top_k, unit_rows


def nearest_neighbours(
    features: NDArray[np.float32], k: int, block: int = 1024
) -> NDArray[np.int64]:
    """Find the k most similar other images of each image.

    Never holds more than ``block`` x N similarities: under 3 GiB for 50,000 images by default.

    Args:
        features: float32 (N, D), of any length.
        k: how many, 0 or more.
        block: images compared with all others at a time.

    Returns:
        Indices, int64 (N, min(k, N - 1)), most similar first, ties by smaller index.

    Raises:
        ValueError: a feature is not a finite number.
    """
    if len(bad := np.flatnonzero(~np.isfinite(features).all(axis=1))):
        raise ValueError(f"features of {len(bad)} images are not finite, first of image {bad[0]}")
    count = len(features)
    k = min(k, count - 1)
    if k <= 0:
        return np.zeros((count, 0), np.int64)
    # float64, then rounded to float32: equal images are equally similar wherever they stand
    unit = unit_rows(features).astype(np.float64)
    neighbours = np.empty((count, k), np.int64)
    for start in range(0, count, block):
        rows = np.arange(start, min(start + block, count))
        similarities = (unit[rows] @ unit.T).astype(np.float32)
        similarities[rows - start, rows] = -np.inf
        neighbours[rows] = top_k(similarities, k)
    return neighbours


@dataclass(frozen=True)
class CandidateSets:
    """Sets of label ids, one for each of N images, one after another.

    Attributes:
        offsets: int64 (N + 1,); image i's set is ``classes[offsets[i]:offsets[i + 1]]``.
        classes: int32, label ids, ascending within a set.
    """

    offsets: NDArray[np.int64]
    classes: NDArray[np.int32]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many candidates each image has, int64 (N,); 0 where nobody near has a name."""
        return np.diff(self.offsets)

    def entries(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the sets of some images lie.

        Args:
            rows: image indices, (n,).

        Returns:
            For each candidate of each of them: its position in ``rows``, and in ``classes``.
        """
        sizes = self.sizes[rows]
        owner = np.repeat(np.arange(len(rows), dtype=np.int64), sizes)
        rank = np.arange(len(owner), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return owner, self.offsets[rows][owner] + rank

    def given_by(
        self,
        labels: NDArray[np.int64],
        neighbours: NDArray[np.int64],
        chosen: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Which candidates come of one of some images.

        Args:
            labels, neighbours: that the sets were made of.
            chosen: bool (N,), those images.

        Returns:
            bool (entries,), in the order of ``classes``: whether the image itself or one of its
            neighbours is chosen and has that label. Where that is none of an image's candidates,
            all of them.
        """
        n_classes = int(labels.max(initial=0)) + 1
        owner, _ = self.entries(np.arange(len(labels)))
        keys = owner * n_classes + self.classes  # ascending
        eligible = np.zeros(len(self.classes), bool)
        images = np.arange(len(labels), dtype=np.int64)
        for giver in (images, *neighbours.T):
            gives = chosen[giver] & (labels[giver] >= 0)
            eligible[np.searchsorted(keys, images[gives] * n_classes + labels[giver[gives]])] = True
        none = np.bincount(owner, eligible, minlength=len(labels)) == 0
        return eligible | none[owner]

    def mask(self, rows: NDArray[np.int64], n_classes: int) -> NDArray[np.bool_]:
        """The sets of some images as a table: bool (len(rows), n_classes)."""
        owner, position = self.entries(rows)
        table = np.zeros((len(rows), n_classes), bool)
        table[owner, self.classes[position]] = True
        return table


def candidate_sets(labels: NDArray[np.int64], neighbours: NDArray[np.int64]) -> CandidateSets:
    """Unite each image's label with its neighbours' labels.

    Args:
        labels: int64 (N,), -1 where an image has no name; such labels enter no set.
        neighbours: int64 (N, K), of image indices; K = 0 leaves each image its own label only.

    Returns:
        Sets of at most K + 1 label ids.
    """
    table = np.sort(np.column_stack([labels[:, None], labels[neighbours]]), axis=1)
    new = table >= 0
    new[:, 1:] &= table[:, 1:] != table[:, :-1]
    offsets = np.concatenate([[0], np.cumsum(new.sum(axis=1))]).astype(np.int64)
    return CandidateSets(offsets, table[new].astype(np.int32))


def in_degree(neighbours: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """How many images have each of n images among their neighbours, int64 (n,)."""
    return np.bincount(neighbours.ravel(), minlength=n).astype(np.int64)


def hubness_warning(neighbours: NDArray[np.int64], n: int) -> str | None:
    """Say so when one image is a neighbour of very many: its label becomes a candidate everywhere.

    Very many: more than 10 times K, which is the mean, and more than a tenth of all n images (both
    numbers are ours).
    """
    k = neighbours.shape[1]
    degrees = in_degree(neighbours, n)
    hubs = np.flatnonzero(degrees > max(10 * k, n / 10))
    if not k or not len(hubs):
        return None
    top = int(degrees.argmax())
    return (
        f"image {top} is among the {k} nearest neighbours of {degrees[top]} of {n} images "
        f"({len(hubs)} such hubs): its name becomes a candidate for all of them"
    )
