"""Images and classes that stand out in labels: likely mistakes, imbalance, twins, strangers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 1024
_TWINS: Final = 0.985
_FAR: Final = 5.0


def balance(labels: Iterable[str], classes: Sequence[str], listed: int = 10) -> dict[str, Any]:
    """Count labels: ``most, least`` (label, images, share), ``empty`` classes, ``ratio``.

    ``ratio`` is that of the most and least frequent of the labels that occur.
    """
    counts = Counter(labels)
    total = sum(counts.values()) or 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    def told(pairs: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        return [{"label": k, "images": n, "share": n / total} for k, n in pairs]

    return {
        "labels_used": len(counts),
        "most": told(ranked[:listed]),
        "least": told(ranked[::-1][:listed]),
        "empty": [name for name in classes if name not in counts],
        "ratio": ranked[0][1] / ranked[-1][1] if ranked else None,
    }


def far_images(distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the images that are far from every class, furthest first.

    Those whose distance is more than 5 robust standard deviations above the median.

    Args:
        distance: float64 (n,), NaN where unknown.
    """
    known = distance[np.isfinite(distance)]
    if not len(known):
        return np.empty(0, dtype=np.int64)
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    far = np.flatnonzero(np.nan_to_num(distance, nan=-np.inf) > middle + _FAR * max(spread, 1e-6))
    return far[np.argsort(-distance[far], kind="stable")]


def twins_by_features(features: NDArray[np.float32]) -> list[tuple[int, int, float]]:
    """Return pairs of images whose cosine is at least 0.985, in blocks: memory does not grow.

    Args:
        features: float32 (n, D), any length; a row of zeros has no twin.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(lengths, 1e-12)
    found = []
    for start in range(0, len(unit), _BLOCK):
        for other in range(start, len(unit), _BLOCK):
            cosines = unit[start : start + _BLOCK] @ unit[other : other + _BLOCK].T
            rows, columns = np.nonzero(cosines >= _TWINS)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                if start + row < other + column:
                    found.append((start + row, other + column, float(cosines[row, column])))
    return found


def difference_hash(grey: NDArray[np.uint8]) -> int:
    """Return 256 bits on which of two neighbours is brighter, of a 16 x 17 grey picture.

    Raises:
        ValueError: another shape.
    """
    if grey.shape != (16, 17):
        raise ValueError(f"expected (16, 17), got {grey.shape}")
    bits = (grey[:, 1:] > grey[:, :-1]).reshape(-1)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def twins_by_hash(hashes: Sequence[int], most_bits: int = 10) -> list[tuple[int, int, int]]:
    """Return pairs of pictures whose hashes differ in at most ``most_bits`` of 256 bits.

    Two such share one of 11 equal pieces, so only those that do are compared.
    """
    pieces, width = most_bits + 1, -(-256 // (most_bits + 1))
    tables: list[dict[int, list[int]]] = [{} for _ in range(pieces)]
    mask, found = (1 << width) - 1, []
    for at, value in enumerate(hashes):
        candidates: set[int] = set()
        for piece, table in enumerate(tables):
            key = value >> (piece * width) & mask
            candidates.update(table.get(key, ()))
            table.setdefault(key, []).append(at)
        for other in sorted(candidates):
            bits = (value ^ hashes[other]).bit_count()
            if bits <= most_bits:
                found.append((other, at, bits))
    return found
