"""How the buildings, vehicles and gear look that are new in the second edition.

Unit space is that of `fieldguide.pen`; each drawing fills the extent that `scenes.EXTENT` declares.
"""

import math
from collections.abc import Callable
from typing import Final

from fieldguide.pen import Colour, Pen, Point, shade

_INK: Final[Colour] = (24, 22, 28)
_WHITE: Final[Colour] = (246, 246, 242)
_WOOD: Final[Colour] = (134, 88, 50)


def draw_box(pen: Pen, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
    """A box with an outline."""
    pen.polygon(((left, top), (right, top), (right, bottom), (left, bottom)), fill, _INK)


def _wheel(pen: Pen, centre: Point, radius: float) -> None:
    pen.ellipse(centre, (radius, radius), _INK)
    pen.ellipse(centre, (0.45 * radius, 0.45 * radius), (196, 196, 196))


def _barn(pen: Pen, paint: Colour) -> None:
    roof = ((-0.95, -0.2), (-0.6, -0.65), (0.0, -0.85), (0.6, -0.65), (0.95, -0.2))
    pen.polygon((*roof, (0.95, 0.85), (-0.95, 0.85)), (164, 40, 36), _INK)
    pen.line(roof, _WHITE, 0.1)
    draw_box(pen, -0.36, 0.1, 0.36, 0.85, _WHITE)
    for line in (((-0.36, 0.1), (0.36, 0.85)), ((0.36, 0.1), (-0.36, 0.85))):
        pen.line(line, (164, 40, 36), 0.09)


def _windmill(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.24, -0.2), (0.24, -0.2), (0.42, 1.0), (-0.42, 1.0)), (222, 206, 176), _INK)
    pen.polygon(((-0.3, -0.2), (0.0, -0.5), (0.3, -0.2)), paint, _INK)
    for step in range(4):
        turn = math.pi * (0.25 + step / 2)
        x, y = math.cos(turn), math.sin(turn)
        tip, side = (0.98 * x, -0.25 + 0.75 * y), (-0.13 * y, 0.13 * x)
        blade = ((0.0, -0.25), tip, (tip[0] + side[0], tip[1] + side[1]), (side[0], side[1] - 0.25))
        pen.polygon(blade, _WHITE, _INK, 0.04)


def _bridge(pen: Pen, paint: Colour) -> None:
    arch = [
        (0.72 * math.cos(math.pi * k / 12), 0.5 - 0.62 * math.sin(math.pi * k / 12))
        for k in range(13)
    ]
    stone = (166, 158, 148)
    pen.polygon(
        ((1.0, 0.5), (1.0, -0.24), (0.0, -0.5), (-1.0, -0.24), (-1.0, 0.5), *arch[::-1]),
        stone,
        _INK,
    )
    for x in (-0.8, -0.4, 0.0, 0.4, 0.8):
        pen.line(((x, -0.3), (x, -0.12)), _INK, 0.05)


def _well(pen: Pen, paint: Colour) -> None:
    for x in (-0.5, 0.5):
        pen.line(((x, -0.5), (x, 0.3)), _WOOD, 0.13)
    pen.polygon(((-0.8, -0.45), (0.0, -1.0), (0.8, -0.45)), paint, _INK)
    pen.line(((0.0, -0.45), (0.0, 0.1)), _INK, 0.05)
    draw_box(pen, -0.14, -0.05, 0.14, 0.25, _WOOD)
    draw_box(pen, -0.68, 0.25, 0.68, 1.0, (150, 148, 146))
    for y in (0.5, 0.75):
        pen.line(((-0.68, y), (0.68, y)), _INK, 0.04)
    for x in (-0.3, 0.1, 0.45):
        pen.line(((x, 0.25), (x, 0.5)), _INK, 0.04)
        pen.line(((x - 0.15, 0.5), (x - 0.15, 0.75)), _INK, 0.04)


def _bicycle(pen: Pen, paint: Colour) -> None:
    for x in (-0.56, 0.56):
        pen.ellipse((x, 0.2), (0.42, 0.42), _INK)
        pen.ellipse((x, 0.2), (0.31, 0.31), (214, 218, 222))
    frame = ((-0.56, 0.2), (-0.24, -0.34), (0.36, -0.34), (0.0, 0.22), (-0.24, -0.34))
    pen.line(frame, paint, 0.1)
    pen.line(((-0.56, 0.2), (0.0, 0.22)), paint, 0.1)
    pen.line(((0.56, 0.2), (0.34, -0.56), (0.6, -0.62)), paint, 0.1)
    pen.line(((-0.42, -0.46), (-0.1, -0.46)), _INK, 0.13)


def _train(pen: Pen, paint: Colour) -> None:
    draw_box(pen, -0.95, -0.55, -0.2, 0.3, paint)
    draw_box(pen, -0.75, -0.4, -0.4, -0.08, (160, 206, 232))
    draw_box(pen, -0.2, -0.25, 0.85, 0.3, shade(paint, 0.6))
    draw_box(pen, 0.45, -0.58, 0.68, -0.25, _INK)
    pen.polygon(((0.85, 0.05), (1.0, 0.35), (0.85, 0.35)), _INK)
    for x in (-0.7, -0.2, 0.2, 0.6):
        _wheel(pen, (x, 0.38), 0.21)


def _tractor(pen: Pen, paint: Colour) -> None:
    draw_box(pen, -0.7, -0.8, 0.05, 0.1, (170, 210, 230))
    draw_box(pen, -0.78, -0.8, 0.12, -0.66, paint)
    draw_box(pen, -0.1, -0.2, 0.85, 0.3, paint)
    draw_box(pen, 0.5, -0.6, 0.62, -0.2, _INK)
    _wheel(pen, (-0.45, 0.28), 0.52)
    _wheel(pen, (0.66, 0.48), 0.3)


def _bench(pen: Pen, paint: Colour) -> None:
    for x in (-0.78, 0.78):
        pen.line(((x, -0.55), (x, 0.6)), _INK, 0.1)
    for y in (-0.48, -0.22, 0.12):
        draw_box(pen, -1.0, y - 0.1, 1.0, y + 0.09, _WOOD)


def _lamp(pen: Pen, paint: Colour) -> None:
    draw_box(pen, -0.07, -0.45, 0.07, 0.9, (60, 62, 70))
    draw_box(pen, -0.26, 0.85, 0.26, 1.0, (60, 62, 70))
    pen.polygon(((-0.34, -0.9), (0.34, -0.9), (0.22, -0.42), (-0.22, -0.42)), (255, 236, 140), _INK)
    pen.polygon(((-0.4, -0.88), (0.0, -1.0), (0.4, -0.88)), (60, 62, 70), _INK)


def _ladder(pen: Pen, paint: Colour) -> None:
    for y in (-0.75, -0.4, -0.05, 0.3, 0.65):
        pen.line(((-0.34, y), (0.34, y)), _INK, 0.15)
        pen.line(((-0.34, y), (0.34, y)), (206, 160, 96), 0.1)
    for x in (-0.36, 0.36):
        pen.line(((x, -1.0), (x, 1.0)), _INK, 0.17)
        pen.line(((x, -1.0), (x, 1.0)), (206, 160, 96), 0.12)


def _barrel(pen: Pen, paint: Colour) -> None:
    pen.polygon(
        ((-0.45, -0.75), (0.45, -0.75), (0.64, 0.0), (0.45, 0.8), (-0.45, 0.8), (-0.64, 0.0)),
        _WOOD,
        _INK,
    )
    pen.ellipse((0.0, -0.74), (0.45, 0.12), shade(_WOOD, 1.3), _INK)
    for y, half in ((-0.4, 0.55), (0.4, 0.55)):
        pen.line(((-half, y), (half, y)), _INK, 0.12)


def _bell(pen: Pen, paint: Colour) -> None:
    gold = (228, 178, 50)
    pen.ellipse((0.0, 0.66), (0.17, 0.2), _INK)
    pen.ellipse((0.0, -0.76), (0.15, 0.14), gold, _INK)
    pen.polygon(
        (
            (-0.2, -0.66),
            (0.2, -0.66),
            (0.42, -0.3),
            (0.48, 0.3),
            (0.74, 0.62),
            (-0.74, 0.62),
            (-0.48, 0.3),
            (-0.42, -0.3),
        ),
        gold,
        _INK,
    )
    pen.line(((-0.5, 0.36), (0.5, 0.36)), shade(gold, 0.7), 0.08)


def _umbrella(pen: Pen, paint: Colour) -> None:
    pen.line(((0.0, -0.6), (0.0, 0.8), (0.16, 0.92), (0.28, 0.76)), _INK, 0.09)
    dome = [
        (math.cos(math.pi * k / 12), 0.05 - 0.95 * math.sin(math.pi * k / 12)) for k in range(13)
    ]
    pen.polygon(dome, paint, _INK)
    pen.polygon(((-0.36, 0.05), (0.0, -0.9), (0.36, 0.05)), _WHITE, _INK)


GEAR: Final[dict[str, Callable[[Pen, Colour], None]]] = {
    "barn": _barn,
    "windmill": _windmill,
    "bridge": _bridge,
    "well": _well,
    "bicycle": _bicycle,
    "train": _train,
    "tractor": _tractor,
    "bench": _bench,
    "lamp": _lamp,
    "ladder": _ladder,
    "barrel": _barrel,
    "bell": _bell,
    "umbrella": _umbrella,
}
