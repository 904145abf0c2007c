"""One image on the page: label row and thumbnail in, display texts out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ray_jobs.pages.quotes import QuoteSource
from ray_jobs.verbs.report.judge import Judge
from ray_jobs.verbs.report.thumbnails import Thumbnail

TOP: Final = 3
_LONGEST_TEXT: Final = 300


@dataclass(frozen=True)
class Bar:
    """A label with its score and, between 0 and 100, how long to draw it."""

    label: str
    score: float
    length: float


@dataclass(frozen=True)
class Shot:
    """Everything the page says about one image; texts are as hostile as the archive."""

    thumbnail: Thumbnail
    path: str
    labels: list[str]
    score: float | None
    key: float
    right: bool | None
    truth: list[str] | None
    top: list[Bar]
    detail: str
    responses: list[tuple[QuoteSource, str]]

    @property
    def verdict(self) -> str:
        """The CSS class of the right/wrong mark; empty without truth."""
        return "" if self.right is None else "right" if self.right else "wrong"


def make_shot(
    row: Mapping[str, Any],
    thumbnail: Thumbnail,
    judge: Judge | None,
    sources: Mapping[str, QuoteSource],
) -> Shot:
    """Prepare one label row for the page.

    Args:
        row: `counting.ROW_COLUMNS` and ``key``; in galleries also ``label``, ``score``, ``right``
            of the label it is shown under.
        thumbnail: its picture.
        judge: None without truth.
        sources: of the columns with a model's own words.
    """
    labels = [row["label"]] if "label" in row else list(row["labels"] or [])
    scores = list(row["scores"] or [])
    truth = judge.true_labels(row["image_id"]) if judge else None
    right = row.get("right")
    if "right" not in row and judge:
        right = judge.verdict(row["image_id"], labels)
    return Shot(
        thumbnail=thumbnail,
        path=row["path"] or "",
        labels=labels,
        score=row["score"] if "score" in row else (scores[0] if scores else None),
        key=row["key"],
        right=right,
        truth=truth,
        top=_top(row),
        detail=shortened(row["error_detail"] or ""),
        responses=[
            (source, shortened(row[name])) for name, source in sources.items() if row.get(name)
        ],
    )


def _top(row: Mapping[str, Any]) -> list[Bar]:
    labels, scores = list(row["top_labels"] or []), list(row["top_scores"] or [])
    pairs = [pair for pair in zip(labels, scores, strict=False) if not _is_missing(pair[1])][:TOP]
    longest = max([1.0, *(score for _, score in pairs)])
    return [Bar(label, score, 100 * max(score, 0.0) / longest) for label, score in pairs]


def _is_missing(score: float | None) -> bool:
    return score is None or math.isnan(score)


def shortened(text: str) -> str:
    """A text as far as a page shows it."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
