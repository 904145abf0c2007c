"""Which images show how runs differ: a few for each run, from integers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reservoir import random_keys
from ray_jobs.verbs.evaluate.kept import KeptEvaluation
from ray_jobs.verbs.report.comparison.aligned import AlignedRuns, positions
from ray_jobs.verbs.report.comparison.measured import ids_of, rightly
from ray_jobs.verbs.report.counting import ROW_COLUMNS

EACH: Final = 3
"""Images a group."""


@dataclass(frozen=True)
class DifferingImages:
    """Images of one kind of difference.

    Attributes:
        title: what they have in common, the name of a run in it.
        count: how many there are in all.
        image_ids: those shown.
    """

    title: str
    count: int
    image_ids: list[int]


def differing_groups(
    aligned: AlignedRuns,
    titles: Sequence[str],
    evaluations: Sequence[KeptEvaluation] | None,
) -> list[DifferingImages]:
    """Choose images; none comes twice as long as there are others, and order does not matter.

    With truth, for each run those that it alone or almost alone names rightly, then those that it
    names wrongly and others do not; else those of which it says another thing than the others.
    """
    right = _right(aligned, evaluations)
    chooser = _Chooser(aligned.ids)
    runs = range(len(titles))
    if right is None:
        pairs = runs if len(titles) > 2 else [0]
        for at in pairs:
            chooser.offer(_where_alone(titles, at), _apart_from_others(aligned, at))
        return chooser.groups
    told, hits = right
    misses = told & ~hits
    for at in runs:
        title = f"{titles[at]} is right, {_another(titles, at)} is wrong"
        chooser.offer(title, np.where(hits[at], misses.sum(axis=0), 0))
    if len(titles) > 2:
        for at in runs:
            lone = misses[at] & aligned.labelled[at]
            title = f"{titles[at]} is wrong, another is right"
            chooser.offer(title, np.where(lone, hits.sum(axis=0), 0))
    return chooser.groups


def read_chosen(run: RunReader, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Read the rows of a run's chosen images, by image id; none is there that the run has not."""
    wanted = np.array(sorted(set(image_ids)), np.int64)
    found: dict[int, dict[str, Any]] = {}
    if not len(wanted):
        return found
    for batch in run.batches((*ROW_COLUMNS, *run.responses)):
        here = np.flatnonzero(positions(wanted, batch.column("image_id").to_numpy()) >= 0)
        found.update((row["image_id"], row) for row in batch.take(here).to_pylist())
    return found


class _Chooser:
    """Takes the images with most of what a group is about, others at random among equals."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._ids = ids
        self._keys = random_keys(ids)
        self._taken = np.zeros(len(ids), dtype=np.bool_)
        self.groups: list[DifferingImages] = []

    def offer(self, title: str, strength: NDArray[np.int64]) -> None:
        """Make a group of images with a strength above 0."""
        there = np.flatnonzero(strength > 0)
        if not len(there):
            return
        order = np.lexsort((self._keys[there], -strength[there], self._taken[there]))
        chosen = there[order[:EACH]]
        self._taken[chosen] = True
        self.groups.append(DifferingImages(title, len(there), self._ids[chosen].tolist()))


def _right(
    aligned: AlignedRuns, evaluations: Sequence[KeptEvaluation] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Where there is truth, bool (n,), and where each run is right, bool (R, n)."""
    if evaluations is None or (marks := [rightly(each) for each in evaluations])[0] is None:
        return None
    at = positions(aligned.ids, ids_of(evaluations[0]))
    told = np.zeros(len(aligned.ids), dtype=np.bool_)
    told[at[at >= 0]] = True
    hits = np.zeros(aligned.said.shape, dtype=np.bool_)
    for own, mark in zip(hits, marks, strict=True):
        if mark is not None:
            own[at[at >= 0]] = mark[at >= 0]
    return told, hits


def _apart_from_others(aligned: AlignedRuns, at: int) -> NDArray[np.int64]:
    """How many more runs contradict a run than agree with it, at least 1 where any does; (n,)."""
    own = aligned.said[at]
    others = [said for number, said in enumerate(aligned.said) if number != at]
    against = sum(((said != own) & (said != 0)).astype(np.int64) for said in others)
    along = sum((said == own).astype(np.int64) for said in others)
    contradicted = (np.asarray(against) > 0) & (own != 0)
    margin = np.maximum(np.asarray(against) - np.asarray(along), 1)
    return np.where(contradicted, margin, 0).astype(np.int64)


def _where_alone(titles: Sequence[str], at: int) -> str:
    if len(titles) == 2:
        return f"{titles[0]} and {titles[1]} differ"
    return f"{titles[at]} says another thing than the others"


def _another(titles: Sequence[str], at: int) -> str:
    return titles[1 - at] if len(titles) == 2 else "another"
