"""Metrics of several labels per image: mAP for the ranking, F1 for the labels given.

``scores`` is float (n, C), higher is more certain, -inf for "not scored"; ``positive`` and
``assigned`` are bool (n, C). Formulas follow the evaluation code of the multi-label prompt-tuning
papers (TaI-DPT, DualCoOp), so that numbers compare with theirs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ScoreMatrix = NDArray[np.floating]
Marks = NDArray[np.bool_]
Fractions = NDArray[np.float64]


class F1Scores(NamedTuple):
    """Per-class means (C) and pooled values (O) of precision, recall and F1, in [0, 1]."""

    cp: float
    cr: float
    cf1: float
    op: float
    or_: float
    of1: float


def average_precision(scores: ScoreMatrix, positive: Marks) -> float:
    """Return the non-interpolated average precision of one class.

    AP = sum over positives at rank k of (positives in the top k) / k, divided by the number of
    positives + 1e-8. Ties are ranked in the order of ``argsort()[::-1]`` (later rows first, made
    reproducible by a stable sort), NaN before everything. Without positives AP is 0.

    Args:
        scores: float (n,).
        positive: bool (n,).
    """
    ranked = positive[np.argsort(scores, kind="stable")[::-1]]
    ranks = np.flatnonzero(ranked) + 1
    hits = np.arange(1, len(ranks) + 1)
    return float(np.sum(hits / ranks) / (len(ranks) + 1e-8))


def average_precisions(scores: ScoreMatrix, positive: Marks) -> Fractions:
    """Return the average precision of each class, float64 (C,).

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    _check(scores, positive)
    classes = range(scores.shape[1])
    return np.array([average_precision(scores[:, c], positive[:, c]) for c in classes])


def mean_average_precision(scores: ScoreMatrix, positive: Marks) -> float:
    """Return the unweighted mean of AP over all classes; those without positives count with 0.

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    return float(average_precisions(scores, positive).mean())


def class_f1(assigned: Marks, positive: Marks) -> tuple[Fractions, Fractions, Fractions]:
    """Return precision, recall and F1 per class, each float64 (C,); undefined ratios are 0.

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    _check(assigned, positive)
    hits = (assigned & positive).sum(axis=0)
    precision = _ratio(hits, assigned.sum(axis=0))
    recall = _ratio(hits, positive.sum(axis=0))
    return precision, recall, _ratio(2 * hits, assigned.sum(axis=0) + positive.sum(axis=0))


def f1_mean_of_classes(assigned: Marks, positive: Marks) -> F1Scores:
    """Return CF1 as the mean of the classes' F1 (DualCoOp, definition i), OF1 from pooled counts.

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    f1 = class_f1(assigned, positive)[2]
    return f1_of_means(assigned, positive)._replace(cf1=float(f1.mean()))


def f1_of_means(assigned: Marks, positive: Marks) -> F1Scores:
    """Return CF1 as the harmonic mean of CP and CR (TaI-DPT, definition ii), OF1 pooled.

    CP and CR are the means of the classes' precision and recall.

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    precision, recall, _ = class_f1(assigned, positive)
    hits, given, true = (int(m.sum()) for m in (assigned & positive, assigned, positive))
    cp, cr = float(precision.mean()), float(recall.mean())
    return F1Scores(
        cp=cp,
        cr=cr,
        cf1=2 * cp * cr / (cp + cr) if cp + cr else 0.0,
        op=hits / given if given else 0.0,
        or_=hits / true if true else 0.0,
        of1=2 * hits / (given + true) if given + true else 0.0,
    )


def top_k_marks(scores: ScoreMatrix, k: int) -> Marks:
    """Mark the ``k`` highest scores of each image, bool (n, C); -inf and NaN are never marked.

    The parents' meter also drops scores below 0, which never happens to their 4 x cosine and would
    depend on a method's score scale; it is left out.

    Raises:
        ValueError: ``k`` is below 1 or ``scores`` is not a matrix.
    """
    if k < 1 or scores.ndim != 2:
        raise ValueError(f"k must be at least 1 and scores a matrix; k={k}, {scores.shape}")
    usable = np.where(np.isnan(scores), -np.inf, scores)
    best = np.argsort(-usable, axis=1, kind="stable")[:, :k]
    marks = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(marks, best, True, axis=1)
    marks &= np.isfinite(usable)
    return marks


def missed_for_added(assigned: Marks, positive: Marks, limit: int) -> list[tuple[int, int, int]]:
    """Return pairs ``(true, assigned, count)``: images lacking a true class but given a wrong one.

    The multi-label form of a confusion; most frequent first, equal counts by class index.

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    _check(assigned, positive)
    missed = (positive & ~assigned).astype(np.float32)
    added = (assigned & ~positive).astype(np.float32)
    counts = np.rint(missed.T @ added).astype(np.int64)
    true, given = np.nonzero(counts)
    worst = np.lexsort((given, true, -counts[true, given]))[:limit]
    return [(int(true[i]), int(given[i]), int(counts[true[i], given[i]])) for i in worst]


class Beside(NamedTuple):
    """A class wrongly given to images that show another one.

    Attributes:
        present, added: the classes.
        wrong: images that show the first and were wrongly given the second.
        images: images that show the first and not the second.
        together: images that show both.
    """

    present: int
    added: int
    wrong: int
    images: int
    together: int


def added_beside(assigned: Marks, positive: Marks, limit: int) -> list[Beside]:
    """Return the false positives by what the images show, most frequent first.

    Prompts that co-occurring classes share may raise one where only the other is; these are the
    pairs to look at (arXiv 2403.01209 shares tokens so).

    Raises:
        ValueError: the shapes differ, or there are no images or no classes.
    """
    _check(assigned, positive)
    shows = positive.astype(np.float32)
    counts = np.rint(shows.T @ (assigned & ~positive).astype(np.float32)).astype(np.int64)
    absent = np.rint(shows.T @ (~positive).astype(np.float32)).astype(np.int64)
    together = np.rint(shows.T @ shows).astype(np.int64)
    present, added = np.nonzero(counts)
    worst = np.lexsort((added, present, -counts[present, added]))[:limit]
    return [
        Beside(
            int(present[i]),
            int(added[i]),
            *(int(table[present[i], added[i]]) for table in (counts, absent, together)),
        )
        for i in worst
    ]


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Fractions:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _check(first: NDArray[np.generic], positive: Marks) -> None:
    if first.shape != positive.shape or first.ndim != 2:
        raise ValueError(f"expected two (n, C) matrices, got {first.shape} and {positive.shape}")
    if 0 in first.shape:
        raise ValueError("no image or no class to score")
