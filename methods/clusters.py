"""Clusters of CLIP's features, a baseline: k-means, and a name for each cluster by a vote.

AutoSEP (arXiv 2506.03195, section 4.1, and ``baseline/cluster_img.py`` of its code) clusters the
images to be labelled, asks a multimodal LLM for the class of a few images of each cluster, and
gives the class with the most votes to all of it. FineR (arXiv 2401.13837) clusters without names,
and matches clusters with classes only to measure them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from methods.splitmix64 import splitmix64


def drawn(ids: NDArray[np.int64], images: int, most: int, seed: int) -> NDArray[np.bool_]:
    """Say which images the centres are learned from: about ``most`` of so many, by their ids.

    Whether an image is drawn depends on its id and the seed alone, so that features can stream.

    Args:
        ids: of some of the images, int64 (n,).
        images: how many there are of them all.
        most: wanted; all where there are no more.
        seed: of the draw.

    Returns:
        bool (n,).
    """
    if images <= most:
        return np.ones(len(ids), np.bool_)
    return _hashes(ids, seed) < np.uint64(int(most / images * 2.0**64))


def cluster_centres(features: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.float32]:
    """Find the centres of clusters by k-means, started by k-means++.

    Args:
        features: unit image features, float32 (N, D).
        clusters: k, at most N.
        seed: of the first centres.

    Returns:
        float32 (k, D), not of unit length.
    """
    from sklearn.cluster import KMeans

    means = KMeans(clusters, random_state=seed, n_init=1).fit(features)
    return np.asarray(means.cluster_centers_, np.float32)


def nearest_centres(
    features: NDArray[np.float32], centres: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The centre nearest to each feature, int64 (n,); of equally near ones the first.

    ``|f - c|^2 = |f|^2 - 2 f.c + |c|^2``, of which the first term is the same for all centres.
    """
    distances = (centres * centres).sum(axis=1) - 2 * features @ centres.T
    return distances.argmin(axis=1).astype(np.int64)


def draw_examples(
    ids: NDArray[np.int64], clusters: NDArray[np.int64], each: int, seed: int
) -> NDArray[np.int64]:
    """Draw images of each cluster, by their ids.

    Args:
        ids: of n images, int64 (n,), each once.
        clusters: theirs, int64 (n,).
        each: images of a cluster, at most.
        seed: of the draw.

    Returns:
        The ids drawn, int64, ascending.
    """
    order = np.lexsort((_hashes(ids, seed), clusters))
    sorted_ = clusters[order]
    place = np.arange(len(order)) - np.searchsorted(sorted_, sorted_)
    return np.sort(ids[order[place < each]])


def voted(votes: Sequence[int | None]) -> int | None:
    """The class with the most votes, of equal ones the first of the list; None without a vote."""
    counts = Counter(vote for vote in votes if vote is not None)
    return min(counts, key=lambda index: (-counts[index], index), default=None)


def _hashes(ids: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    mixed = splitmix64(np.array([seed % 2**64], np.uint64))
    return splitmix64(ids.astype(np.uint64) ^ mixed)
