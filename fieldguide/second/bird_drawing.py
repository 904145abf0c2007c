"""How a bird of the second edition looks: the whole in three builds, marks, and small parts.

Unit space: the bird faces right. Small parts cover a few pixels of a picture of 72, a few more of
one of 96, as what tells real siblings apart does.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fieldguide.pen import Colour, Pen, Point, shade
from fieldguide.second.species import Plumage

BODY: Final[dict[str, Colour]] = {
    "red": (206, 40, 40),
    "blue": (44, 92, 214),
    "yellow": (238, 208, 44),
    "green": (40, 150, 62),
    "purple": (140, 54, 180),
    "brown": (124, 78, 44),
    "grey": (134, 138, 146),
    "orange": (242, 128, 26),
}
BELLY: Final[dict[str, Colour]] = {
    "white": (250, 250, 250),
    "cream": (244, 224, 160),
    "black": (24, 24, 28),
    "pink": (255, 150, 190),
    "rust": (168, 76, 30),
}
RING: Final[dict[str, Colour]] = {"white": (252, 252, 252), "red": (236, 24, 60)}
LEGS: Final[dict[str, Colour]] = {
    "black": (26, 24, 28),
    "yellow": (250, 206, 30),
    "red": (222, 44, 44),
}
THROAT: Final[dict[str, Colour]] = {"white": (250, 250, 250), "black": (20, 20, 24)}
_INK: Final[Colour] = (18, 16, 22)
_BEAK: Final[Colour] = (232, 190, 96)
_PATTERN: Final[Colour] = (250, 246, 232)


class Build(NamedTuple):
    """Where the parts of a bird of one build are: body, head, wing scale, feet."""

    body: Point
    radii: Point
    head: Point
    skull: float
    wing: Point
    feet: float


BUILDS: Final[dict[str, Build]] = {
    "slim": Build((0.0, 0.1), (0.62, 0.27), (0.5, -0.16), 0.2, (1.05, 0.72), 0.62),
    "stout": Build((0.0, 0.08), (0.54, 0.48), (0.42, -0.38), 0.26, (0.95, 1.2), 0.8),
    "tall": Build((-0.06, 0.0), (0.44, 0.34), (0.4, -0.72), 0.2, (0.82, 0.95), 1.05),
}
_BEAKS: Final[dict[str, tuple[Point, ...]]] = {
    "short": ((0.14, -0.1), (0.36, 0.0), (0.14, 0.1)),
    "long": ((0.14, -0.08), (0.72, 0.03), (0.14, 0.09)),
    "hooked": ((0.12, -0.11), (0.36, -0.1), (0.46, 0.02), (0.44, 0.22), (0.32, 0.08), (0.12, 0.1)),
}
_TAILS: Final[dict[str, tuple[Point, ...]]] = {
    "square": ((0.0, -0.08), (-0.5, -0.12), (-0.5, 0.16), (0.0, 0.12)),
    "forked": (
        (0.0, -0.08), (-0.62, -0.36), (-0.5, -0.06), (-0.28, 0.02), (-0.5, 0.14), (-0.62, 0.42),
        (0.0, 0.14),
    ),
    "fan": (
        (0.0, -0.02), (-0.34, -0.42), (-0.52, -0.26), (-0.6, 0.0), (-0.56, 0.28), (-0.36, 0.46),
        (0.0, 0.12),
    ),
}  # fmt: skip
_WING: Final[tuple[Point, ...]] = (
    (0.3, 0.0), (0.24, -0.18), (0.0, -0.28), (-0.32, -0.26), (-0.66, -0.08), (-0.4, 0.12),
    (-0.08, 0.22), (0.16, 0.18),
)  # fmt: skip


def draw_plumage(pen: Pen, plumage: Plumage) -> None:
    """Draw a whole bird; later parts cover earlier ones."""
    build, colour = BUILDS[plumage.build], BODY[plumage.body]
    (x, y), (wide, high) = build.body, build.radii
    tail = _moved(_TAILS[plumage.tail], (x - 0.75 * wide, y))
    pen.polygon(tail, shade(colour, 0.72), _INK, 0.04)
    _draw_legs(pen, build, LEGS[plumage.legs])
    if plumage.build == "tall":
        neck = ((x + 0.1, y - 0.1), (0.3, -0.75), (0.5, -0.75), (x + 0.4, y + 0.06))
        pen.polygon(neck, colour, _INK, 0.04)
    pen.ellipse(build.body, build.radii, colour, _INK, 0.04)
    pen.ellipse((x + 0.2 * wide, y + 0.52 * high), (0.62 * wide, 0.42 * high), BELLY[plumage.belly])
    _draw_wing(pen, build, plumage.wings, shade(colour, 0.5))
    _draw_head(pen, build, plumage, colour)


def _draw_head(pen: Pen, build: Build, plumage: Plumage, colour: Colour) -> None:
    (x, y), skull = build.head, build.skull
    if plumage.crest == "pointed":
        spikes = ((0.1, -0.14), (-0.02, -0.52), (-0.1, -0.2), (-0.34, -0.4), (-0.18, -0.04))
        pen.polygon(_moved(spikes, build.head), shade(colour, 0.6), _INK, 0.03)
    elif plumage.crest == "round":
        pen.ellipse((x - 0.06, y - skull - 0.04), (0.17, 0.15), shade(colour, 0.6), _INK, 0.03)
    pen.polygon(_moved(_BEAKS[plumage.beak], build.head), _BEAK, _INK, 0.03)
    pen.ellipse(build.head, (skull, skull), colour, _INK, 0.04)
    if plumage.throat != "none":
        pen.ellipse((x + 0.04, y + 0.72 * skull), (0.15, 0.1), THROAT[plumage.throat], _INK, 0.02)
    eye = (x + 0.05, y - 0.04)
    if plumage.ring != "none":
        pen.ellipse(eye, (0.125, 0.125), RING[plumage.ring], _INK, 0.02)
    pen.ellipse(eye, (0.06, 0.065), _INK)


def _draw_legs(pen: Pen, build: Build, colour: Colour) -> None:
    (x, y), feet = build.body, build.feet
    for foot in (x - 0.1, x + 0.12):
        leg = ((foot, y + 0.5 * build.radii[1]), (foot, feet), (foot + 0.14, feet + 0.02))
        pen.line(leg, _INK, 0.11)
        pen.line(leg, colour, 0.07)


def _draw_wing(pen: Pen, build: Build, wings: str, colour: Colour) -> None:
    def placed(points: Sequence[Point]) -> list[Point]:
        stretched = [(px * build.wing[0], py * build.wing[1]) for px, py in points]
        return _moved(stretched, (build.body[0], build.body[1] - 0.04))

    pen.polygon(placed(_WING), colour, _INK, 0.03)
    if wings in _PATTERNS:
        _PATTERNS[wings](pen, placed)


def _stripes(pen: Pen, placed: Callable[[Sequence[Point]], list[Point]]) -> None:
    """Along the wing."""
    for start, end in (
        ((0.2, -0.12), (-0.38, -0.17)),
        ((0.22, 0.0), (-0.54, -0.07)),
        ((0.14, 0.12), (-0.32, 0.05)),
    ):
        pen.line(placed((start, end)), _PATTERN, 0.06)


def _spots(pen: Pen, placed: Callable[[Sequence[Point]], list[Point]]) -> None:
    for centre in placed(
        ((0.14, -0.1), (-0.12, -0.17), (-0.38, -0.14), (0.06, 0.09), (-0.2, 0.04))
    ):
        pen.ellipse(centre, (0.065, 0.065), _PATTERN)


def _bars(pen: Pen, placed: Callable[[Sequence[Point]], list[Point]]) -> None:
    """Across the wing."""
    for top, bottom in (
        ((0.16, -0.2), (0.1, 0.17)),
        ((-0.1, -0.25), (-0.14, 0.17)),
        ((-0.36, -0.22), (-0.4, 0.08)),
    ):
        pen.line(placed((top, bottom)), _PATTERN, 0.085)


_PATTERNS: Final = {"striped": _stripes, "spotted": _spots, "barred": _bars}


def _moved(points: Sequence[Point], by: Point) -> list[Point]:
    return [(x + by[0], y + by[1]) for x, y in points]
