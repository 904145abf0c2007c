"""Second pass over the labels table: which images the page shows, and the score histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_jobs.runs.reader import RunReader, explode
from ray_jobs.runs.reservoir import KeyedReservoir, random_keys
from ray_jobs.verbs.report.counting import ROW_COLUMNS, Counts
from ray_jobs.verbs.report.judge import Judge

SHOWN_LABELS: Final = 60
MOST_CERTAIN: Final = 4
GALLERY: Final = 8
SHOWN_PAIRS: Final = 8
PER_PAIR: Final = 2
BINS: Final = 20


@dataclass
class Gallery:
    """Images given one label; rows carry that label's ``score`` and, with truth, ``right``."""

    label: str
    images: int
    most_certain: list[dict[str, Any]]
    random: list[dict[str, Any]]


@dataclass
class Mistake:
    """One frequent confusion: images that are ``true`` but were called ``predicted``."""

    true: str
    predicted: str
    count: int
    mistaken: list[dict[str, Any]]
    typical: list[dict[str, Any]]  # rightly called ``predicted``, most certain first


@dataclass
class Histogram:
    """Scores of all labels given, in equal bins between two ends."""

    low: float
    high: float
    right: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    wrong: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    unjudged: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))


class Choice:
    """Offers every (image, label) pair to the galleries, the mistakes and the histogram."""

    def __init__(
        self, counts: Counts, judge: Judge | None, pairs: Sequence[tuple[str, str, int]]
    ) -> None:
        """Prepare for the most frequent labels of ``counts`` and the worst ``pairs``.

        Args:
            counts: the first pass.
            judge: None without truth.
            pairs: true label, predicted label, how often.
        """
        ranked = sorted(counts.labels.items(), key=lambda item: (-item[1], item[0]))
        self.labels = ranked[:SHOWN_LABELS]
        self.judge = judge
        self.pairs = pairs[:SHOWN_PAIRS]
        self.histogram = _empty_histogram(counts)
        self._certain, self._random = KeyedReservoir(MOST_CERTAIN), KeyedReservoir(GALLERY)
        self._mistaken, self._typical = KeyedReservoir(PER_PAIR), KeyedReservoir(PER_PAIR)

    def read(self, run: RunReader) -> None:
        """Read the labels table once."""
        index = pa.array([label for label, _ in self.labels], pa.string())
        for batch in run.batches((*ROW_COLUMNS, *run.responses)):
            row, label = explode(batch.column("labels").combine_chunks())
            scores = pc.list_flatten(batch.column("scores")).to_numpy().astype(np.float64)
            if len(scores) != len(label):
                scores = np.full(len(label), np.nan)
            ids = batch.column("image_id").to_numpy()[row]
            right = judged = np.zeros(len(row), dtype=np.bool_)
            if self.judge:
                right, judged = self.judge.is_true(ids, label), self.judge.can_tell(ids)
            pairs = _Pairs(batch, row, label, ids, scores, right, judged)
            at = pc.index_in(label, index).fill_null(-1).to_numpy().astype(np.int64)
            self._certain.add(*pairs.offer(at, -np.nan_to_num(scores)))
            self._random.add(*pairs.offer(at, random_keys(ids)))
            self._offer_mistakes(pairs)
            self._count(pairs)

    def galleries(self) -> list[Gallery]:
        """Return one gallery per shown label, most frequent first; no image twice in one."""
        certain, random = self._certain.rows(), self._random.rows()
        found = []
        for number, (label, images) in enumerate(self.labels):
            best = certain.get(number, [])
            seen = {row["image_id"] for row in best}
            others = [row for row in random.get(number, []) if row["image_id"] not in seen]
            found.append(Gallery(label, images, best, others[: GALLERY - len(best)]))
        return found

    def mistakes(self) -> list[Mistake]:
        """Return the worst pairs with examples."""
        mistaken, typical = self._mistaken.rows(), self._typical.rows()
        return [
            Mistake(*pair, mistaken.get(number, []), typical.get(number, []))
            for number, pair in enumerate(self.pairs)
        ]

    def _offer_mistakes(self, pairs: _Pairs) -> None:
        if self.judge is None:
            return
        for number, (true, predicted, _) in enumerate(self.pairs):
            named = pc.equal(pairs.label, predicted).to_numpy(zero_copy_only=False)
            of_true = self.judge.is_of(pairs.ids, true)
            also = pairs.row[pc.equal(pairs.label, true).to_numpy(zero_copy_only=False)]
            wrong = named & ~pairs.right & of_true & ~np.isin(pairs.row, also)
            certain = -np.nan_to_num(pairs.scores)
            self._mistaken.add(*pairs.offer(np.where(wrong, number, -1), random_keys(pairs.ids)))
            self._typical.add(*pairs.offer(np.where(named & pairs.right, number, -1), certain))

    def _count(self, pairs: _Pairs) -> None:
        if (histogram := self.histogram) is None:
            return
        scored = ~np.isnan(pairs.scores)
        for bins, which in (
            (histogram.right, pairs.right & pairs.judged),
            (histogram.wrong, ~pairs.right & pairs.judged),
            (histogram.unjudged, ~pairs.judged),
        ):
            bins += np.histogram(
                pairs.scores[which & scored], BINS, (histogram.low, histogram.high)
            )[0]


@dataclass
class _Pairs:
    """The (image, label) pairs of one batch; all arrays of the same length."""

    batch: pa.Table
    row: NDArray[np.int64]
    label: pa.Array
    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    judged: NDArray[np.bool_]

    def offer(
        self, groups: NDArray[np.int64], keys: NDArray[np.float64]
    ) -> tuple[pa.Table, NDArray[np.int64], NDArray[np.float64]]:
        """Return the rows of the pairs in a group, with ``label``, ``score`` and ``right``."""
        wanted = np.flatnonzero(groups >= 0)
        rows = self.batch.take(pa.array(self.row[wanted]))
        right = pa.array(self.right[wanted], mask=~self.judged[wanted])
        scores = self.scores[wanted]
        rows = rows.append_column("label", self.label.take(pa.array(wanted)))
        rows = rows.append_column("score", pa.array(scores, mask=np.isnan(scores)))
        return rows.append_column("right", right), groups[wanted], keys[wanted]


def _empty_histogram(counts: Counts) -> Histogram | None:
    if not counts.has_scores:
        return None
    if counts.lowest_score >= 0 and counts.highest_score <= 1:
        return Histogram(0.0, 1.0)
    span = max(counts.highest_score - counts.lowest_score, 1e-6)
    return Histogram(counts.lowest_score, counts.lowest_score + span)
