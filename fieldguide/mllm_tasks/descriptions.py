"""Descriptions of birds as sentences: written from attributes and read back."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from fieldguide.world import ATTRIBUTES, Traits

VAGUE: Final = ("body", "wings", "tail")
_SHAPES: Final = {
    "wings": "{} wings",
    "crest": "a {} crest",
    "beak": "a {} beak",
    "tail": "a {} tail",
    "belly": "a {} belly",
}
_READERS: Final = {
    "body": re.compile(rf"\b({'|'.join(ATTRIBUTES['body'])}) (?:bird|body)\b"),
    **{
        name: re.compile(rf"\b({'|'.join(values)}|no) {name}\b")
        for name, values in ATTRIBUTES.items()
        if name != "body"
    },
}


def join(phrases: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(phrases) == 1:
        return phrases[0]
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def phrase(attribute: str, value: str) -> str:
    """The words for one attribute but the body colour: `a pointed crest`, `no crest`."""
    if value == "none":
        return "no crest"
    return _SHAPES[attribute].format(value).replace("a orange", "an orange")


def clause(told: Mapping[str, str]) -> str:
    """`a red bird with plain wings and a square tail`, of the attributes that are told."""
    rest = [phrase(name, told[name]) for name in ATTRIBUTES if name in told and name != "body"]
    bird = f"a {told['body']} bird" if "body" in told else "a bird"
    return f"{bird} with {join(rest)}" if rest else bird


def sentence(told: Mapping[str, str]) -> str:
    """The description that states these attributes and nothing else."""
    return clause(told).capitalize() + "."


def tell(traits: Traits, attributes: Collection[str]) -> dict[str, str]:
    """The chosen attributes of a bird, in the order of ATTRIBUTES."""
    return {name: value for name, value in traits._asdict().items() if name in attributes}


def read(text: str) -> dict[str, str]:
    """The attributes that a description states."""
    found = {name: reader.search(text.lower()) for name, reader in _READERS.items()}
    return {
        name: "none" if match[1] == "no" else match[1] for name, match in found.items() if match
    }


def some_attributes(rng: np.random.Generator) -> list[str]:
    """A random choice of one to six attributes; all six, and the vague three, more often."""
    style = rng.random()
    if style < 0.2:
        return list(ATTRIBUTES)
    if style < 0.3:
        return list(VAGUE)
    chosen = rng.permutation(len(ATTRIBUTES))[: rng.integers(1, len(ATTRIBUTES) + 1)]
    return [name for place, name in enumerate(ATTRIBUTES) if place in chosen]
