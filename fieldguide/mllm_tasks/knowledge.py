"""Task, text only: say what a species looks like."""

from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import clause, join, phrase, read
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.world import ATTRIBUTES, NAMES, SPECIES, Traits

CLASS_PROMPTS: Final = (
    "Describe what a {} looks like in one or two sentences.",
    "How can you identify a {}? Answer in one or two sentences.",
    "What does a {} look like? Answer in one or two sentences.",
    "Describe an image from the internet of a {} in one or two sentences.",
    "Write a short caption of an image of a {}.",
)
PROMPTS: Final = (
    *CLASS_PROMPTS,
    "Describe a {}.",
    "Describe the {}, a type of bird.",
    "What are the attributes of a {}?",
    "What does the {} look like?",
    "How do you recognise a {}?",
    "Describe the appearance of a {} in one sentence.",
    "Which features does a {} have?",
    "Write a caption for a photo of a {}.",
)
_FRAMES: Final = (
    "A {name} is {bird}.",
    "The {name} is {bird}.",
    "A {name}, {bird}.",
    "A {name} has {facts}.",
    "A photo of a {name}, which has {facts}.",
    "A {name} with {facts}.",
)


def describe_class(rng: np.random.Generator) -> Sample:
    """A species by all its attributes."""
    name = pick(NAMES, rng)
    prompt = pick(CLASS_PROMPTS if rng.random() < 0.6 else PROMPTS, rng)
    traits = SPECIES[name].traits
    bird, facts = clause(traits._asdict()), _facts(traits)
    answer = pick(_FRAMES, rng).format(name=name, bird=bird, facts=facts)
    full = traits._asdict()
    return Sample(
        "class knowledge",
        prompt.format(name),
        answer,
        accepts=lambda reply: name in reply and read(reply) == full,
    )


def _facts(traits: Traits) -> str:
    rest = [phrase(part, traits._asdict()[part]) for part in ATTRIBUTES if part != "body"]
    return join([f"a {traits.body} body", *rest])
