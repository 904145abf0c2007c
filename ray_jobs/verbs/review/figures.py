"""What the answers of a review say of the whole archive, as ``--json`` and the page have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from methods.review_sampling import answers_needed, expected_shares
from methods.review_strata import Floats, Ints
from methods.stratified import ShareInterval, domain, stratified
from ray_jobs.verbs.review.answers import ImageAnswers
from ray_jobs.verbs.review.sample import ReviewSample

HALF_WIDTH: Final = 0.02
_SHOWN: Final = 20
"""Disagreements and corrections that are listed."""


def tally(sample: ReviewSample, answers: Iterable[ImageAnswers]) -> tuple[Ints, Floats]:
    """Count the judged images of each stratum and how many of them are right, both (H,)."""
    n = np.zeros(len(sample.strata.sizes), np.int64)
    right = np.zeros(len(n))
    for each in answers:
        if each.drawn and each.said:
            at = sample.by_id[each.image_id].stratum
            n[at] += 1
            right[at] += each.right
    return n, right


def figures(sample: ReviewSample, answers: Mapping[int, ImageAnswers]) -> dict[str, Any]:
    """Return accuracy with its interval, per class too, and what the reviewers did.

    ``more_answers`` is how many more make the interval `HALF_WIDTH` on each side, 0 where it is,
    null where all images would not do. A class is that of the predicted label: its share is how
    many of its images have the right label.
    """
    strata = sample.strata
    n, right = tally(sample, answers.values())
    expected = expected_shares(strata.scores, strata.sizes, n, right)
    interval = stratified(strata.sizes, n, right, expected)
    judged = [each for each in answers.values() if each.said]
    twice = [each for each in judged if len(each.said) > 1]
    disagreements = [each for each in twice if each.disagree]
    return {
        "run": sample.run.uri,
        "seed": sample.seed,
        "images": sample.images,
        "errors": sample.errors,
        "answers": int(n.sum()),
        "not_drawn": sum(not each.drawn for each in judged),
        "skipped": sum(not each.said for each in answers.values()),
        "no_class_fits": sum("(no class fits)" in each.said.values() for each in judged),
        "reviewers": dict(sorted(Counter(who for each in judged for who in each.said).items())),
        **_interval("accuracy", interval if n.any() else None),
        "more_answers": answers_needed(strata.scores, strata.sizes, n, right, HALF_WIDTH),
        "half_width_wanted": HALF_WIDTH,
        "reviewed_twice": len(twice),
        "disagreements": len(disagreements),
        "disagreed": [_disagreed(each) for each in disagreements[-_SHOWN:]],
        "per_class": _per_class(sample, judged, n),
        "corrections": _corrections(judged),
        "strata": [
            {
                "group": strata.group_of[at],
                "scores": None if np.isnan(strata.scores[at]) else list(strata.ranges[at]),
                "images": int(strata.sizes[at]),
                "answers": int(n[at]),
                "right": float(right[at]),
            }
            for at in range(len(n))
        ],
    }


def _interval(name: str, interval: ShareInterval | None) -> dict[str, Any]:
    if interval is None:
        return {name: None, "low": None, "high": None}
    return {name: interval.estimate, "low": interval.low, "high": interval.high}


def _disagreed(each: ImageAnswers) -> dict[str, Any]:
    return {
        "image_id": str(each.image_id),
        "path": each.path,
        "predicted": each.predicted,
        "said": each.said,
    }


def _per_class(sample: ReviewSample, judged: list[ImageAnswers], n: Ints) -> list[dict[str, Any]]:
    """Classes with an answer, most answers first; the others say how many there are."""
    own: dict[str, list[tuple[float, float]]] = {}
    for each in judged:
        if each.drawn and each.predicted is not None:
            at = sample.by_id[each.image_id].stratum
            weight = float(sample.strata.sizes[at]) / float(n[at])
            own.setdefault(each.predicted, []).append((weight, each.right))
    rows = []
    for label, pairs in own.items():
        weights, right = (np.array(part, np.float64) for part in zip(*pairs, strict=True))
        row = {"label": label, "images": sample.labels[label], "answers": len(pairs)}
        rows.append({**row, **_interval("accuracy", domain(weights, right))})
    return sorted(rows, key=lambda row: (-row["answers"], row["label"]))


def _corrections(judged: list[ImageAnswers]) -> list[dict[str, Any]]:
    """The pairs of predicted and corrected label that came up most."""
    pairs = Counter(
        (each.predicted, said)
        for each in judged
        for said in set(each.said.values())
        if said != each.predicted
    )
    return [
        {"predicted": predicted, "label": label, "images": count}
        for (predicted, label), count in pairs.most_common(_SHOWN)
    ]
