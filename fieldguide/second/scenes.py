"""The scenes of the second edition: 40 categories of very different frequency in ten contexts.

Contexts are unequally frequent and so are the things in them, so that a category is in one scene of
four or in one of a hundred. A third of the categories is hardly ever named in CLIP's captions.
"""

from typing import Final, NamedTuple

from fieldguide.keys import Domain, generator
from fieldguide.scenes import STRAY_BACKGROUND, Box, draw_categories, place

CONTEXT_SHARES: Final[dict[str, float]] = {
    "street": 0.2,
    "harbour": 0.16,
    "garden": 0.15,
    "meadow": 0.12,
    "forest": 0.12,
    "mountain": 0.08,
    "shore": 0.07,
    "desert": 0.04,
    "marsh": 0.04,
    "snow": 0.02,
}
# How often each category is in a scene of the context; those left out never are.
CONTEXTS: Final[dict[str, dict[str, float]]] = {
    "street": {
        "car": 0.75, "house": 0.65, "lamp": 0.35, "bicycle": 0.28, "tree": 0.3, "cloud": 0.25,
        "bench": 0.15, "cat": 0.12, "umbrella": 0.08, "fence": 0.15, "bird": 0.1, "train": 0.04,
        "plane": 0.03, "bell": 0.02,
    },
    "harbour": {
        "boat": 0.7, "bird": 0.45, "lighthouse": 0.4, "cloud": 0.4, "anchor": 0.2, "barrel": 0.2,
        "fish": 0.25, "sun": 0.25, "house": 0.15, "bridge": 0.06, "bell": 0.02,
    },
    "garden": {
        "flower": 0.7, "fence": 0.45, "tree": 0.35, "house": 0.35, "bird": 0.3, "sun": 0.3,
        "bench": 0.22, "cat": 0.25, "butterfly": 0.2, "rabbit": 0.12, "ladder": 0.06, "well": 0.05,
        "snail": 0.04, "rainbow": 0.02,
    },
    "meadow": {
        "horse": 0.4, "barn": 0.3, "fence": 0.35, "flower": 0.35, "cloud": 0.3, "tractor": 0.2,
        "sun": 0.3, "kite": 0.2, "balloon": 0.12, "windmill": 0.08, "butterfly": 0.12,
        "rainbow": 0.04, "duck": 0.06, "well": 0.03,
    },
    "forest": {
        "tree": 0.85, "mushroom": 0.4, "bird": 0.35, "rabbit": 0.3, "tent": 0.2, "flower": 0.15,
        "butterfly": 0.06, "snail": 0.06, "moon": 0.04, "ladder": 0.02,
    },
    "mountain": {
        "cloud": 0.5, "tree": 0.45, "tent": 0.35, "sun": 0.35, "bird": 0.25, "house": 0.2,
        "bridge": 0.15, "balloon": 0.12, "horse": 0.1, "train": 0.06, "rainbow": 0.05,
        "plane": 0.04,
    },
    "shore": {
        "sun": 0.55, "umbrella": 0.4, "boat": 0.35, "palm": 0.3, "bird": 0.3, "kite": 0.2,
        "cloud": 0.2, "fish": 0.15, "anchor": 0.06,
    },
    "desert": {
        "cactus": 0.7, "sun": 0.5, "palm": 0.3, "tent": 0.2, "balloon": 0.12, "barrel": 0.12,
        "well": 0.1, "moon": 0.08, "plane": 0.06,
    },
    "marsh": {
        "duck": 0.6, "bird": 0.4, "fish": 0.25, "boat": 0.2, "cloud": 0.2, "flower": 0.15,
        "snail": 0.12, "bridge": 0.12, "moon": 0.1,
    },
    "snow": {
        "house": 0.5, "tree": 0.5, "moon": 0.3, "lamp": 0.25, "fence": 0.2, "bell": 0.2,
        "train": 0.1, "barrel": 0.1, "ladder": 0.1, "cat": 0.1,
    },
}  # fmt: skip
CATEGORIES: Final = (
    "bird", "kite", "balloon", "cloud", "sun", "moon", "rainbow", "plane", "boat", "lighthouse",
    "fish", "duck", "anchor", "tree", "palm", "cactus", "mushroom", "flower", "house", "barn",
    "windmill", "bridge", "well", "car", "bicycle", "train", "tractor", "fence", "bench", "lamp",
    "ladder", "barrel", "bell", "umbrella", "tent", "rabbit", "cat", "horse", "snail", "butterfly",
)  # fmt: skip
# What captions leave out: things of the background and small gear, common and rare ones.
UNSAID: Final = frozenset(
    ("cloud", "fence", "lamp", "bench", "barrel", "barn", "bridge", "anchor", "moon", "well",
     "ladder", "snail", "bell")
)  # fmt: skip
# How often captions tell of one of these, beside a thing that is not among them.
UNSAID_RATE: Final = 0.04
# What things have in common: the phrase that finishes "something that ..." and who it fits.
SHARED: Final[dict[str, tuple[str, ...]]] = {
    "flies": ("bird", "kite", "balloon", "plane", "duck", "butterfly"),
    "is in the sky": ("bird", "kite", "balloon", "cloud", "sun", "moon", "rainbow", "plane"),
    "is made of cloth": ("kite", "boat", "umbrella", "tent"),
    "grows": ("tree", "palm", "cactus", "mushroom", "flower"),
    "is an animal": ("bird", "fish", "duck", "rabbit", "cat", "horse", "snail", "butterfly"),
    "belongs to the water": ("boat", "lighthouse", "fish", "duck", "anchor"),
    "is a building": ("lighthouse", "house", "barn", "windmill"),
    "carries people": ("balloon", "plane", "boat", "car", "bicycle", "train", "tractor", "horse"),
    "is made of wood": ("boat", "tree", "barn", "fence", "bench", "ladder", "barrel"),
    "is made of metal": (
        "plane", "anchor", "car", "bicycle", "train", "tractor", "lamp", "bell",
    ),
    "people sleep in": ("house", "tent"),
    "gives light": ("sun", "moon", "lighthouse", "lamp"),
    "has wheels": ("car", "bicycle", "train", "tractor"),
    "people sit on": ("bicycle", "bench", "horse"),
    "holds water": ("well", "barrel"),
    "is an arch": ("rainbow", "bridge"),
}  # fmt: skip
SKY: Final = frozenset(SHARED["is in the sky"])
# Width and height of each drawing in its own unit space, where 2 is the full size of the thing.
EXTENT: Final[dict[str, tuple[float, float]]] = {
    "bird": (2.0, 1.3), "kite": (1.5, 2.0), "balloon": (1.5, 2.0), "cloud": (2.0, 1.1),
    "sun": (2.0, 2.0), "moon": (1.3, 1.8), "rainbow": (2.0, 1.1), "plane": (2.0, 1.0),
    "boat": (2.0, 2.0), "lighthouse": (1.3, 2.0), "fish": (2.0, 1.1), "duck": (2.0, 1.4),
    "anchor": (1.5, 2.0), "tree": (1.5, 2.0), "palm": (1.9, 2.0), "cactus": (1.4, 2.0),
    "mushroom": (1.7, 1.8), "flower": (1.5, 2.0), "house": (2.0, 1.9), "barn": (2.0, 1.7),
    "windmill": (2.0, 2.0), "bridge": (2.0, 1.0), "well": (1.6, 2.0), "car": (2.0, 1.1),
    "bicycle": (2.0, 1.3), "train": (2.0, 1.2), "tractor": (2.0, 1.6), "fence": (2.0, 1.2),
    "bench": (2.0, 1.2), "lamp": (0.8, 2.0), "ladder": (0.9, 2.0), "barrel": (1.3, 1.7),
    "bell": (1.5, 1.8), "umbrella": (2.0, 1.9), "tent": (2.0, 1.6), "rabbit": (1.6, 2.0),
    "cat": (1.6, 1.9), "horse": (2.0, 1.8), "snail": (2.0, 1.2), "butterfly": (1.9, 1.5),
}  # fmt: skip


class Item(NamedTuple):
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
        """Left, top, right, bottom of the drawing, as shares of the central square."""
        wide, high = EXTENT[self.category]
        half_width, half_height = wide * self.size / 4, high * self.size / 4
        return (
            self.x - half_width,
            self.y - half_height,
            self.x + half_width,
            self.y + half_height,
        )


class Sight(NamedTuple):
    """One scene to draw: where it is, what is there."""

    context: str
    background: str
    items: tuple[Item, ...]
    texture: int

    @property
    def categories(self) -> list[str]:
        """The categories present, in the order of CATEGORIES."""
        present = {item.category for item in self.items}
        return [category for category in CATEGORIES if category in present]


def sight(domain: Domain, seed: int, index: int) -> Sight:
    """The scene with this key."""
    rng = generator(domain, seed, "second edition, scene", index)
    names = list(CONTEXTS)
    context = names[int(rng.choice(len(names), p=list(CONTEXT_SHARES.values())))]
    background = names[rng.integers(len(names))] if rng.random() < STRAY_BACKGROUND else context
    items: list[Item] = []
    for category in draw_categories(rng, CONTEXTS[context]):
        items.append(place(Item, category, category in SKY, items, rng))
    return Sight(context, background, tuple(items), int(rng.integers(2**63)))
