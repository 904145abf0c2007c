"""The images of a review: a run's labels cut into strata, and the first of each in random order.

Three passes over the labels table, a batch at a time: what stays are a histogram for each label
and at most `PER_STRATUM` rows a stratum. Rows with an error are counted and never drawn. The same
table and seed give the same strata and the same order, whoever draws them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from methods.errors import InputError
from methods.review_strata import ScoreCounts, Strata, make_strata
from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reservoir import KeyedReservoir, random_keys

PER_STRATUM: Final = 2000
CHOICES: Final = 9
"""Classes that a digit chooses."""
_COLUMNS: Final = ("image_id", "path", "uri", "labels", "scores", "top_labels", "top_scores")


@dataclass(frozen=True)
class DrawnImage:
    """One image that a review may show.

    Attributes:
        predicted: the label it has.
        score: of the label, None where the method has none.
        choices: labels to choose from at once, the predicted one first, with their scores.
        stratum: its number.
    """

    image_id: int
    path: str
    uri: str
    predicted: str
    score: float | None
    choices: tuple[tuple[str, float | None], ...]
    stratum: int


@dataclass(frozen=True)
class ReviewSample:
    """All that a review needs to know of a run's labels.

    Attributes:
        run: the run.
        seed: of the order.
        strata: of its labelled images.
        order: of each stratum the images, in the order in which they are shown.
        by_id: the same images by id.
        labels: labelled images by label.
        errors: images with an error, by code.
    """

    run: RunReader
    seed: int
    strata: Strata
    order: tuple[tuple[DrawnImage, ...], ...]
    by_id: dict[int, DrawnImage]
    labels: dict[str, int]
    errors: dict[str, int]

    @property
    def images(self) -> int:
        """How many images have a label."""
        return int(self.strata.sizes.sum())


def draw_sample(run: RunReader, seed: int) -> ReviewSample:
    """Draw the sample of a run.

    Raises:
        InputError: the run gives several labels an image, or labels no image.
    """
    if run.multi_label:
        raise InputError(
            f"{run.uri} gives several labels an image; review is for runs with one label an image"
        )
    lowest, highest, errors = 0.0, 1.0, Counter[str]()
    for batch in run.batches(["labels", "scores", "error"]):
        _count(errors, batch.column("error"))
        ends = pc.min_max(pc.list_flatten(batch.column("scores"))).as_py()
        if ends["min"] is not None and np.isfinite([ends["min"], ends["max"]]).all():
            lowest, highest = min(lowest, ends["min"]), max(highest, ends["max"])
    found = ScoreCounts(lowest, highest)
    for batch in run.batches(["labels", "scores", "error"]):
        label, score = _labels(batch)
        names, codes = np.unique(label[label != None], return_inverse=True)  # noqa: E711
        if not len(names):
            continue
        known = score[label != None]  # noqa: E711
        by_name = np.argsort(codes, kind="stable")
        for name, own in zip(names, np.split(known[by_name], _starts(codes[by_name])), strict=True):
            found.add(str(name), own)
    if not found.counts:
        raise InputError(f"{run.uri} has no image with a label; there is nothing to review")
    strata = make_strata(found)
    order, by_id = _drawn(run, found, strata, seed)
    labels = {name: int(own.sum()) for name, own in found.counts.items()}
    return ReviewSample(run, seed, strata, order, by_id, labels, dict(sorted(errors.items())))


def _starts(codes: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.diff(codes)) + 1


def _labels(batch: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Label (objects, None without one) and score (NaN without one) of each row."""
    labels = batch.column("labels").combine_chunks()
    scores = batch.column("scores").combine_chunks()
    at = pc.list_parent_indices(labels).to_numpy()
    label = np.full(batch.num_rows, None, object)
    score = np.full(batch.num_rows, np.nan)
    label[at] = pc.list_flatten(labels).to_numpy(zero_copy_only=False)
    at = pc.list_parent_indices(scores).to_numpy()
    score[at] = pc.list_flatten(scores).to_numpy(zero_copy_only=False)
    score[~np.isfinite(score)] = np.nan
    return label, score


def _drawn(
    run: RunReader, found: ScoreCounts, strata: Strata, seed: int
) -> tuple[tuple[tuple[DrawnImage, ...], ...], dict[int, DrawnImage]]:
    kept = KeyedReservoir(PER_STRATUM)
    tables = np.stack(strata.bands)  # (groups, bins): strata
    for batch in run.batches([*_COLUMNS, "error"]):
        label, score = _labels(batch)
        at = np.full(batch.num_rows, -1, np.int64)
        has = np.flatnonzero(label != None)  # noqa: E711
        groups = np.array([strata.groups[each] for each in label[has]], np.int64)
        at[has] = tables[groups, found.bins(score[has])] if len(has) else -1
        keys = random_keys(batch.column("image_id").to_numpy(), seed)
        kept.add(batch.select(_COLUMNS), at, keys)
    rows = kept.rows()
    order = tuple(
        tuple(_image(row, number) for row in rows.get(number, ()))
        for number in range(len(strata.sizes))
    )
    return order, {image.image_id: image for own in order for image in own}


def _image(row: dict[str, Any], stratum: int) -> DrawnImage:
    predicted = row["labels"][0]
    score = row["scores"][0] if row["scores"] else None
    top = dict(zip(row["top_labels"] or [], row["top_scores"] or [], strict=False))
    choices = {predicted: score, **{k: v for k, v in top.items() if k and k != predicted}}
    return DrawnImage(
        image_id=row["image_id"],
        path=row["path"] or "",
        uri=row["uri"] or "",
        predicted=predicted,
        score=_number(score),
        choices=tuple((k, _number(v)) for k, v in list(choices.items())[:CHOICES]),
        stratum=stratum,
    )


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _count(totals: Counter[str], values: pa.ChunkedArray) -> None:
    for pair in pc.value_counts(values.drop_null()).to_pylist():
        totals[pair["values"]] += pair["counts"]
