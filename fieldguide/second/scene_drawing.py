"""How scenes of the second edition look: what is new in sky, water and field, and whole pictures.

Unit space is that of `fieldguide.pen`; each drawing fills the extent that `scenes.EXTENT` declares.
The 16 categories of the first edition are drawn as they are there.
"""

import math
from collections.abc import Callable
from typing import Final

from PIL import Image, ImageDraw

from fieldguide.backgrounds import add_light, draw_background
from fieldguide.keys import keyed
from fieldguide.pen import OVERSAMPLE, Colour, Pen, Pose, shade
from fieldguide.scene_drawing import DRAWINGS as FIRST
from fieldguide.scene_drawing import PAINTS
from fieldguide.second.gear_drawing import GEAR, draw_box
from fieldguide.second.scenes import Sight

_INK: Final[Colour] = (24, 22, 28)
_WHITE: Final[Colour] = (246, 246, 242)
_WOOD: Final[Colour] = (134, 88, 50)
_METAL: Final[Colour] = (120, 128, 138)
_LEAF: Final[Colour] = (46, 140, 62)


def _moon(pen: Pen, paint: Colour) -> None:
    outer = [
        (
            -0.1 + 0.9 * math.cos(math.pi * (0.4 + 1.2 * k / 12)),
            0.9 * math.sin(math.pi * (0.4 + 1.2 * k / 12)),
        )
        for k in range(13)
    ]
    inner = [
        (
            0.26 + 0.78 * math.cos(math.pi * (1.45 - 0.9 * k / 10)),
            0.74 * math.sin(math.pi * (1.45 - 0.9 * k / 10)),
        )
        for k in range(11)
    ]
    pen.polygon((*outer, *inner), (250, 240, 190), _INK, 0.04)


def _rainbow(pen: Pen, paint: Colour) -> None:
    for radius, colour in (
        (0.94, (220, 50, 50)), (0.8, (244, 190, 40)), (0.66, (60, 160, 70)), (0.52, (60, 90, 210)),
    ):  # fmt: skip
        arch = [
            (radius * math.cos(math.pi * k / 14), 0.5 - radius * math.sin(math.pi * k / 14))
            for k in range(15)
        ]
        pen.line(arch, colour, 0.15)


def _plane(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.7, 0.0), (-1.0, -0.48), (-0.72, -0.48), (-0.4, -0.05)), paint, _INK)
    pen.ellipse((0.05, 0.02), (0.93, 0.2), _WHITE, _INK)
    pen.polygon(((0.3, 0.05), (-0.35, 0.5), (-0.55, 0.48), (-0.15, 0.04)), paint, _INK)
    for x in (0.0, 0.25, 0.5):
        pen.ellipse((x, -0.06), (0.06, 0.05), (90, 150, 200))


def _duck(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.5, 0.1), (-1.0, -0.2), (-0.8, 0.35)), (250, 222, 90), _INK)
    pen.ellipse((-0.1, 0.25), (0.75, 0.42), (250, 222, 90), _INK)
    pen.ellipse((0.5, -0.28), (0.33, 0.33), (250, 222, 90), _INK)
    pen.polygon(((0.74, -0.36), (1.0, -0.22), (0.74, -0.1)), (240, 120, 30), _INK)
    pen.ellipse((0.56, -0.36), (0.07, 0.07), _INK)


def _anchor(pen: Pen, paint: Colour) -> None:
    pen.ellipse((0.0, -0.8), (0.2, 0.2), _METAL, _INK)
    pen.ellipse((0.0, -0.8), (0.09, 0.09), _WHITE)
    draw_box(pen, -0.09, -0.6, 0.09, 0.85, _METAL)
    draw_box(pen, -0.42, -0.46, 0.42, -0.3, _METAL)
    bow = [
        (0.66 * math.cos(math.pi * k / 10), 0.25 + 0.66 * math.sin(math.pi * k / 10))
        for k in range(11)
    ]
    pen.line(bow, _INK, 0.24)
    pen.line(bow, _METAL, 0.15)
    for x in (-0.64, 0.64):
        pen.polygon(((x - 0.14, 0.35), (x, 0.0), (x + 0.14, 0.35)), _METAL, _INK)


def _palm(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.1, 1.0), (0.1, 1.0), (0.2, 0.2), (0.1, -0.5), (0.0, -0.4)), _WOOD, _INK)
    for tip in ((-0.92, -0.2), (-0.75, -0.75), (-0.1, -1.0), (0.6, -0.95), (0.94, -0.45), (0.8, 0)):
        side = (-0.16 * tip[1], 0.16 * tip[0])
        middle = (0.5 * tip[0], -0.5 + 0.5 * (tip[1] + 0.3))
        pen.polygon(
            (
                (0.05, -0.5),
                (middle[0] + side[0], middle[1] + side[1]),
                tip,
                (middle[0] - side[0], middle[1] - side[1]),
            ),
            _LEAF,
            (24, 84, 36),
            0.03,
        )


def _cactus(pen: Pen, paint: Colour) -> None:
    green = (60, 146, 84)
    for line in (
        ((-0.2, 0.2), (-0.56, 0.2), (-0.56, -0.3)),
        ((0.2, 0.4), (0.56, 0.4), (0.56, -0.1)),
    ):
        pen.line(line, _INK, 0.32)
        pen.line(line, green, 0.25)
    pen.ellipse((0.0, -0.6), (0.26, 0.38), green, _INK)
    pen.polygon(((-0.26, -0.6), (0.26, -0.6), (0.26, 1.0), (-0.26, 1.0)), green)
    for x in (-0.26, 0.26):
        pen.line(((x, -0.6), (x, 1.0)), _INK, 0.04)
    for x, y in ((-0.1, -0.5), (0.1, -0.1), (-0.1, 0.3), (0.1, 0.7)):
        pen.line(((x - 0.05, y), (x + 0.05, y)), _WHITE, 0.05)


def _cat(pen: Pen, paint: Colour) -> None:
    fur = (92, 84, 92)
    pen.line(((-0.4, 0.75), (-0.74, 0.5), (-0.7, 0.1)), fur, 0.17)
    pen.ellipse((-0.05, 0.45), (0.48, 0.5), fur, _INK)
    for x in (0.0, 0.5):
        pen.polygon(((x - 0.16, -0.5), (x - 0.1, -0.95), (x + 0.2, -0.55)), fur, _INK)
    pen.ellipse((0.24, -0.32), (0.4, 0.34), fur, _INK)
    for x in (0.1, 0.4):
        pen.ellipse((x, -0.36), (0.08, 0.09), (190, 230, 90), _INK, 0.03)


def _horse(pen: Pen, paint: Colour) -> None:
    coat = (150, 96, 52)
    pen.line(((-0.6, -0.1), (-0.92, 0.1), (-0.9, 0.5)), _INK, 0.15)
    for x in (-0.5, -0.3, 0.25, 0.42):
        pen.line(((x, 0.1), (x, 0.88)), _INK, 0.17)
        pen.line(((x, 0.1), (x, 0.86)), coat, 0.11)
    pen.ellipse((-0.08, 0.02), (0.62, 0.32), coat, _INK)
    pen.polygon(((0.2, -0.1), (0.46, -0.74), (0.72, -0.6), (0.52, 0.14)), coat, _INK)
    pen.polygon(((0.5, -0.9), (0.98, -0.45), (0.88, -0.26), (0.5, -0.5)), coat, _INK)
    pen.line(((0.42, -0.8), (0.16, -0.1)), _INK, 0.12)


def _snail(pen: Pen, paint: Colour) -> None:
    slug = (214, 186, 132)
    pen.polygon(
        ((-1.0, 0.55), (-0.4, 0.25), (0.5, 0.3), (0.75, -0.1), (0.95, 0.0), (0.85, 0.55)),
        slug,
        _INK,
    )
    for x in (0.76, 0.94):
        pen.line(((x, 0.0), (x + 0.04, -0.4)), _INK, 0.06)
    pen.ellipse((-0.1, -0.05), (0.55, 0.5), (160, 96, 60), _INK)
    pen.ellipse((-0.06, 0.0), (0.34, 0.31), (214, 160, 100), _INK)
    pen.ellipse((-0.04, 0.03), (0.15, 0.14), (160, 96, 60), _INK)


def _butterfly(pen: Pen, paint: Colour) -> None:
    for side in (-1, 1):
        pen.ellipse((side * 0.5, -0.3), (0.42, 0.42), paint, _INK)
        pen.ellipse((side * 0.42, 0.36), (0.32, 0.34), shade(paint, 0.7), _INK)
        pen.ellipse((side * 0.54, -0.32), (0.15, 0.15), _WHITE)
        pen.line(((0.0, -0.4), (side * 0.22, -0.74)), _INK, 0.05)
    pen.ellipse((0.0, 0.02), (0.11, 0.55), _INK)


DRAWINGS: Final[dict[str, Callable[[Pen, Colour], None]]] = {
    **FIRST,
    **GEAR,
    "moon": _moon,
    "rainbow": _rainbow,
    "plane": _plane,
    "duck": _duck,
    "anchor": _anchor,
    "palm": _palm,
    "cactus": _cactus,
    "cat": _cat,
    "horse": _horse,
    "snail": _snail,
    "butterfly": _butterfly,
}


def render_sight(scene: Sight, width: int, height: int) -> Image.Image:
    """Draw the scene at a size in pixels; its shorter side should be 72 or more."""
    rng = keyed(scene.texture)
    wide, high = width * OVERSAMPLE, height * OVERSAMPLE
    canvas = draw_background(scene.background, rng, wide, high)
    draw = ImageDraw.Draw(canvas)
    side = min(wide, high)
    left, top = (wide - side) / 2, (high - side) / 2
    for item in scene.items:
        x, y = left + item.x * side, top + item.y * side
        pose = Pose(x, y, side * item.size / 2, item.angle, item.mirrored)
        DRAWINGS[item.category](Pen(draw, pose), PAINTS[int(item.tint * len(PAINTS))])
    return add_light(canvas.reduce(OVERSAMPLE), rng)
