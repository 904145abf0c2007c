"""Tasks, text only: say what a species looks like; say by which names it goes."""

from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.mllm_tasks.knowledge import CLASS_PROMPTS, PROMPTS
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.second.birds import ATTRIBUTES, NAMES, SPECIES
from fieldguide.second.mllm_tasks.descriptions import clause, phrase, read
from fieldguide.second.species import Plumage

_FRAMES: Final = (
    "A {name} is {bird}.",
    "The {name} is {bird}.",
    "A {name}, {bird}.",
    "A {name} has {facts}.",
    "A photo of a {name}, which has {facts}.",
)
_OTHER_NAME: Final = (
    "Which species is also called {}? Answer with the name only.",
    "What is another name of the {}? Answer with the name only.",
)


def describe_class(rng: np.random.Generator) -> Sample:
    """A species by all its attributes."""
    name = pick(NAMES, rng)
    prompt = pick(CLASS_PROMPTS if rng.random() < 0.8 else PROMPTS, rng)
    plumage = SPECIES[name].plumage
    full = plumage._asdict()
    answer = pick(_FRAMES, rng).format(name=name, bird=clause(full), facts=_facts(plumage))
    return Sample(
        "class knowledge",
        prompt.format(name),
        answer,
        accepts=lambda reply: name in reply and read(reply) == full,
    )


def other_names(rng: np.random.Generator) -> Sample:
    """The list name that a folk or Latin-like name means."""
    bird = SPECIES[pick(NAMES, rng)]
    called = bird.folk if rng.random() < 0.7 else bird.latin
    return Sample("other names", pick(_OTHER_NAME, rng).format(called), bird.name)


def _facts(plumage: Plumage) -> str:
    values = plumage._asdict()
    rest = [phrase(part, values[part]) for part in ATTRIBUTES if part not in ("body", "build")]
    return join([f"a {plumage.build} {plumage.body} body", *rest])
