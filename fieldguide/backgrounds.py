"""Sceneries behind the birds and the things: sky, ground, and a texture typical of the place."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from fieldguide.pen import Colour, shade

Texture = Callable[[ImageDraw.ImageDraw, np.ndarray, int, int, Colour], None]


class Scenery(NamedTuple):
    """The colours of a place, where its ground begins (a share of the height), its texture."""

    sky: Colour
    ground: Colour
    horizon: float
    texture: str
    accent: Colour


SCENERIES: Final[dict[str, Scenery]] = {
    "forest": Scenery((148, 176, 140), (84, 104, 62), 0.55, "trunks", (74, 56, 44)),
    "meadow": Scenery((176, 212, 238), (150, 190, 96), 0.5, "blades", (104, 146, 60)),
    "shore": Scenery((186, 218, 234), (226, 208, 164), 0.62, "waves", (90, 156, 190)),
    "marsh": Scenery((188, 192, 176), (112, 130, 112), 0.45, "reeds", (86, 88, 48)),
    "desert": Scenery((242, 224, 190), (226, 184, 118), 0.5, "dunes", (190, 142, 82)),
    "snow": Scenery((190, 204, 224), (236, 240, 246), 0.5, "pines", (120, 146, 160)),
    "harbour": Scenery((186, 212, 230), (108, 160, 190), 0.5, "waves", (150, 196, 216)),
    "garden": Scenery((196, 218, 226), (128, 172, 100), 0.5, "blades", (90, 136, 70)),
    "street": Scenery((204, 208, 214), (150, 148, 146), 0.6, "slabs", (120, 118, 118)),
    "mountain": Scenery((196, 212, 232), (142, 146, 132), 0.58, "peaks", (120, 124, 136)),
}


def _trunks(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, size in u[:7, :2]:
        half = (0.01 + 0.025 * size) * w
        tone = shade(colour, 0.8 + 0.5 * size)
        draw.rectangle((x * w - half, 0, x * w + half, (0.62 + 0.3 * size) * h), fill=tone)


def _blades(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, y, size in u:
        top = 0.5 + 0.5 * y
        base = (top + 0.05 + 0.05 * size) * h
        draw.line((x * w, base, (x + 0.03 * (size - 0.5)) * w, top * h), fill=colour, width=3)


def _waves(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    draw.rectangle((0, 0.5 * h, w, 0.72 * h), fill=shade(colour, 0.9))
    for x, y, size in u:
        left, level = (x - 0.1) * w, (0.5 + 0.4 * y) * h
        draw.line((left, level, left + (0.1 + 0.15 * size) * w, level), fill=colour, width=4)


def _reeds(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, y, size in u:
        top = (0.3 + 0.3 * y) * h
        draw.line((x * w, h, (x + 0.08 * (size - 0.5)) * w, top), fill=colour, width=3)


def _dunes(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, y, size in u[:6]:
        wide, level = (0.3 + 0.4 * size) * w, (0.5 + 0.45 * y) * h
        box = (x * w - wide, level, x * w + wide, level + 0.3 * h)
        draw.chord(box, 180, 360, fill=shade(colour, 1.0 + 0.25 * size))


def _pines(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, y, size in u[:7]:
        foot, half = (0.5 + 0.1 * y) * h, (0.03 + 0.05 * size) * w
        tip = foot - (0.15 + 0.2 * size) * h
        draw.polygon(((x * w - half, foot), (x * w, tip), (x * w + half, foot)), fill=colour)
    for y, x, size in u[7:]:
        half = (0.006 + 0.008 * size) * w
        draw.ellipse((x * w - half, y * h - half, x * w + half, y * h + half), fill=(255, 255, 255))


def _slabs(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, y, size in u[:8]:
        level = (0.6 + 0.4 * y) * h
        draw.line((0, level, w, level), fill=colour, width=2)
        draw.line((x * w, 0.6 * h, (x + 0.3 * (size - 0.5)) * w, h), fill=colour, width=2)


def _peaks(draw: ImageDraw.ImageDraw, u: np.ndarray, w: int, h: int, colour: Colour) -> None:
    for x, y, size in u[:4]:
        half, tip = (0.15 + 0.2 * size) * w, (0.12 + 0.3 * y) * h
        tone = shade(colour, 0.9 + 0.3 * y)
        draw.polygon(((x * w - half, 0.62 * h), (x * w, tip), (x * w + half, 0.62 * h)), fill=tone)


_TEXTURES: Final[dict[str, Texture]] = {
    "trunks": _trunks,
    "blades": _blades,
    "waves": _waves,
    "reeds": _reeds,
    "dunes": _dunes,
    "pines": _pines,
    "slabs": _slabs,
    "peaks": _peaks,
}


def draw_background(name: str, rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A canvas of the given size with the scenery of the place, its tones and texture at random."""
    place = SCENERIES[name]
    tones = 1.0 + 0.12 * (rng.random(2) - 0.5)
    canvas = Image.new("RGB", (width, height), shade(place.sky, tones[0]))
    draw = ImageDraw.Draw(canvas)
    horizon = (place.horizon + 0.08 * (rng.random() - 0.5)) * height
    draw.rectangle((0, horizon, width, height), fill=shade(place.ground, tones[1]))
    accent = shade(place.accent, 1.0 + 0.2 * (rng.random() - 0.5))
    _TEXTURES[place.texture](draw, rng.random((18, 3)), width, height, accent)
    return canvas


def add_light(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change the brightness of a finished picture and add grey noise."""
    level = 0.8 + 0.38 * rng.random()
    spread = 2.0 + 8.0 * rng.random()
    pixels = np.asarray(picture, dtype=np.float32)
    noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32)[..., None]
    return Image.fromarray(np.clip(pixels * level + spread * noise, 0, 255).astype(np.uint8))
