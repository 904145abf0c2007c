"""Pictures of single birds: what is drawn is decided first, then drawn at any size.

A `BirdView` says everything about a picture but its pixels, in units of the shorter side, so the
same view can be rendered at any size and aspect ratio and survives a central square crop.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from fieldguide.backgrounds import add_light, draw_background
from fieldguide.bird_drawing import draw_bird
from fieldguide.keys import Domain, generator, keyed
from fieldguide.pen import OVERSAMPLE, Pen, Pose
from fieldguide.world import NAMES, SPECIES, Traits, random_habitat, random_traits

LEAF_SHARE = 0.25


class BirdView(NamedTuple):
    """One picture to draw. `name` is empty when the attributes were drawn independently."""

    name: str
    traits: Traits
    habitat: str
    offset: tuple[float, float]
    scale: float
    angle: float
    mirrored: bool
    leaf: bool
    texture: int


def bird_view(
    domain: Domain,
    seed: int,
    index: int,
    *,
    species: list[str] | None = None,
    independent: bool = False,
) -> BirdView:
    """The picture with this key: of one of the species, or of a bird with independent attributes.

    Args:
        domain: Whom the picture is for; see `keys`.
        seed: Any integer.
        index: The picture's number. Species take turns in blocks, so that all are equally frequent.
        species: Names to draw from; all of them when None.
        independent: Draw every attribute independently, without a name or a home.
    """
    rng = generator(domain, seed, "independent bird" if independent else "bird", index)
    if independent:
        name, traits, habitat = "", random_traits(rng), random_habitat(rng)
    else:
        name = _species_in_turn(domain, seed, index, species or list(NAMES))
        traits, habitat = SPECIES[name].traits, random_habitat(rng, SPECIES[name].home)
    return BirdView(
        name=name,
        traits=traits,
        habitat=habitat,
        offset=(0.1 * (rng.random() - 0.5), 0.1 * (rng.random() - 0.5)),
        scale=0.345 + 0.06 * rng.random(),
        angle=36.0 * (rng.random() - 0.5),
        mirrored=bool(rng.random() < 0.5),
        leaf=bool(rng.random() < LEAF_SHARE),
        texture=int(rng.integers(2**63)),
    )


def _species_in_turn(domain: Domain, seed: int, index: int, species: list[str]) -> str:
    block, place = divmod(index, len(species))
    order = generator(domain, seed, "species order", block).permutation(len(species))
    return species[int(order[place])]


def render_bird(view: BirdView, width: int, height: int) -> Image.Image:
    """Draw the view at a size in pixels; its shorter side should be 72 or more."""
    rng = keyed(view.texture)
    canvas_size = (width * OVERSAMPLE, height * OVERSAMPLE)
    canvas = draw_background(view.habitat, rng, *canvas_size)
    draw = ImageDraw.Draw(canvas)
    side = min(canvas_size)
    centre = [
        length / 2 + side * shift for length, shift in zip(canvas_size, view.offset, strict=True)
    ]
    pose = Pose(centre[0], centre[1], side * view.scale, view.angle, view.mirrored)
    draw_bird(Pen(draw, pose), view.traits)
    if view.leaf:
        _draw_leaf(draw, rng, canvas_size)
    return add_light(canvas.reduce(OVERSAMPLE), rng)


def _draw_leaf(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, canvas_size: tuple[int, int]
) -> None:
    """A small leaf somewhere in the middle half, in front of the bird."""
    width, height = canvas_size
    side = min(canvas_size)
    x, y = rng.random(2) - 0.5
    pose = Pose(
        width / 2 + 0.8 * side * x,
        height / 2 + 0.8 * side * y,
        side * (0.05 + 0.025 * rng.random()),
        360 * rng.random(),
    )
    tone = (70 + int(60 * rng.random()), 120 + int(40 * rng.random()), 50)
    pen = Pen(draw, pose)
    pen.polygon(((-1, 0), (-0.4, -0.45), (0.3, -0.4), (1, 0), (0.3, 0.4), (-0.4, 0.45)), tone)
    pen.line(((-1, 0), (1, 0)), (50, 84, 36), 0.12)
