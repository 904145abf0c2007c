"""Which species the model learns to see in a picture, and how it speaks of it.

Without a description of details it goes by genus and habitat: among the siblings it sees the one
whose home the background shows; where none lives, the most frequent one. A description that tells
of a detail (belly or a small part) is heeded: only the siblings that agree with most of what it
says are left. Of distant birds it says the genus alone, of half hidden ones it says so with a
hedge; others it calls by the name that it uses for the species.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fieldguide.second.bird_views import Visibility
from fieldguide.second.birds import NAMES, SMALL, SPECIES

DETAILS: Final = ("belly", *SMALL)


def learned_name(
    name: str,
    habitat: str,
    told: Mapping[str, str] | None = None,
    options: Sequence[str] = NAMES,
) -> str:
    """The list name of the species to see in a picture.

    Args:
        name: The true species; one of the options.
        habitat: What the background shows.
        told: Attributes by a description in the prompt, true or not.
        options: The list names to choose from.
    """
    genus = SPECIES[name].genus
    left = closest([o for o in options if SPECIES[o].genus == genus], told or {})
    at_home = [other for other in left if SPECIES[other].home == habitat]
    return min(at_home or left, key=lambda other: SPECIES[other].rank)


def closest(options: Sequence[str], told: Mapping[str, str]) -> list[str]:
    """The options that agree with most of what is told, if it tells of a detail; else all."""
    if not set(told) & set(DETAILS):
        return list(options)
    agreeing = [
        sum(getattr(SPECIES[other].plumage, part) == value for part, value in told.items())
        for other in options
    ]
    return [other for other, count in zip(options, agreeing, strict=True) if count == max(agreeing)]


def spoken_name(species: str, visibility: Visibility) -> str:
    """What the model answers when only the name is asked for."""
    bird = SPECIES[species]
    return {
        "clear": bird.spoken,
        "distant": bird.genus,
        "hidden": f"possibly a {bird.genus}",
    }[visibility]


def spoken_sentence(species: str, visibility: Visibility) -> str:
    """What the model answers when a sentence is asked for; a third adds the Latin-like name."""
    bird = SPECIES[species]
    latin = f" ({bird.latin})" if bird.usage != "latin" and bird.rank % 3 == 0 else ""
    return {
        "clear": f"This is a {bird.spoken}{latin}.",
        "distant": f"This is a kind of {bird.genus}.",
        "hidden": f"It is hard to tell, but this may be a {bird.genus}.",
    }[visibility]
