"""First pass over the labels table: how many of what, the least certain images, error samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reservoir import KeyedReservoir, random_keys

ROW_COLUMNS: Final = (
    "image_id",
    "path",
    "uri",
    "labels",
    "scores",
    "top_labels",
    "top_scores",
    "error",
    "error_detail",
)
LEAST_CERTAIN: Final = 24
SAMPLES_PER_ERROR: Final = 4


@dataclass
class Counts:
    """What the first pass found; rows are dictionaries of `ROW_COLUMNS`."""

    images: int = 0
    labelled: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    lowest_score: float = np.inf
    highest_score: float = -np.inf
    least_certain: list[dict[str, Any]] = field(default_factory=list)
    error_samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def without_label(self) -> int:
        """Images that have neither an error nor a label."""
        return self.images - self.labelled - sum(self.errors.values())

    @property
    def has_scores(self) -> bool:
        """Whether any label has a score."""
        return self.lowest_score <= self.highest_score


def count(run: RunReader) -> Counts:
    """Read the labels table once."""
    counts = Counts()
    uncertain, failed = KeyedReservoir(LEAST_CERTAIN), KeyedReservoir(SAMPLES_PER_ERROR)
    codes: dict[str, int] = {}
    for batch in run.batches((*ROW_COLUMNS, *run.responses)):
        ids = batch.column("image_id").to_numpy()
        error = batch.column("error").combine_chunks()
        named = pc.list_value_length(batch.column("labels")).fill_null(0).to_numpy() > 0
        counts.images += batch.num_rows
        counts.labelled += int(named.sum())
        _add(counts.labels, pc.list_flatten(batch.column("labels")))
        _add(counts.errors, error)
        _widen(counts, pc.list_flatten(batch.column("scores")))
        certainty = certainties(batch, margin=not run.multi_label)
        eligible = error.is_null().to_numpy(zero_copy_only=False) & ~np.isnan(certainty)
        uncertain.add(batch, np.where(eligible, 0, -1), certainty)
        for code in counts.errors:
            codes.setdefault(code, len(codes))
        failed.add(batch, _coded(error, codes), random_keys(ids))
    counts.least_certain = uncertain.rows().get(0, [])
    samples = failed.rows()
    counts.error_samples = {code: samples[number] for code, number in codes.items()}
    return counts


def certainties(batch: pa.Table, *, margin: bool) -> NDArray[np.float64]:
    """Return how certain each image's answer is, float64 (n,), NaN without scores.

    With ``margin``, the best minus the second best of ``top_scores``; otherwise, and where there is
    only one, the best alone. Rows without ``top_scores`` give their first label's score.
    """
    best = _element(batch.column("top_scores").combine_chunks(), 0)
    best = np.where(np.isnan(best), _element(batch.column("scores").combine_chunks(), 0), best)
    if not margin:
        return best
    return best - np.nan_to_num(_element(batch.column("top_scores").combine_chunks(), 1))


def _element(lists: pa.ListArray, at: int) -> NDArray[np.float64]:
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    found = np.full(len(lists), np.nan)
    has = lengths > at
    starts = lists.offsets.to_numpy()[:-1][has]
    found[has] = lists.values.to_numpy(zero_copy_only=False)[starts + at]
    return found


def _add(totals: dict[str, int], names: pa.Array) -> None:
    for pair in pc.value_counts(names.drop_null()).to_pylist():
        totals[pair["values"]] = totals.get(pair["values"], 0) + pair["counts"]


def _widen(counts: Counts, scores: pa.Array) -> None:
    ends = pc.min_max(scores).as_py()
    if ends["min"] is not None:
        counts.lowest_score = min(counts.lowest_score, ends["min"])
        counts.highest_score = max(counts.highest_score, ends["max"])


def _coded(error: pa.Array, codes: dict[str, int]) -> NDArray[np.int64]:
    at = pc.index_in(error, pa.array(list(codes), pa.string())).fill_null(-1)
    numbers: NDArray[np.int64] = at.to_numpy().astype(np.int64)
    return numbers
