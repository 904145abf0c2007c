"""Pictures of single birds of the second edition: decided first, then drawn at any size.

Most birds fill the picture. Some are far away and some half hidden: there the multimodal model
names the genus alone or hedges, as real ones do, and small parts cannot be seen.
"""

from typing import Final, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from fieldguide.backgrounds import add_light, draw_background
from fieldguide.keys import Domain, generator, keyed
from fieldguide.pen import OVERSAMPLE, Pen, Pose
from fieldguide.second.bird_drawing import draw_plumage
from fieldguide.second.birds import (
    NAMES,
    SPECIES,
    frequencies,
    individual,
    random_habitat,
    random_plumage,
)
from fieldguide.second.species import Plumage

Visibility = Literal["clear", "distant", "hidden"]
VISIBILITIES: Final[tuple[Visibility, ...]] = ("clear", "distant", "hidden")
DISTANT_SHARE: Final = 0.10
HIDDEN_SHARE: Final = 0.08
SMALL_LEAF_SHARE: Final = 0.25


class Sighting(NamedTuple):
    """One picture to draw. `name` is empty when the attributes were drawn independently."""

    name: str
    plumage: Plumage
    habitat: str
    visibility: Visibility
    offset: tuple[float, float]
    scale: float
    angle: float
    mirrored: bool
    leaf: bool
    texture: int


def sighting(
    domain: Domain,
    seed: int,
    index: int,
    *,
    species: list[str] | None = None,
    independent: bool = False,
) -> Sighting:
    """The picture with this key: of one of the species, or of a bird with independent attributes.

    Args:
        domain: Whom the picture is for; see `fieldguide.keys`.
        seed: Any integer.
        index: The picture's number.
        species: List names to draw from, by their frequencies; all of them when None.
        independent: Draw every attribute independently, without a name or a home.
    """
    kind = "second edition, independent bird" if independent else "second edition, bird"
    rng = generator(domain, seed, kind, index)
    if independent:
        name, plumage, habitat = "", random_plumage(rng), random_habitat(rng)
    else:
        names = species or list(NAMES)
        name = names[int(rng.choice(len(names), p=frequencies(names)))]
        plumage, habitat = individual(name, rng), random_habitat(rng, SPECIES[name].home)
    draw = rng.random()
    visibility: Visibility = "clear"
    if draw < DISTANT_SHARE:
        visibility = "distant"
    elif draw < DISTANT_SHARE + HIDDEN_SHARE:
        visibility = "hidden"
    scale = 0.19 + 0.03 * rng.random() if visibility == "distant" else 0.35 + 0.06 * rng.random()
    return Sighting(
        name=name,
        plumage=plumage,
        habitat=habitat,
        visibility=visibility,
        offset=(0.1 * (rng.random() - 0.5), 0.1 * (rng.random() - 0.5)),
        scale=scale,
        angle=30.0 * (rng.random() - 0.5),
        mirrored=bool(rng.random() < 0.5),
        leaf=bool(rng.random() < SMALL_LEAF_SHARE),
        texture=int(rng.integers(2**63)),
    )


def render_sighting(view: Sighting, width: int, height: int) -> Image.Image:
    """Draw the view at a size in pixels; its shorter side should be 96 or more."""
    rng = keyed(view.texture)
    canvas_size = (width * OVERSAMPLE, height * OVERSAMPLE)
    canvas = draw_background(view.habitat, rng, *canvas_size)
    draw = ImageDraw.Draw(canvas)
    side = min(canvas_size)
    x, y = (
        length / 2 + side * shift for length, shift in zip(canvas_size, view.offset, strict=True)
    )
    draw_plumage(Pen(draw, Pose(x, y, side * view.scale, view.angle, view.mirrored)), view.plumage)
    if view.visibility == "hidden":
        _draw_leaf(draw, rng, (x, y), side, (0.2, 0.16))
    elif view.leaf:
        _draw_leaf(draw, rng, (width * OVERSAMPLE / 2, height * OVERSAMPLE / 2), side, (0.8, 0.05))
    return add_light(canvas.reduce(OVERSAMPLE), rng)


def _draw_leaf(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    around: tuple[float, float],
    side: int,
    spread_and_size: tuple[float, float],
) -> None:
    """A leaf in front of the bird, at random within a spread around a point."""
    spread, size = spread_and_size
    dx, dy = rng.random(2) - 0.5
    pose = Pose(
        around[0] + spread * side * dx,
        around[1] + spread * side * dy,
        side * size * (1 + 0.5 * rng.random()),
        360 * rng.random(),
    )
    tone = (70 + int(60 * rng.random()), 120 + int(40 * rng.random()), 50)
    pen = Pen(draw, pose)
    pen.polygon(((-1, 0), (-0.4, -0.6), (0.3, -0.55), (1, 0), (0.3, 0.55), (-0.4, 0.6)), tone)
    pen.line(((-1, 0), (1, 0)), (50, 84, 36), 0.12)
