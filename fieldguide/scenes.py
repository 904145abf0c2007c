"""The scenes: 16 categories of things, the contexts they occur in, and what they have in common.

One to five things are in a scene. Which ones depends on the context, so that categories co-occur
in a pattern that text can describe; the backgrounds of contexts get mixed up, so that the
background alone does not decide.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np

from fieldguide.keys import Domain, generator

# How often each category is in a scene of the context; those left out never are.
CONTEXTS: Final[dict[str, dict[str, float]]] = {
    "harbour": {
        "boat": 0.7,
        "lighthouse": 0.5,
        "fish": 0.5,
        "bird": 0.45,
        "cloud": 0.4,
        "sun": 0.3,
        "house": 0.15,
        "kite": 0.1,
    },
    "forest": {
        "tree": 0.8,
        "mushroom": 0.6,
        "rabbit": 0.4,
        "bird": 0.35,
        "tent": 0.25,
        "flower": 0.15,
        "cloud": 0.1,
    },
    "garden": {
        "flower": 0.7,
        "fence": 0.55,
        "house": 0.4,
        "rabbit": 0.35,
        "tree": 0.3,
        "bird": 0.3,
        "sun": 0.3,
        "mushroom": 0.1,
    },
    "street": {
        "car": 0.75,
        "house": 0.65,
        "fence": 0.35,
        "tree": 0.3,
        "cloud": 0.3,
        "balloon": 0.1,
        "bird": 0.1,
    },
    "meadow": {
        "kite": 0.55,
        "balloon": 0.5,
        "tent": 0.45,
        "flower": 0.35,
        "sun": 0.35,
        "cloud": 0.3,
        "rabbit": 0.15,
        "car": 0.1,
    },
    "mountain": {
        "cloud": 0.5,
        "tree": 0.45,
        "tent": 0.4,
        "sun": 0.35,
        "bird": 0.3,
        "balloon": 0.2,
        "house": 0.2,
        "rabbit": 0.1,
    },
}
CATEGORIES: Final = (
    "bird",
    "kite",
    "balloon",
    "cloud",
    "sun",
    "boat",
    "lighthouse",
    "fish",
    "tree",
    "mushroom",
    "flower",
    "house",
    "car",
    "fence",
    "tent",
    "rabbit",
)
# What things have in common: the phrase that finishes "something that ..." and who it fits.
SHARED: Final[dict[str, tuple[str, ...]]] = {
    "flies": ("bird", "kite", "balloon"),
    "is in the sky": ("bird", "kite", "balloon", "cloud", "sun"),
    "is made of cloth": ("kite", "tent", "boat"),
    "grows": ("tree", "mushroom", "flower"),
    "is an animal": ("bird", "fish", "rabbit"),
    "belongs to the water": ("boat", "fish", "lighthouse"),
    "is a building": ("house", "lighthouse"),
    "carries people": ("boat", "car", "balloon"),
    "is made of wood": ("fence", "boat", "tree"),
    "people sleep in": ("house", "tent"),
}
SKY: Final = frozenset(SHARED["is in the sky"])
MOST_THINGS: Final = 5
STRAY_BACKGROUND: Final = 0.3
# Width and height of each drawing in its own unit space, where 2 is the full size of the thing.
EXTENT: Final[dict[str, tuple[float, float]]] = {
    "bird": (2.0, 1.3),
    "kite": (1.5, 2.0),
    "balloon": (1.5, 2.0),
    "cloud": (2.0, 1.1),
    "sun": (2.0, 2.0),
    "boat": (2.0, 2.0),
    "lighthouse": (1.3, 2.0),
    "fish": (2.0, 1.1),
    "tree": (1.5, 2.0),
    "mushroom": (1.7, 1.8),
    "flower": (1.5, 2.0),
    "house": (2.0, 1.9),
    "car": (2.0, 1.1),
    "fence": (2.0, 1.2),
    "tent": (2.0, 1.6),
    "rabbit": (1.6, 2.0),
}

Box = tuple[float, float, float, float]


class HasBox(Protocol):
    """Something in a scene."""

    @property
    def box(self) -> Box:
        """Left, top, right, bottom as shares of the central square."""
        ...


Placed = TypeVar("Placed", bound=HasBox)


class Thing(NamedTuple):
    """One object: where its centre is and how big it is, as shares of the central square."""

    category: str
    x: float
    y: float
    size: float
    angle: float
    mirrored: bool
    tint: float

    @property
    def box(self) -> Box:
        """Left, top, right, bottom as shares of the central square; the turn is neglected."""
        wide, high = EXTENT[self.category]
        half = (self.size * wide / 4, self.size * high / 4)
        return self.x - half[0], self.y - half[1], self.x + half[0], self.y + half[1]


class Scene(NamedTuple):
    """A picture of several things. `background` is the context's own in most scenes."""

    context: str
    background: str
    things: tuple[Thing, ...]
    texture: int

    @property
    def categories(self) -> list[str]:
        """The categories present, in the order of CATEGORIES."""
        present = {thing.category for thing in self.things}
        return [category for category in CATEGORIES if category in present]


def scene(domain: Domain, seed: int, index: int) -> Scene:
    """The scene with this key."""
    rng = generator(domain, seed, "scene", index)
    names = list(CONTEXTS)
    context = names[rng.integers(len(names))]
    background = names[rng.integers(len(names))] if rng.random() < STRAY_BACKGROUND else context
    things: list[Thing] = []
    for category in draw_categories(rng, CONTEXTS[context]):
        things.append(place(Thing, category, category in SKY, things, rng))
    return Scene(context, background, tuple(things), int(rng.integers(2**63)))


def draw_categories(rng: np.random.Generator, shares: dict[str, float]) -> list[str]:
    """What is there of a context's categories, each by its share; something is."""
    while True:
        drawn = [category for category, share in shares.items() if rng.random() < share]
        if drawn:
            order = rng.permutation(len(drawn))
            return [drawn[place] for place in order[:MOST_THINGS]]


def place(
    kind: Callable[..., Placed],
    category: str,
    in_sky: bool,
    others: Sequence[Placed],
    rng: np.random.Generator,
) -> Placed:
    """The place with least overlap among a few: things of the sky above, the rest below.

    Args:
        kind: makes a thing, with the fields of `Thing`.
        category: of it.
        in_sky: whether it belongs above.
        others: that are there.
        rng: draws.
    """
    low, high = (0.18, 0.45) if in_sky else (0.45, 0.82)
    size = 0.3 + 0.14 * rng.random()
    turn, mirrored, tint = 16 * (rng.random() - 0.5), bool(rng.random() < 0.5), rng.random()
    best, least = None, np.inf
    for x, y in rng.random((24, 2)):
        thing = kind(
            category, 0.18 + 0.64 * x, low + (high - low) * y, size, turn, mirrored, float(tint)
        )
        overlap = sum(_overlap(thing.box, other.box) for other in others)
        if overlap < least:
            best, least = thing, overlap
        if least == 0:
            break
    assert best is not None
    return best


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)
