"""Nearest images by cosine, exact, in blocks: of a query, and of every image of an archive.

Similarities are dot products of unit features in float32. Nothing is approximated: each pair of
images is compared, a block of rows with a block of columns at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

BLOCK: Final = 4096
"""Rows, and columns, of similarities that are computed together: 64 MiB of them."""

AROUND: Final = 10
"""Nearest images whose mean similarity says how far an image is from all others."""


def best_of_blocks(
    blocks: Iterable[NDArray[np.float32]], query: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the k rows of a stream that are most similar to a query.

    Args:
        blocks: unit features, float32 (n, D) each.
        query: a unit feature, float32 (D,).
        k: at most so many.

    Returns:
        Their numbers in the stream, int64 (m,), best first and of equals the first, and their
        cosines, float32 (m,).
    """
    rows, values = np.zeros(0, np.int64), np.zeros(0, np.float32)
    start = 0
    for block in blocks:
        cosines = block @ query
        few = _largest(cosines, k)
        rows = np.concatenate([rows, few + start])
        values = np.concatenate([values, cosines[few]])
        order = np.lexsort((rows, -values))[:k]
        rows, values = rows[order], values[order]
        start += len(block)
    return rows, values


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Where the k largest are and all that equal the last of them, ascending: int64 (m,)."""
    if len(values) <= k:
        return np.arange(len(values))
    border = np.partition(values, len(values) - k)[len(values) - k]
    found = np.flatnonzero(values >= border)
    above = found[values[found] > border]
    equal = found[values[found] == border][: k - len(above)]
    return np.sort(np.concatenate([above, equal])).astype(np.int64)


@dataclass(frozen=True)
class Neighbours:
    """What is near each of n images.

    Attributes:
        nearest: number of the most similar other image, int64 (n,); -1 for an image alone.
        similarity: its cosine, float32 (n,); nan for an image alone.
        duplicate_of: number of the image that stands for this near-duplicate, int64 (n,); -1 for
            one that stands for itself.
        outlier: 1 less the mean cosine of the `AROUND` nearest, float32 (n,); nan for one alone.
    """

    nearest: NDArray[np.int64]
    similarity: NDArray[np.float32]
    duplicate_of: NDArray[np.int64]
    outlier: NDArray[np.float32]


def find_neighbours(
    features: NDArray[Any], threshold: float, device: str = "cpu", block: int = BLOCK
) -> Neighbours:
    """Compare every image with every other.

    Images are taken in order: one that reaches the threshold with an earlier one that stands for
    itself is a duplicate of the first such; every other stands for itself. So a duplicate is as
    near as the threshold to what stands for it, and no two that stand for themselves are.

    Args:
        features: unit features, float16 or float32 (n, D), which need not be in memory.
        threshold: cosine from which on two images are near-duplicates.
        device: torch's, which compares.
        block: rows and columns at once.
    """
    count = len(features)
    few = min(AROUND, count - 1)
    found = Neighbours(
        np.full(count, -1, np.int64),
        np.full(count, np.nan, np.float32),
        np.full(count, -1, np.int64),
        np.full(count, np.nan, np.float32),
    )
    if few < 1:
        return found
    leads = torch.zeros(count, dtype=torch.bool, device=device)
    for start in range(0, count, block):
        rows = _tensor(features[start : start + block], device)
        values = torch.full((len(rows), few), -2.0, device=device)
        columns = torch.full((len(rows), few), -1, dtype=torch.int64, device=device)
        first = torch.full((len(rows),), -1, dtype=torch.int64, device=device)
        for other in range(0, count, block):
            cosines = rows @ _tensor(features[other : other + block], device).T
            if other < start:
                _first_above(first, cosines, leads[other : other + block], threshold, other)
            elif other == start:
                _among_themselves(first, cosines, leads, threshold, start)
                cosines.fill_diagonal_(-2.0)
            values, columns = _merged(values, columns, cosines, other, few)
        part = slice(start, start + len(rows))
        found.nearest[part] = columns[:, 0].cpu().numpy()
        found.similarity[part] = values[:, 0].cpu().numpy()
        found.duplicate_of[part] = first.cpu().numpy()
        found.outlier[part] = (1 - values.mean(dim=1)).cpu().numpy()
    return found


def _tensor(features: NDArray[Any], device: str) -> torch.Tensor:
    rows = torch.from_numpy(np.array(features)).to(device).to(torch.float32)
    return torch.nn.functional.normalize(rows, dim=1)


def _first_above(
    first: torch.Tensor, cosines: torch.Tensor, leads: torch.Tensor, threshold: float, at: int
) -> None:
    """Note for rows without one the first column that leads and reaches the threshold."""
    above = (cosines >= threshold) & leads
    has = above.any(dim=1) & (first < 0)
    first[has] = above[has].to(torch.int8).argmax(dim=1) + at


def _among_themselves(
    first: torch.Tensor, cosines: torch.Tensor, leads: torch.Tensor, threshold: float, at: int
) -> None:
    """Decide which rows of a block stand for themselves, in order."""
    near = (cosines >= threshold).tril(-1)
    asked = (near.any(dim=1) & (first < 0)).nonzero()[:, 0].tolist()
    own = (first < 0).clone()
    for row in asked:  # each may depend on those before it
        earlier = (near[row, :row] & own[:row]).nonzero()[:, 0]
        if len(earlier):
            first[row] = earlier[0] + at
            own[row] = False
    leads[at : at + len(own)] = own


def _merged(
    values: torch.Tensor, columns: torch.Tensor, cosines: torch.Tensor, at: int, few: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The few largest of those so far and of a block's, of equals those of lower columns."""
    best, where = cosines.topk(min(few, cosines.shape[1]), dim=1)
    all_values = torch.cat([values, best], dim=1)
    all_columns = torch.cat([columns, where + at], dim=1)
    order = all_values.argsort(dim=1, descending=True, stable=True)[:, :few]
    return all_values.gather(1, order), all_columns.gather(1, order)


def blocks_of(features: NDArray[Any], rows: int = BLOCK) -> Iterator[NDArray[np.float32]]:
    """Cut features (n, D) into float32 blocks."""
    for start in range(0, len(features), rows):
        yield np.asarray(features[start : start + rows], np.float32)
