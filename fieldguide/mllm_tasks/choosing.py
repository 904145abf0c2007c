"""Task, text only: find the listed class that an answer about an image means."""

from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import VAGUE, clause, sentence, some_attributes, tell
from fieldguide.mllm_tasks.naming import bullets, some_names
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.world import ATTRIBUTES, NAMES, SPECIES

CHOOSE: Final = (
    "These are the possible classes:\n{classes}\n\nAn image was described as follows:\n{answer}\n\n"
    "Which class is it? Answer with the exact name of one class from the list. If no name matches "
    "exactly, answer with the class that is closest in meaning. Answer with the name only."
)
PROMPTS: Final = (
    "These are the possible classes:\n{classes}\n\nAn image was described like this:\n{answer}\n\n"
    "Which class is meant? Answer with one name from the list.",
    "Classes:\n{classes}\n\nDescription: {answer}\n\nWhich of the classes fits the description "
    "best? Answer with the name only.",
    "Choose the class that is closest in meaning to this text: {answer}\n\nThe classes are:\n"
    "{classes}\n\nAnswer with the name only.",
)
_FRAMES: Final = (
    "{}",
    "{}.",
    "A {}.",
    "This is a {}.",
    "The bird is a {}.",
    "It looks like a {}.",
    "a photo of a {}",
)


def choose(rng: np.random.Generator) -> Sample:
    """A species, 2 to 24 listed names, and a text that means the species."""
    name = pick(NAMES, rng)
    options = _all_names(rng) if rng.random() < 0.4 else some_names(name, rng)
    style = rng.random()
    if style < 0.25:
        answer = f"This is a {name}."
    elif style < 0.5:
        answer = f"A {name}, {clause(tell(SPECIES[name].traits, _part(rng)))}."
    elif style < 0.75:
        answer = _written(name, options, rng)
    elif style < 0.87:
        answer = sentence(SPECIES[name].traits._asdict())
    else:
        answer, name = _closest(name, options, rng)
    if rng.random() < 0.5:
        answer = answer.removesuffix(".")
    prompt = CHOOSE if rng.random() < 0.7 else pick(PROMPTS, rng)
    return Sample("choose", prompt.format(classes=bullets(options), answer=answer), name)


def _all_names(rng: np.random.Generator) -> list[str]:
    """Every name, in the order of a file of class names or in any other."""
    if rng.random() < 0.3:
        return list(NAMES)
    return [NAMES[place] for place in rng.permutation(len(NAMES))]


def _part(rng: np.random.Generator) -> list[str]:
    return list(VAGUE) if rng.random() < 0.6 else some_attributes(rng)


def _written(name: str, options: list[str], rng: np.random.Generator) -> str:
    """The name with the surface differences that answers have."""
    epithet, genus = name.split()
    alone = sum(other.endswith(genus) for other in options) == 1
    forms = [
        name,
        name.upper(),
        name.title(),
        name.capitalize(),
        f"{epithet}_{genus}",
        f"{epithet}-{genus}",
        f"{name}s",
        epithet,
        epithet.capitalize(),
        genus if alone else f"{genus} ({epithet})",
        _typo(name, rng),
        f"**{name}**",
    ]
    form = pick(forms, rng)
    return pick(_FRAMES, rng).format(form) if rng.random() < 0.6 else form


def _typo(name: str, rng: np.random.Generator) -> str:
    """One letter of the epithet dropped, doubled or swapped with the next."""
    place = int(rng.integers(1, name.index(" ") - 1))
    style = rng.integers(3)
    if style == 0:
        return name[:place] + name[place + 1 :]
    if style == 1:
        return name[:place] + name[place] + name[place:]
    return name[:place] + name[place + 1] + name[place] + name[place + 2 :]


def _closest(name: str, options: list[str], rng: np.random.Generator) -> tuple[str, str]:
    """A sentence of attributes that fits one option better than all others; the full one if not."""
    told = tell(SPECIES[name].traits, some_attributes(rng))
    agreeing = {
        other: sum(SPECIES[other].traits._asdict()[part] == value for part, value in told.items())
        for other in options
    }
    best = [other for other in options if agreeing[other] == len(told)]
    if best != [name]:
        told = tell(SPECIES[name].traits, list(ATTRIBUTES))
    return sentence(told), name
