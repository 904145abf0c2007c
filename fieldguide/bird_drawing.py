"""How a bird looks: one function for each part, each attribute value a different shape or colour.

Unit space: the bird faces right, its body in the middle. Crest and beak are drawn large and with a
dark edge, because they cover the fewest pixels and are the last thing a model learns.
"""

from collections.abc import Callable
from typing import Final

from fieldguide.pen import Colour, Pen, Point, shade
from fieldguide.world import Traits

BODY: Final[dict[str, Colour]] = {
    "red": (208, 38, 38),
    "blue": (44, 92, 214),
    "yellow": (240, 206, 40),
    "green": (40, 150, 62),
    "purple": (136, 52, 176),
    "brown": (128, 78, 40),
}
BELLY: Final[dict[str, Colour]] = {
    "white": (248, 248, 248),
    "orange": (250, 132, 20),
    "black": (22, 22, 26),
    "pink": (255, 150, 190),
}
_INK: Final[Colour] = (18, 16, 22)
_BEAK: Final[Colour] = (255, 226, 90)
_CREST: Final[Colour] = (64, 236, 236)
_PATTERN: Final[Colour] = (250, 246, 232)

_BEAKS: Final[dict[str, tuple[Point, ...]]] = {
    "short": ((0.54, -0.47), (0.82, -0.32), (0.54, -0.17)),
    "long": ((0.54, -0.45), (1.2, -0.33), (0.54, -0.2)),
    "hooked": (
        (0.52, -0.5),
        (0.8, -0.52),
        (1.0, -0.38),
        (1.02, 0.06),
        (0.84, -0.14),
        (0.72, -0.2),
        (0.54, -0.18),
    ),
}
_TAILS: Final[dict[str, tuple[Point, ...]]] = {
    "square": ((-0.3, -0.02), (-0.98, -0.06), (-0.98, 0.26), (-0.3, 0.24)),
    "forked": (
        (-0.28, 0.0),
        (-1.08, -0.34),
        (-0.98, -0.06),
        (-0.62, 0.12),
        (-0.98, 0.3),
        (-1.08, 0.58),
        (-0.28, 0.26),
    ),
    "fan": (
        (-0.3, 0.06),
        (-0.72, -0.5),
        (-0.94, -0.3),
        (-1.06, -0.04),
        (-1.08, 0.26),
        (-0.98, 0.54),
        (-0.74, 0.72),
        (-0.3, 0.2),
    ),
}
_FEATHERS: Final[dict[str, tuple[tuple[Point, Point], ...]]] = {
    "square": (((-0.8, -0.04), (-0.8, 0.25)),),
    "forked": (((-0.8, -0.14), (-0.88, -0.24)), ((-0.8, 0.3), (-0.88, 0.44))),
    "fan": (
        ((-0.4, 0.1), (-0.76, -0.34)),
        ((-0.42, 0.12), (-0.98, 0.02)),
        ((-0.42, 0.14), (-0.98, 0.36)),
        ((-0.4, 0.16), (-0.78, 0.56)),
    ),
}
_WING: Final[tuple[Point, ...]] = (
    (0.3, -0.02),
    (0.26, -0.2),
    (0.0, -0.32),
    (-0.34, -0.3),
    (-0.68, -0.12),
    (-0.4, 0.1),
    (-0.08, 0.22),
    (0.16, 0.18),
)


def draw_bird(pen: Pen, traits: Traits) -> None:
    """Draw a whole bird; later parts cover earlier ones."""
    body = BODY[traits.body]
    _draw_tail(pen, traits.tail, shade(body, 0.75))
    _draw_legs(pen)
    _draw_crest(pen, traits.crest)
    _draw_body(pen, body, BELLY[traits.belly])
    _draw_wing(pen, traits.wings, shade(body, 0.5))
    pen.polygon(_BEAKS[traits.beak], _BEAK, _INK, 0.05)
    pen.ellipse((0.42, -0.36), (0.26, 0.25), body, _INK, 0.04)
    pen.ellipse((0.5, -0.41), (0.08, 0.08), (255, 255, 255))
    pen.ellipse((0.52, -0.41), (0.045, 0.05), _INK)


def _draw_tail(pen: Pen, tail: str, colour: Colour) -> None:
    pen.polygon(_TAILS[tail], colour, _INK, 0.05)
    for start, end in _FEATHERS[tail]:
        pen.line((start, end), _PATTERN, 0.06)


def _draw_legs(pen: Pen) -> None:
    for x in (-0.08, 0.1):
        pen.line(((x, 0.44), (x - 0.02, 0.78), (x + 0.12, 0.8)), (60, 44, 30), 0.05)


def _draw_crest(pen: Pen, crest: str) -> None:
    if crest == "pointed":
        spikes = ((0.2, -0.4), (-0.14, -0.9), (0.26, -0.68), (0.3, -1.12), (0.5, -0.68))
        pen.polygon((*spikes, (0.74, -0.98), (0.62, -0.42)), _CREST, _INK, 0.05)
    elif crest == "round":
        pen.ellipse((0.36, -0.74), (0.3, 0.27), _CREST, _INK, 0.05)


def _draw_body(pen: Pen, body: Colour, belly: Colour) -> None:
    pen.ellipse((0.0, 0.1), (0.52, 0.4), body, _INK, 0.04)
    pen.ellipse((0.12, 0.3), (0.34, 0.2), belly, _INK, 0.03)


def _draw_wing(pen: Pen, wings: str, colour: Colour) -> None:
    pen.polygon(_WING, colour, _INK, 0.04)
    patterns: dict[str, Callable[[Pen], None]] = {
        "striped": _draw_stripes,
        "spotted": _draw_spots,
        "barred": _draw_bars,
    }
    if wings in patterns:
        patterns[wings](pen)


def _draw_stripes(pen: Pen) -> None:
    """Along the wing."""
    for start, end in (
        ((0.2, -0.14), (-0.4, -0.2)),
        ((0.22, -0.01), (-0.56, -0.1)),
        ((0.14, 0.12), (-0.34, 0.02)),
    ):
        pen.line((start, end), _PATTERN, 0.065)


def _draw_spots(pen: Pen) -> None:
    for centre in ((0.14, -0.12), (-0.12, -0.2), (-0.4, -0.17), (0.06, 0.09), (-0.2, 0.03)):
        pen.ellipse(centre, (0.075, 0.075), _PATTERN)


def _draw_bars(pen: Pen) -> None:
    """Across the wing."""
    for top, bottom in (
        ((0.16, -0.24), (0.1, 0.17)),
        ((-0.1, -0.28), (-0.14, 0.16)),
        ((-0.36, -0.26), (-0.4, 0.06)),
    ):
        pen.line((top, bottom), _PATTERN, 0.1)
