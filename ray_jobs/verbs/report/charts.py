"""Geometry of the score histogram; the template only prints numbers that come from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ray_jobs.verbs.report.choosing import BINS, Histogram

WIDTH: Final = 720
HEIGHT: Final = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 18, 28
_GAP: Final = 3


@dataclass(frozen=True)
class Block:
    """One rectangle of a stacked bar; ``kind`` is its CSS class."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True)
class Tick:
    """A text at a position along an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class HistogramChart:
    """A drawn histogram: stacked bars from the base line up."""

    blocks: list[Block]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    judged: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


def draw_histogram(histogram: Histogram) -> HistogramChart:
    """Turn bin counts into rectangles and ticks."""
    kinds = [
        ("right", "right", histogram.right),
        ("wrong", "wrong", histogram.wrong),
        ("plain", "labels", histogram.unjudged),
    ]
    judged = bool(histogram.right.sum() + histogram.wrong.sum())
    totals = histogram.right + histogram.wrong + histogram.unjudged
    top = _round_up(max(int(totals.max()), 1))
    step = (WIDTH - _LEFT - _RIGHT) / BINS
    scale = (HEIGHT - _TOP - _BOTTOM) / top
    base = float(HEIGHT - _BOTTOM)
    blocks = []
    for number in range(BINS):
        y = base
        ends = (_value(histogram, number), _value(histogram, number + 1))
        for kind, word, bins in kinds:
            if not (count := int(bins[number])):
                continue
            height = count * scale
            y -= height
            title = f"{ends[0]:.2f} to {ends[1]:.2f}: {count:,} {word}"
            x = _LEFT + number * step + _GAP / 2
            blocks.append(Block(x, y, step - _GAP, height, kind, title))
    return HistogramChart(
        blocks=blocks,
        x_ticks=[
            Tick(_LEFT + n * step, f"{_value(histogram, n):.2g}")
            for n in range(0, BINS + 1, BINS // 4)
        ],
        y_ticks=[Tick(base - part * scale, f"{part:,}") for part in (0, top // 2, top)],
        judged=judged,
    )


def _value(histogram: Histogram, number: int) -> float:
    return histogram.low + (histogram.high - histogram.low) * number / BINS


def _round_up(count: int) -> int:
    """Return the next even number of one or two leading digits: a tidy end of an axis."""
    step = 2 * int("1" + "0" * max(len(str(count)) - 2, 0))
    return -(-count // step) * step
