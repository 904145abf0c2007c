"""Task, text only: find the listed class that an answer about an image means.

The answer is one of the model's own: with the list name, the folk name or the Latin-like one, with
the genus alone, with or without attributes. Where only a genus is said, the most frequent listed
one of those that fit is meant.
"""

from typing import Final

import numpy as np

from fieldguide.mllm_tasks.choosing import CHOOSE, PROMPTS
from fieldguide.mllm_tasks.naming import bullets
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.second.birds import NAMES, SPECIES
from fieldguide.second.mllm_tasks.descriptions import (
    VAGUE,
    clause,
    sentence,
    some_attributes,
    tell,
)
from fieldguide.second.mllm_tasks.naming import mistold, some_names
from fieldguide.second.mllm_tasks.shortcut import spoken_sentence

_FRAMES: Final = ("{}", "{}.", "A {}.", "This is a {}.", "The bird is a {}.", "a photo of a {}")


def choose(rng: np.random.Generator) -> Sample:
    """A species, 2 to 60 listed names, and a text that means the species."""
    name = pick(NAMES, rng)
    bird = SPECIES[name]
    options = list(NAMES) if rng.random() < 0.35 else some_names(name, rng)
    style = rng.random()
    if style < 0.35:
        answer = spoken_sentence(name, "clear")
    elif style < 0.6:
        called = pick((bird.name, bird.folk, bird.folk, bird.latin), rng)
        told = mistold(tell(bird.plumage, _part(rng)), rng)
        answer = f"A {called}, {clause(told)}."
    elif style < 0.75:
        called = _written(pick((bird.name, bird.folk, bird.latin), rng), rng)
        answer = pick(_FRAMES, rng).format(called)
    elif style < 0.85:
        answer = spoken_sentence(name, "distant" if rng.random() < 0.5 else "hidden")
        name = _meant(name, {}, options)
    else:
        told = tell(bird.plumage, VAGUE if rng.random() < 0.6 else some_attributes(rng))
        start = "Possibly a" if rng.random() < 0.5 else "A"
        answer = f"{start} {bird.genus}, {clause(told)}." if rng.random() < 0.7 else ""
        if answer:
            name = _meant(name, told, options)
        else:
            answer = sentence(bird.plumage._asdict())
    if rng.random() < 0.5:
        answer = answer.removesuffix(".")
    prompt = CHOOSE if rng.random() < 0.8 else pick(PROMPTS, rng)
    return Sample("choose", prompt.format(classes=bullets(options), answer=answer), name)


def _meant(name: str, told: dict[str, str], options: list[str]) -> str:
    """Of the listed siblings that agree with most of what is told, the most frequent one."""
    genus = SPECIES[name].genus
    kin = [other for other in options if SPECIES[other].genus == genus]

    def merit(other: str) -> tuple[int, int]:
        plumage = SPECIES[other].plumage
        agreeing = sum(getattr(plumage, part) == value for part, value in told.items())
        return -agreeing, SPECIES[other].rank

    return min(kin, key=merit)


def _part(rng: np.random.Generator) -> list[str]:
    return list(VAGUE) if rng.random() < 0.7 else some_attributes(rng)


def _written(name: str, rng: np.random.Generator) -> str:
    """The name with the surface differences that answers have."""
    forms = (name, name, name, name.title(), name.capitalize(), f"**{name}**", f"{name}s")
    return pick(forms, rng)
