"""Descriptions of birds as sentences: written from attributes and read back."""

import re
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.second.birds import ATTRIBUTES
from fieldguide.second.species import Plumage

VAGUE: Final = ("body", "build", "wings", "tail")
_WHOLE: Final = ("build", "body")
_SHAPES: Final = {
    "wings": "{} wings",
    "tail": "a {} tail",
    "belly": "a {} belly",
    "crest": "a {} crest",
    "beak": "a {} beak",
    "ring": "a {} eye ring",
    "legs": "{} legs",
    "throat": "a {} throat patch",
}
_NOUNS: Final = {"ring": "eye ring", "throat": "throat patch"}


def _reader(name: str, values: tuple[str, ...]) -> re.Pattern[str]:
    some = "|".join(values)
    if name == "body":
        return re.compile(rf"\b({some}) (?:bird|body)\b")
    if name == "build":
        return re.compile(
            rf"\b({some})(?: (?:{'|'.join(ATTRIBUTES['body'])}))? (?:bird|build|body)\b"
        )
    return re.compile(rf"\b({some}|no) {_NOUNS.get(name, name)}\b")


_READERS: Final = {name: _reader(name, values) for name, values in ATTRIBUTES.items()}


def phrase(attribute: str, value: str) -> str:
    """The words for one attribute but those of the whole: `a pointed crest`, `no eye ring`."""
    if value == "none":
        return f"no {_NOUNS.get(attribute, attribute)}"
    return _SHAPES[attribute].format(value)


def clause(told: Mapping[str, str]) -> str:
    """`a slim red bird with plain wings and a fan tail`, of the attributes that are told."""
    rest = [phrase(name, told[name]) for name in ATTRIBUTES if name in told and name in _SHAPES]
    words = [told[name] for name in _WHOLE if name in told]
    bird = f"a {' '.join([*words, 'bird'])}".replace("a orange", "an orange")
    return f"{bird} with {join(rest)}" if rest else bird


def sentence(told: Mapping[str, str]) -> str:
    """The description that states these attributes and nothing else."""
    text = clause(told)
    return f"{text[0].upper()}{text[1:]}."


def tell(plumage: Plumage, attributes: Collection[str]) -> dict[str, str]:
    """The chosen attributes of a bird, in the order of ATTRIBUTES."""
    return {name: value for name, value in plumage._asdict().items() if name in attributes}


def read(text: str) -> dict[str, str]:
    """The attributes that a description states."""
    found = {name: reader.search(text.lower()) for name, reader in _READERS.items()}
    return {
        name: "none" if match[1] == "no" else match[1] for name, match in found.items() if match
    }


def some_attributes(rng: np.random.Generator) -> list[str]:
    """A random choice of one to ten attributes; all, and the vague four, more often."""
    style = rng.random()
    if style < 0.12:
        return list(ATTRIBUTES)
    if style < 0.2:
        return list(VAGUE)
    chosen = rng.permutation(len(ATTRIBUTES))[: rng.integers(1, 8)]
    return [name for place, name in enumerate(ATTRIBUTES) if place in chosen]
