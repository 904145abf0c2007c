"""What is on a picture, in words, for the tasks to ask about."""

from typing import NamedTuple

import numpy as np

from fieldguide.second.bird_views import VISIBILITIES, Visibility
from fieldguide.second.birds import ATTRIBUTES, HABITATS, NAMES
from fieldguide.second.pools import Pictures
from fieldguide.second.scenes import CATEGORIES
from fieldguide.second.species import Plumage


class PictureFacts(NamedTuple):
    """`name` is empty for birds with independent attributes and for scenes."""

    plumage: Plumage
    name: str
    habitat: str
    visibility: Visibility
    categories: tuple[str, ...] = ()


def facts_of(pool: Pictures, row: int) -> PictureFacts:
    """The facts of a picture of a pool."""
    plumage = Plumage(
        *(
            values[place]
            for values, place in zip(ATTRIBUTES.values(), pool.traits[row], strict=True)
        )
    )
    there = tuple(CATEGORIES[place] for place in np.flatnonzero(pool.categories[row]))
    species = int(pool.species[row])
    name = NAMES[species] if species >= 0 and not there else ""
    return PictureFacts(
        plumage,
        name,
        HABITATS[int(pool.habitat[row])],
        VISIBILITIES[int(pool.visibility[row])],
        there,
    )
