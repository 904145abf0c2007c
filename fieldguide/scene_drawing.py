"""How scenes look: one small drawing for each of the 16 categories, in one of several colours.

Unit space is that of `pen`; each drawing fills the extent that `scenes.EXTENT` declares for it.
"""

import math
from collections.abc import Callable
from typing import Final

from PIL import Image, ImageDraw

from fieldguide.backgrounds import add_light, draw_background
from fieldguide.keys import keyed
from fieldguide.pen import OVERSAMPLE, Colour, Pen, Pose, shade
from fieldguide.scenes import Scene

_INK: Final[Colour] = (24, 22, 28)
_WHITE: Final[Colour] = (246, 246, 242)
_WOOD: Final[Colour] = (120, 78, 44)
PAINTS: Final[tuple[Colour, ...]] = (
    (206, 52, 48),
    (52, 96, 200),
    (240, 196, 50),
    (150, 70, 180),
    (240, 136, 40),
)


def _bird(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.35, 0.05), (-1.0, -0.1), (-0.9, 0.3)), paint, _INK)
    pen.ellipse((-0.05, 0.12), (0.5, 0.36), paint, _INK)
    pen.ellipse((0.48, -0.22), (0.26, 0.25), paint, _INK)
    pen.polygon(((0.7, -0.32), (1.0, -0.18), (0.7, -0.1)), (250, 210, 60), _INK)
    pen.polygon(((0.2, 0.05), (-0.6, -0.55), (-0.45, 0.15)), shade(paint, 0.5), _INK)
    pen.ellipse((0.53, -0.26), (0.07, 0.07), _WHITE)


def _kite(pen: Pen, paint: Colour) -> None:
    pen.line(((0.0, 0.3), (0.2, 0.6), (-0.1, 0.75), (0.15, 1.0)), _INK, 0.06)
    pen.polygon(((0.0, -1.0), (0.7, -0.35), (0.0, 0.4), (-0.7, -0.35)), paint, _INK)
    pen.polygon(((0.0, -1.0), (0.7, -0.35), (0.0, -0.35)), _WHITE)
    pen.polygon(((0.0, 0.4), (-0.7, -0.35), (0.0, -0.35)), _WHITE)
    pen.line(((0.0, -1.0), (0.0, 0.4)), _INK, 0.05)


def _balloon(pen: Pen, paint: Colour) -> None:
    pen.line(((-0.4, 0.1), (-0.2, 0.66)), _INK, 0.05)
    pen.line(((0.4, 0.1), (0.2, 0.66)), _INK, 0.05)
    pen.ellipse((0.0, -0.32), (0.72, 0.68), paint, _INK)
    pen.ellipse((0.0, -0.32), (0.26, 0.66), _WHITE)
    pen.polygon(((-0.24, 0.64), (0.24, 0.64), (0.2, 1.0), (-0.2, 1.0)), _WOOD, _INK)


def _cloud(pen: Pen, paint: Colour) -> None:
    for centre, radii in (
        ((-0.5, 0.12), (0.48, 0.38)),
        ((0.52, 0.14), (0.46, 0.36)),
        ((0.0, -0.1), (0.55, 0.45)),
        ((0.05, 0.22), (0.6, 0.32)),
    ):
        pen.ellipse(centre, radii, (244, 246, 250))


def _sun(pen: Pen, paint: Colour) -> None:
    for step in range(8):
        turn = math.pi * step / 4
        tip = (math.cos(turn), math.sin(turn))
        pen.line(((0.0, 0.0), tip), (250, 170, 30), 0.16)
    pen.ellipse((0.0, 0.0), (0.62, 0.62), (255, 222, 60), (250, 170, 30))


def _boat(pen: Pen, paint: Colour) -> None:
    pen.line(((0.0, -1.0), (0.0, 0.5)), _INK, 0.09)
    pen.polygon(((0.08, -0.95), (0.85, 0.3), (0.08, 0.3)), _WHITE, _INK)
    pen.polygon(((-0.08, -0.7), (-0.65, 0.3), (-0.08, 0.3)), _WHITE, _INK)
    pen.polygon(((-1.0, 0.45), (1.0, 0.45), (0.65, 1.0), (-0.65, 1.0)), paint, _INK)


def _lighthouse(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.3, -0.5), (0.3, -0.5), (0.5, 1.0), (-0.5, 1.0)), _WHITE, _INK)
    pen.polygon(((-0.34, -0.15), (0.34, -0.15), (0.39, 0.2), (-0.39, 0.2)), (206, 52, 48))
    pen.polygon(((-0.43, 0.55), (0.43, 0.55), (0.47, 0.85), (-0.47, 0.85)), (206, 52, 48))
    pen.polygon(((-0.22, -0.8), (0.22, -0.8), (0.22, -0.5), (-0.22, -0.5)), (255, 232, 90), _INK)
    pen.polygon(((-0.34, -0.78), (0.0, -1.0), (0.34, -0.78)), _INK)
    pen.polygon(((0.22, -0.74), (0.65, -0.86), (0.65, -0.44), (0.22, -0.6)), (255, 240, 150))


def _fish(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.4, 0.0), (-1.0, -0.5), (-0.85, 0.0), (-1.0, 0.5)), paint, _INK)
    pen.polygon(((-0.1, -0.3), (0.2, -0.55), (0.35, -0.3)), shade(paint, 0.7), _INK)
    pen.ellipse((0.22, 0.0), (0.76, 0.42), paint, _INK)
    pen.line(((0.4, -0.36), (0.3, 0.0), (0.4, 0.36)), _INK, 0.06)
    pen.ellipse((0.66, -0.1), (0.12, 0.12), _WHITE, _INK)


def _tree(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.15, 0.3), (0.15, 0.3), (0.2, 1.0), (-0.2, 1.0)), _WOOD, _INK)
    for centre in ((-0.3, 0.0), (0.3, 0.02), (0.0, -0.45)):
        pen.ellipse(centre, (0.46, 0.48), (46, 122, 54), (28, 80, 36))


def _mushroom(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.2, 0.0), (0.2, 0.0), (0.28, 0.9), (-0.28, 0.9)), _WHITE, _INK)
    cap = [(-0.85, 0.1), (-0.75, -0.4), (-0.4, -0.8), (0.0, -0.9), (0.4, -0.8), (0.75, -0.4)]
    pen.polygon((*cap, (0.85, 0.1)), (200, 48, 40), _INK)
    for centre in ((-0.4, -0.3), (0.1, -0.55), (0.45, -0.15), (0.0, -0.1)):
        pen.ellipse(centre, (0.14, 0.13), _WHITE)


def _flower(pen: Pen, paint: Colour) -> None:
    pen.line(((0.0, -0.2), (0.0, 1.0)), (50, 130, 50), 0.12)
    pen.polygon(((0.0, 0.7), (0.5, 0.3), (0.3, 0.7)), (50, 130, 50))
    for step in range(6):
        turn = math.pi * step / 3
        centre = (0.44 * math.cos(turn), -0.32 + 0.44 * math.sin(turn))
        pen.ellipse(centre, (0.27, 0.27), paint, _INK, 0.04)
    pen.ellipse((0.0, -0.32), (0.24, 0.24), (255, 224, 80), _INK)


def _house(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.8, -0.1), (0.8, -0.1), (0.8, 0.95), (-0.8, 0.95)), (236, 222, 190), _INK)
    pen.polygon(((-1.0, -0.1), (0.0, -0.95), (1.0, -0.1)), paint, _INK)
    pen.polygon(((-0.15, 0.35), (0.25, 0.35), (0.25, 0.95), (-0.15, 0.95)), _WOOD, _INK)
    for left in (-0.62, 0.4):
        pen.polygon(
            ((left, 0.15), (left + 0.26, 0.15), (left + 0.26, 0.5), (left, 0.5)),
            (110, 170, 210),
            _INK,
        )


def _car(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-0.55, -0.1), (-0.35, -0.55), (0.35, -0.55), (0.6, -0.1)), (150, 200, 230), _INK)
    pen.polygon(((-1.0, -0.1), (0.9, -0.12), (1.0, 0.3), (-1.0, 0.3)), paint, _INK)
    for x in (-0.5, 0.55):
        pen.ellipse((x, 0.32), (0.24, 0.24), _INK)
        pen.ellipse((x, 0.32), (0.1, 0.1), (190, 190, 190))


def _fence(pen: Pen, paint: Colour) -> None:
    for y in (-0.12, 0.3):
        pen.polygon(((-1.0, y - 0.08), (1.0, y - 0.08), (1.0, y + 0.08), (-1.0, y + 0.08)), _WOOD)
    for x in (-0.82, -0.41, 0.0, 0.41, 0.82):
        post = ((x - 0.14, -0.4), (x, -0.6), (x + 0.14, -0.4), (x + 0.14, 0.6), (x - 0.14, 0.6))
        pen.polygon(post, (214, 176, 120), _INK)


def _tent(pen: Pen, paint: Colour) -> None:
    pen.polygon(((-1.0, 0.8), (0.0, -0.8), (1.0, 0.8)), paint, _INK)
    pen.polygon(((-0.35, 0.8), (0.0, -0.5), (0.35, 0.8)), shade(paint, 0.4), _INK)
    pen.line(((-0.1, -0.8), (0.1, -0.8)), _INK, 0.1)


def _rabbit(pen: Pen, paint: Colour) -> None:
    fur = (196, 186, 178)
    for x in (0.1, 0.42):
        pen.ellipse((x, -0.66), (0.12, 0.34), fur, _INK)
    pen.ellipse((-0.18, 0.42), (0.58, 0.54), fur, _INK)
    pen.ellipse((0.3, -0.14), (0.36, 0.32), fur, _INK)
    pen.ellipse((-0.7, 0.5), (0.16, 0.16), _WHITE, _INK)
    pen.ellipse((0.42, -0.2), (0.07, 0.08), _INK)


DRAWINGS: Final[dict[str, Callable[[Pen, Colour], None]]] = {
    "bird": _bird,
    "kite": _kite,
    "balloon": _balloon,
    "cloud": _cloud,
    "sun": _sun,
    "boat": _boat,
    "lighthouse": _lighthouse,
    "fish": _fish,
    "tree": _tree,
    "mushroom": _mushroom,
    "flower": _flower,
    "house": _house,
    "car": _car,
    "fence": _fence,
    "tent": _tent,
    "rabbit": _rabbit,
}


def render_scene(scene: Scene, width: int, height: int) -> Image.Image:
    """Draw the scene at a size in pixels; its shorter side should be 72 or more."""
    rng = keyed(scene.texture)
    wide, high = width * OVERSAMPLE, height * OVERSAMPLE
    canvas = draw_background(scene.background, rng, wide, high)
    draw = ImageDraw.Draw(canvas)
    side = min(wide, high)
    left, top = (wide - side) / 2, (high - side) / 2
    for thing in scene.things:
        x, y = left + thing.x * side, top + thing.y * side
        pose = Pose(x, y, side * thing.size / 2, thing.angle, thing.mirrored)
        paint = PAINTS[int(thing.tint * len(PAINTS))]
        DRAWINGS[thing.category](Pen(draw, pose), paint)
    return add_light(canvas.reduce(OVERSAMPLE), rng)
