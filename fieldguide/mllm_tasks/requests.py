"""Prompts that ask for a description: a vague opening, with or without named attributes.

A prompt that names no attribute gets the vague description (body, wings and tail); one that names
attributes gets exactly those.
"""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import VAGUE, join
from fieldguide.mllm_tasks.sample import pick
from fieldguide.world import ATTRIBUTES

DESCRIBE: Final = "Describe the bird in this image."
DESCRIBE_ALL: Final = (
    "Describe the bird in this image. Mention its body colour, wings, crest, beak, tail and belly."
)
DISTINCTIVE: Final = (
    "Describe the bird in detail. Concentrate on very distinctive attributes that are typical of "
    "it. Ignore the background and everything else."
)
OPENINGS: Final = (
    DESCRIBE,
    DISTINCTIVE,
    "Describe the bird.",
    "Describe this bird.",
    "Describe the bird in detail.",
    "Describe the bird in the image.",
    "Describe the bird in one sentence.",
    "Describe what the bird looks like.",
    "Describe the bird and ignore the background.",
    "Describe the appearance of the bird.",
    "Please describe the bird in this picture.",
    "Write a description of the bird.",
    "Write a short description of the bird in the image.",
    "Give a description of the bird shown here.",
    "Give a detailed description of the bird in this photo.",
    "Tell me what this bird looks like.",
    "What does this bird look like?",
    "How would you describe this bird?",
    "Summarise what the bird in the photo looks like.",
)
REQUESTS: Final = (
    "Mention its {}.",
    "Pay attention to its {}.",
    "Include its {}.",
    "Be sure to mention its {}.",
    "Focus on its {}.",
    "State its {}.",
    "Concentrate on its {}.",
    "Look at its {}.",
    "Say something about its {}.",
    "Do not forget its {}.",
    "The description must cover its {}.",
)
IN_ONE: Final = (
    "Describe the bird's {}.",
    "Describe the {} of the bird.",
    "Describe the bird, including its {}.",
    "Describe the bird with its {}.",
    "What can you say about the bird's {}?",
    "Describe the {} of the bird in this image.",
)
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "body": ("body colour", "body", "body color", "plumage", "colour", "main colour"),
    "wings": ("wings", "wing pattern", "wing", "pattern of the wings"),
    "crest": ("crest", "head crest", "head", "crest shape"),
    "beak": ("beak", "bill", "beak shape", "shape of the beak"),
    "tail": ("tail", "tail shape", "tail feathers", "shape of the tail"),
    "belly": ("belly", "underparts", "belly colour", "belly color"),
}
HEADER: Final = "# Task\n"


def asked(attributes: Collection[str]) -> str:
    """The plain words for attributes, in the order of ATTRIBUTES, as rewritten prompts use them."""
    return join([WORDS[name][0] for name in ATTRIBUTES if name in attributes])


def vague_prompt(rng: np.random.Generator) -> str:
    """A prompt that names no attribute."""
    return DESCRIBE if rng.random() < 0.15 else pick(OPENINGS, rng)


def plain_prompt(opening: str, request: str, attributes: Collection[str]) -> str:
    """The opening followed by a request for these attributes in plain words."""
    return f"{opening} {request.format(asked(attributes))}"


def random_request(rng: np.random.Generator) -> str:
    """One of the sentences that name attributes, with `{}` for them."""
    return pick(REQUESTS, rng)


def pointed_prompt(attributes: Sequence[str], rng: np.random.Generator) -> str:
    """A prompt that names these attributes, in any words and any order."""
    if rng.random() < 0.35:
        return plain_prompt(vague_prompt(rng), random_request(rng), attributes)
    order = [attributes[place] for place in rng.permutation(len(attributes))]
    named = order if rng.random() < 0.5 else [name for name in ATTRIBUTES if name in attributes]
    words = [WORDS[name][0] if rng.random() < 0.5 else pick(WORDS[name], rng) for name in named]
    if rng.random() < 0.3:
        return pick(IN_ONE, rng).format(join(words))
    return f"{vague_prompt(rng)} {random_request(rng).format(join(words))}"


def implied(attributes: Collection[str]) -> list[str]:
    """What a prompt that names these attributes is answered with."""
    wanted = attributes or VAGUE
    return [name for name in ATTRIBUTES if name in wanted]
