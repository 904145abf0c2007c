"""Geometry of the scores by round; the template only prints numbers that come from here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from ray_jobs.pages.numbers import percent
from ray_jobs.pipelines.autosep.history_page.tree import describe, last_score, opening
from ray_jobs.verbs.report.charts import Tick

WIDTH: Final = 720
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 8, 14, 30
_GAP: Final = 8.0  # between the centres of two dots
_MOST_TICKS: Final = 16
_CHANCE: Final = 0.5

HistoryRecord = Mapping[str, Any]
ScoredPrompts = list[tuple[Mapping[str, Any], Mapping[str, Any]]]


@dataclass(frozen=True)
class Dot:
    """One score; ``kind`` is its CSS class."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True)
class ScoreChart:
    """A drawn chart; ``best`` and ``band`` are points of lines and of areas, one a stretch."""

    dots: list[Dot]
    best: list[str]
    band: list[str]
    chance: float | None
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


class Plane:
    """Where a round and a score lie on the chart.

    Args:
        rounds: all rounds, each a column.
        values: all scores to show.
        fresh: whether the scores of the final choice get a column of their own, the last.
    """

    def __init__(self, rounds: set[int], values: list[float], fresh: bool) -> None:
        self.rounds = sorted(rounds)
        self.step = (WIDTH - _LEFT - _RIGHT) / (len(self.rounds) + fresh)
        self.low = math.floor(round(10 * min(values), 6)) / 10
        self.high = math.ceil(round(10 * max(values), 6)) / 10
        if self.high == self.low:
            self.low, self.high = max(self.low - 0.1, 0.0), min(self.high + 0.1, 1.0)

    def x(self, number: int | None) -> float:
        """Return the middle of a round's column; None is the final choice."""
        column = len(self.rounds) if number is None else self.rounds.index(number)
        return _LEFT + (column + 0.5) * self.step

    def y(self, value: float) -> float:
        """Return the height of a score."""
        part = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - part * (HEIGHT - _TOP - _BOTTOM)


def draw_scores(history: HistoryRecord) -> ScoreChart | None:
    """Turn the scores of all prompts into dots, lines and areas; None without any score."""
    scores = list(_scores(history))
    values = _values(history, scores)
    if not values:
        return None
    fresh = any(score["stage"] == "choice" for _, score in scores)
    rounds = {entry["round"] for entry in history["rounds"]}
    rounds |= {score["round"] for _, score in scores if score["stage"] != "choice"}
    plane = Plane(rounds, values, fresh)
    return ScoreChart(
        dots=_dots(history["chosen"], scores, plane),
        best=[_line(stretch, plane) for stretch in _stretches(history, "best")],
        band=[_area(stretch, plane) for stretch in _stretches(history, "null_low", "null_high")],
        chance=plane.y(_CHANCE) if history["objective"] == "instance" else None,
        x_ticks=_x_ticks(plane, _choice_word(history) if fresh else ""),
        y_ticks=_y_ticks(plane),
        summary=_summary(history, len(scores)),
    )


def _scores(history: HistoryRecord) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield what is shown: all scores on all images or of the choice, else the last on a part."""
    for prompt in history["prompts"]:
        whole = [s for s in prompt["scores"] if s["stage"] != "part" and s["value"] is not None]
        part = last_score(prompt, "part")
        for score in whole or ([part] if part else []):
            yield prompt, score


def _values(history: HistoryRecord, scores: ScoredPrompts) -> list[float]:
    rounds = [
        entry[key] for entry in history["rounds"] for key in ("best", "null_low", "null_high")
    ]
    shown = [value for value in rounds if value is not None]
    shown += [score["value"] for _, score in scores]
    return [*shown, _CHANCE] if shown and history["objective"] == "instance" else shown


def _dots(chosen: str, scores: ScoredPrompts, plane: Plane) -> list[Dot]:
    placed: dict[float, list[tuple[float, float]]] = {}
    dots = []
    for prompt, score in sorted(scores, key=lambda pair: -pair[1]["value"]):
        middle = plane.x(None if score["stage"] == "choice" else score["round"])
        y = plane.y(score["value"])
        column = placed.setdefault(middle, [])
        x = middle + _aside(y, column, plane.step)
        column.append((x - middle, y))
        kind = "chosen" if prompt["id"] == chosen else score["stage"]
        title = f"{prompt['origin']}. {describe(score)}. {opening(prompt['text'])}"
        dots.append(Dot(x, y, kind, title))
    return sorted(dots, key=lambda dot: dot.kind == "chosen")


def _aside(y: float, column: list[tuple[float, float]], step: float) -> float:
    """Return the least move from the middle at which a dot touches none; 0 in a full column."""
    for number in range(max(int(step / _GAP) - 1, 1)):
        aside = _GAP * ((number + 1) // 2) * (-1) ** number
        if all(math.hypot(aside - x, y - other) >= _GAP for x, other in column):
            return aside
    return 0.0


def _stretches(history: HistoryRecord, *keys: str) -> list[list[Mapping[str, Any]]]:
    """Return the runs of rounds that have all of these numbers."""
    rounds = sorted(history["rounds"], key=lambda entry: entry["round"])
    runs = groupby(rounds, key=lambda entry: all(entry[key] is not None for key in keys))
    return [list(run) for has, run in runs if has]


def _line(stretch: list[Mapping[str, Any]], plane: Plane) -> str:
    return _points([(plane.x(entry["round"]), plane.y(entry["best"])) for entry in stretch])


def _area(stretch: list[Mapping[str, Any]], plane: Plane) -> str:
    """Walk along the upper edge and back along the lower, half a column beyond both ends."""
    upper = [(plane.x(entry["round"]), plane.y(entry["null_high"])) for entry in stretch]
    lower = [(plane.x(entry["round"]), plane.y(entry["null_low"])) for entry in stretch]
    edges = []
    for edge in (upper, lower):
        (left, first), (right, last) = edge[0], edge[-1]
        edges.append([(left - plane.step / 2, first), *edge, (right + plane.step / 2, last)])
    return _points(edges[0] + edges[1][::-1])


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _x_ticks(plane: Plane, choice: str) -> list[Tick]:
    every = -(-len(plane.rounds) // _MOST_TICKS)
    ticks = [Tick(plane.x(number), str(number)) for number in plane.rounds[::every]]
    return [*ticks, Tick(plane.x(None), choice)] if choice else ticks


def _y_ticks(plane: Plane) -> list[Tick]:
    span = plane.high - plane.low
    step = 0.05 if span < 0.25 else 0.1 if span < 0.65 else 0.2
    count = math.floor(round(span / step, 6))
    values = [plane.low + number * step for number in range(count + 1)]
    return [Tick(plane.y(value), f"{100 * value:.0f} %") for value in values]


def _choice_word(history: HistoryRecord) -> str:
    return "held out" if history["held_out"] else "fresh pairs"


def _summary(history: HistoryRecord, shown: int) -> str:
    """Say in a sentence what the chart shows, for those who cannot see it."""
    text = f"{shown} scores of {len(history['prompts'])} prompts by round"
    best = [entry["best"] for stretch in _stretches(history, "best") for entry in stretch]
    if best:
        text += f"; the best of the beam went from {percent(best[0])} to {percent(best[-1])}"
    bands = _stretches(history, "null_low", "null_high")
    if bands:
        low, high = bands[-1][-1]["null_low"], bands[-1][-1]["null_high"]
        text += f"; coin flips would reach {percent(low)} to {percent(high)} in the last round"
    return text
