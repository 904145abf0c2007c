"""Where two labellers are not independent, in what they are made of or in what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from methods.audit.patterns import ABSENT, Codes

COPY_AGREEMENT: Final = 0.97
"""Two that agree on more images than this may be one."""
_SHARED: Final = 0.35


class Suspicion(NamedTuple):
    """Two labellers that cannot count as two.

    Attributes:
        pair: their positions, the smaller first.
        agreement: share of images to which both give one label.
        against: of the images on which one of them differs from a third, the share on which they
            agree with each other; None without a third.
        kind: ``copy`` where they agree on nearly all, ``errors`` where they agree against all
            others too often for independent mistakes, ``source`` where they ask one model.
    """

    pair: tuple[int, int]
    agreement: float
    against: float | None
    kind: str


def suspicions(labels: Codes, sources: Sequence[frozenset[str]]) -> list[Suspicion]:
    """Find the pairs of labellers whose agreement says little.

    ``copy``: they agree on at least `COPY_AGREEMENT` of the images while no third agrees with
    either nearly as often. ``errors``: where one of them differs from a third, the two agree with
    each other much more often than either does with any other labeller. Both would also come of two
    labellers that are much better than all others, which agreement cannot tell apart.

    Args:
        labels: int64 (n, J), `ABSENT` without a label.
        sources: of each labeller, the models that its label of an image comes from.
    """
    n_labellers = labels.shape[1]
    found = []
    for i in range(n_labellers):
        for j in range(i + 1, n_labellers):
            both = (labels[:, i] != ABSENT) & (labels[:, j] != ABSENT)
            if not both.any():
                continue
            same = labels[:, i] == labels[:, j]
            share = float(same[both].mean())
            others = [k for k in range(n_labellers) if k not in (i, j)]
            against = _against(labels, both, same, i, j, others)
            elsewhere = [
                float((labels[known, a] == labels[known, k]).mean())
                for k in others
                for a in (i, j)
                if (known := (labels[:, a] != ABSENT) & (labels[:, k] != ABSENT)).any()
            ]
            most = max(elsewhere, default=0.0)
            if share >= COPY_AGREEMENT and (1 - share) < 0.4 * (1 - most) + 1e-12:
                kind = "copy"
            elif sources[i] & sources[j]:
                kind = "source"
            elif against is not None and against >= 0.5 and (1 - share) < _SHARED * (1 - most):
                kind = "errors"
            else:
                continue
            found.append(Suspicion((i, j), share, against, kind))
    return found


def _against(
    labels: Codes,
    both: np.ndarray[tuple[int], np.dtype[np.bool_]],
    same: np.ndarray[tuple[int], np.dtype[np.bool_]],
    i: int,
    j: int,
    others: Sequence[int],
) -> float | None:
    shares = []
    for k in others:
        there = both & (labels[:, k] != ABSENT)
        differs = there & ((labels[:, i] != labels[:, k]) | (labels[:, j] != labels[:, k]))
        if differs.any():
            shares.append(float(same[differs].mean()))
    return min(shares) if shares else None
