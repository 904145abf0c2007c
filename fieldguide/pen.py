"""A pen over a Pillow canvas: shapes given in their own unit space, placed by a pose.

Everything is drawn at twice the wanted size and reduced afterwards, which smooths the edges.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]
OVERSAMPLE: Final = 2
_CIRCLE: Final[tuple[Point, ...]] = tuple(
    (math.cos(2 * math.pi * step / 18), math.sin(2 * math.pi * step / 18)) for step in range(18)
)


class Pose(NamedTuple):
    """Where a drawing lands: its centre and size in pixels, its turn in degrees, mirrored or not.

    Unit space runs from -1 to 1 in both directions, y downwards; `size` is the pixels of one unit.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0
    mirrored: bool = False


class Pen:
    """Draws polygons, ellipses and lines of one posed object."""

    def __init__(self, draw: ImageDraw.ImageDraw, pose: Pose) -> None:
        self._draw = draw
        turn = math.radians(pose.angle)
        sign = -1.0 if pose.mirrored else 1.0
        self._xx, self._xy = sign * pose.size * math.cos(turn), -pose.size * math.sin(turn)
        self._yx, self._yy = sign * pose.size * math.sin(turn), pose.size * math.cos(turn)
        self._x, self._y, self._size = pose.x, pose.y, pose.size

    def _place(self, points: Sequence[Point]) -> list[Point]:
        return [
            (self._x + self._xx * x + self._xy * y, self._y + self._yx * x + self._yy * y)
            for x, y in points
        ]

    def polygon(
        self, points: Sequence[Point], fill: Colour, edge: Colour | None = None, width: float = 0.05
    ) -> None:
        """A filled polygon, with an outline when an edge colour is given."""
        placed = self._place(points)
        self._draw.polygon(placed, fill=fill)
        if edge is not None:
            pixels = max(1, round(width * self._size))
            self._draw.line([*placed, placed[0]], fill=edge, width=pixels)

    def ellipse(
        self,
        centre: Point,
        radii: Point,
        fill: Colour,
        edge: Colour | None = None,
        width: float = 0.05,
    ) -> None:
        """An ellipse along the axes of unit space."""
        points = [(centre[0] + radii[0] * x, centre[1] + radii[1] * y) for x, y in _CIRCLE]
        self.polygon(points, fill, edge, width)

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """An open line of the given width in units."""
        pixels = max(1, round(width * self._size))
        self._draw.line(self._place(points), fill=fill, width=pixels)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter (factor > 1)."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in colour)
    return red, green, blue
