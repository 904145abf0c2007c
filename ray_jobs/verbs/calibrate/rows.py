"""The rows of a run beside what people said of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.errors import InputError
from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reviewed import NONE_FITS
from ray_jobs.verbs.calibrate.reviewed import Reviews


@dataclass(frozen=True)
class ReviewedRows:
    """The m reviewed images of a run that have a label and a score.

    Attributes:
        scores, weights: float64 (m,).
        right: bool (m,), whether the run's label is what people said.
        given: int64 (m,), the run's label as a position in ``classes``.
        classes: the labels that there are.
        all_scores, all_given: the same of every labelled image of the run.
        notes: what was left out, in sentences.
    """

    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    right: NDArray[np.bool_]
    given: NDArray[np.int64]
    classes: list[str]
    all_scores: NDArray[np.float64]
    all_given: NDArray[np.int64]
    notes: list[str]


def join_reviews(run: RunReader, reviews: Reviews, where: str) -> ReviewedRows:
    """Put what people said beside a run's labels.

    Raises:
        InputError: the reviews are of another run or another class list, or the run has no scores
            in [0, 1].
    """
    if run.multi_label:
        raise InputError(
            f"calibrate {run.uri}: gives several labels an image; thresholds are for runs that "
            "give one"
        )
    classes = list(run.classes)
    place = {name: at for at, name in enumerate(classes)}
    ids: dict[str, set[str]] = {}
    if run.named is not None:  # a name may be that of two classes: either is then what it says
        for name, own_id in zip(run.named.names, run.named.ids, strict=True):
            ids.setdefault(name.casefold(), set()).add(own_id.casefold())
    scores: list[float] = []
    given: list[int] = []
    picked: list[tuple[int, str, float]] = []
    met = failed = 0
    for batch in run.batches(["image_id", "labels", "scores", "error"]):
        columns = (batch.column(name).to_pylist() for name in ("image_id", "labels", "scores"))
        for image, labels, own in zip(*columns, strict=True):
            known = image in reviews.labels
            met += known
            if not labels or own[0] is None:
                failed += known
                continue
            at = place.setdefault(labels[0], len(place))
            if known:
                picked.append((len(scores), reviews.labels[image], reviews.weights[image]))
            scores.append(float(own[0]))
            given.append(at)
    classes = list(place)
    if not met:
        raise InputError(
            f"{where}: none of its {len(reviews.labels)} images is in {run.uri}; it is of another "
            "run or archive"
        )
    table = np.array(scores, dtype=np.float64)
    if not len(table) or table.min() < 0 or table.max() > 1 or np.ptp(table) == 0:
        raise InputError(
            f"calibrate {run.uri}: has no scores from 0 to 1 that differ, so no threshold can be "
            "set; calibrate a run of zero_shot or of a classifier"
        )
    if not picked:
        raise InputError(f"{where}: all of its images have an error in {run.uri}, and no score")
    known_labels = {name.casefold() for name in classes} | ids.keys()
    said = [label for _, label, _ in picked if label != NONE_FITS]
    unknown = [label for label in said if label.casefold() not in known_labels]
    if len(unknown) > len(picked) / 2:
        raise InputError(
            f"{where}: {len(unknown)} of {len(picked)} labels, such as {unknown[0]!r}, are no "
            f"classes of {run.uri}; it is of another class list"
        )
    notes = _notes(reviews, met, failed, unknown)
    rows = np.array([row for row, _, _ in picked])
    right = [
        classes[given[row]].casefold() in {label.casefold(), *ids.get(label.casefold(), ())}
        for row, label, _ in picked
    ]
    return ReviewedRows(
        table[rows],
        np.array([weight for _, _, weight in picked]),
        np.array(right, dtype=np.bool_),
        np.array(given, dtype=np.int64)[rows],
        classes,
        table,
        np.array(given, dtype=np.int64),
        notes,
    )


def _notes(reviews: Reviews, met: int, failed: int, unknown: list[str]) -> list[str]:
    pairs = (
        (len(reviews.labels) - met, "reviewed images are not in the run and were left out"),
        (failed, "reviewed images have an error in the run and were left out"),
        (reviews.blank, "rows without an image or a label were left out"),
        (reviews.disputed, "images were left out, on which reviewers are split evenly"),
    )
    notes = [f"{count} {what}" for count, what in pairs if count]
    if unknown:
        notes.append(
            f"{len(unknown)} labels, such as {unknown[0]!r}, are no classes of the run: its label "
            "counts as wrong there"
        )
    return notes
