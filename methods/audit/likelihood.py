"""How likely each pattern of agreement is, if labellers are as good as supposed.

A model after Dawid and Skene (1979) in its one-coin form, with what real labellers have beside it:

- images are easy or hard for all alike: a labeller is right with probability
  ``sigmoid(skill + slope x + shared z)``, ``x`` what its own score says, ``z`` standard normal;
- the mistakes of an image are alike: a wrong label is, with probability ``decoy``, the one wrong
  label that this image suggests to everybody;
- a labeller may take over another's label, with a probability of each two, ``copies``.

Labels of classes are not told apart, so a list of a thousand classes costs what one of two does.
"""

from __future__ import annotations

from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methods.audit.patterns import ABSENT, Codes

NODES: Final = 5

Floats = NDArray[np.float64]

_Z, _W = np.polynomial.hermite_e.hermegauss(NODES)
_WEIGHTS = _W / _W.sum()
_RIGHT, _DECOY, _OWN, _NEVER, _ABSENT = range(5)


class Supposed(NamedTuple):
    """Parameters of S suppositions about J labellers.

    Attributes:
        skill: float64 (S, J), logits.
        slope: float64 (S, J), logits for a step of the score's bin.
        shared: float64 (S,), logits for a standard deviation of difficulty.
        decoy: float64 (S,), probability.
        copies: float64 (S, J, J), ``[j, i]`` the probability that j takes i's label, of i < j.
    """

    skill: Floats
    slope: Floats
    shared: Floats
    decoy: Floats
    copies: Floats


class Likelihood:
    """Probabilities of the patterns of some images, and of the first labeller being right there."""

    def __init__(self, table: Codes, bins: Floats) -> None:
        """Lay out what each pattern can mean.

        Args:
            table: int64 (P, J), patterns as `methods.audit.patterns.Patterns.table`.
            bins: float64 (B,), the places of the bins of scores; one bin, 0, without scores.
        """
        self._bins = bins
        kinds, same, pattern, first = [], [], [], []
        for row, labels in enumerate(table):
            blocks = sorted({int(b) for b in labels if b != ABSENT})
            for truth, decoy in product([ABSENT, *blocks], repeat=2):
                if truth == decoy != ABSENT:
                    continue
                seen: set[int] = set()
                kind = []
                for label in labels.tolist():
                    if label == ABSENT:
                        kind.append(_ABSENT)
                    elif label == truth:
                        kind.append(_RIGHT)
                    elif label == decoy:
                        kind.append(_DECOY)
                    else:
                        kind.append(_NEVER if label in seen else _OWN)
                    seen.add(label)
                kinds.append(kind)
                alike = (labels[:, None] == labels[None, :]) & (labels != ABSENT)[:, None]
                same.append(np.tril(alike, -1))
                pattern.append(row)
                first.append(kind[0] == _RIGHT)
        self._kinds = np.array(kinds, dtype=np.int64)
        self._same = np.array(same, dtype=np.float64)
        self._there = np.tril(
            (self._kinds[:, :, None] != _ABSENT) & (self._kinds[:, None, :] != _ABSENT), -1
        ).astype(np.float64)
        starts = np.flatnonzero(np.diff(np.array(pattern), prepend=-1))
        self._starts = starts
        self._first = np.array(first, dtype=np.float64)

    def of(self, supposed: Supposed) -> tuple[Floats, Floats]:
        """Return the probability of each pattern, and that of it with the first labeller right.

        Both float64 (S, B, P). A supposition whose copies of one labeller exceed 1 is scaled down.
        """
        copies = supposed.copies
        copied = np.einsum("sji,mji->smj", copies, self._same)
        possible = np.einsum("sji,mji->smj", copies, self._there)
        free = np.clip(1.0 - possible, 0.02, 1.0)  # (S, M, J)
        scale = np.where(possible > 0.98, 0.98 / np.maximum(possible, 1e-9), 1.0)
        copied = copied * scale
        logits = (
            supposed.skill[:, None, None, :]
            + supposed.slope[:, None, None, :] * self._bins[None, :, None, None]
            + supposed.shared[:, None, None, None] * _Z[None, None, :, None]
        )  # (S, B, Z, J)
        right = 1.0 / (1.0 + np.exp(-logits))
        decoy = supposed.decoy[:, None, None, None]
        wrong = 1.0 - right
        parts = np.stack(
            [right, wrong * decoy, wrong * (1 - decoy), np.zeros_like(right), np.ones_like(right)],
            axis=-1,
        )  # (S, B, Z, J, 5)
        whole: Floats | None = None
        for j in range(self._kinds.shape[1]):
            drawn = parts[:, :, :, j, :][..., self._kinds[:, j]]  # (S, B, Z, M)
            absent = self._kinds[:, j] == _ABSENT
            factor = copied[:, None, None, :, j] + free[:, None, None, :, j] * drawn
            factor = np.where(absent, 1.0, factor)
            whole = factor if whole is None else whole * factor
        assert whole is not None
        each = np.einsum("sbzm,z->sbm", whole, _WEIGHTS)
        total = np.add.reduceat(each, self._starts, axis=2)
        right_too = np.add.reduceat(each * self._first, self._starts, axis=2)
        return total, right_too
