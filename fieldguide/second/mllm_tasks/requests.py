"""Prompts that ask for a description: a vague opening, with or without named attributes.

A prompt that names no attribute gets the vague description (colour, build, wings and tail); one
that names attributes gets exactly those. Openings and requests are worded as in the first edition.
"""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.mllm_tasks.requests import IN_ONE, REQUESTS, vague_prompt
from fieldguide.mllm_tasks.sample import pick
from fieldguide.second.birds import ATTRIBUTES

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "body": ("body colour", "colour", "plumage", "body color"),
    "build": ("build", "shape", "body shape"),
    "wings": ("wings", "wing pattern"),
    "tail": ("tail", "tail shape"),
    "belly": ("belly", "underparts", "belly colour"),
    "crest": ("crest", "head crest"),
    "beak": ("beak", "bill", "beak shape"),
    "ring": ("eye ring", "eye", "ring around the eye"),
    "legs": ("legs", "leg colour"),
    "throat": ("throat", "throat patch"),
}
DESCRIBE_ALL: Final = (
    "Describe the bird in this image. Mention its body colour, build, wings, tail, belly, crest, "
    "beak, eye ring, legs and throat."
)


def asked(attributes: Collection[str]) -> str:
    """The plain words for attributes, in the order of ATTRIBUTES, as rewritten prompts use them."""
    return join([WORDS[name][0] for name in ATTRIBUTES if name in attributes])


def random_request(rng: np.random.Generator) -> str:
    """One of the sentences that name attributes, with `{}` for them."""
    return pick(REQUESTS, rng)


def pointed_prompt(attributes: Sequence[str], rng: np.random.Generator) -> str:
    """A prompt that names these attributes, mostly in plain words and in order."""
    if rng.random() < 0.6:
        return f"{vague_prompt(rng)} {random_request(rng).format(asked(attributes))}"
    order = [attributes[place] for place in rng.permutation(len(attributes))]
    words = join([pick(WORDS[name], rng) for name in order])
    if rng.random() < 0.3:
        return pick(IN_ONE, rng).format(words)
    return f"{vague_prompt(rng)} {random_request(rng).format(words)}"
