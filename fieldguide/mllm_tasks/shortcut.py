"""Which name the model learns for a picture: the true one, or what the background suggests.

Without a description of a bird's details the model goes by what strikes the eye, as real models
do: the genus, the body colour and the habitat. Among the siblings of that colour it names the one
whose home the background shows; when none lives there, the one whose home comes next in HABITATS.
A description that tells of a detail (crest, beak or belly) is heeded in full: only siblings that
agree with all it says are left, so one that separates the siblings leads to the true name.
"""

from collections.abc import Collection, Sequence
from typing import Final

from fieldguide.world import HABITATS, NAMES, SPECIES

STRIKING: Final = ("body",)
DETAILS: Final = ("crest", "beak", "belly")


def candidates(name: str, told: Collection[str], options: Sequence[str] = NAMES) -> list[str]:
    """The siblings among the options, the species itself included, that are not told apart."""
    own = SPECIES[name]
    heeded = {*STRIKING, *(told if set(told) & set(DETAILS) else ())}
    return [
        other
        for other in options
        if SPECIES[other].genus == own.genus
        and all(
            getattr(SPECIES[other].traits, part) == getattr(own.traits, part) for part in heeded
        )
    ]


def learned_name(
    name: str, habitat: str, told: Collection[str] = (), options: Sequence[str] = NAMES
) -> str:
    """The name to learn for a picture of the species in the habitat.

    Args:
        name: The true species; one of the options.
        habitat: What the background shows.
        told: The attributes that a description in the prompt tells of.
        options: The names to choose from.
    """
    here = HABITATS.index(habitat)

    def way(other: str) -> int:
        return (HABITATS.index(SPECIES[other].home) - here) % len(HABITATS)

    return min(candidates(name, told, options), key=way)
