"""Task: which of two descriptions fits the picture, with the comparison written out.

One line for each attribute that the texts tell of, as in the first edition: the attribute, what the
bird shows, what the first and the second text say (`-` for nothing), and which of them agrees.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.matching import COMPARE, PROMPTS, verdict
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.second.birds import ATTRIBUTES, SPECIES, random_plumage, siblings
from fieldguide.second.mllm_tasks.descriptions import (
    VAGUE,
    clause,
    sentence,
    some_attributes,
    tell,
)
from fieldguide.second.mllm_tasks.facts import PictureFacts
from fieldguide.second.species import Plumage

_SHOWN: Final = "The image shows {}.\n\n"
Told = Mapping[str, str]


def match(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """Two descriptions, one of them true in most samples, and the picture."""
    first, second = _texts(facts, rng)
    return match_sample(facts.plumage, first, second, _prompt(rng))


def match_words(rng: np.random.Generator) -> Sample:
    """The same with the bird's attributes given as words."""
    plumage = random_plumage(rng)
    first, second = _texts(PictureFacts(plumage, "", "", "clear"), rng)
    shown = _SHOWN.format(clause(plumage._asdict()))
    sample = match_sample(plumage, first, second, _prompt(rng))
    return Sample("match, words", shown + sample.user, sample.answer, False, sample.accepts)


def match_sample(plumage: Plumage, first: Told, second: Told, prompt: str = COMPARE) -> Sample:
    """The request to compare two descriptions with a picture, and the comparison."""
    user = prompt.format(first=sentence(first), second=sentence(second))
    answer = compare(plumage, first, second)
    last = answer.rsplit("\n", 1)[-1]
    return Sample("match", user, answer, True, lambda reply: reply.strip().endswith(last))


def compare(plumage: Plumage, first: Told, second: Told) -> str:
    """The written comparison and its outcome; a draw goes to the first."""
    lines, verdicts = [], []
    for name, shown in plumage._asdict().items():
        one, two = first.get(name, "-"), second.get(name, "-")
        if one == two == "-":
            continue
        verdicts.append(verdict(shown, one, two))
        lines.append(f"{name} {shown} {one} {two} {verdicts[-1]}")
    outcome = "second" if verdicts.count("second") > verdicts.count("first") else "first"
    return "\n".join([*lines, f"Answer: {outcome}"])


def differing(plumage: Plumage, attribute: str, rng: np.random.Generator) -> Plumage:
    """The bird with another value of one attribute."""
    others = [value for value in ATTRIBUTES[attribute] if value != getattr(plumage, attribute)]
    return plumage._replace(**{attribute: pick(others, rng)})


def _prompt(rng: np.random.Generator) -> str:
    return COMPARE if rng.random() < 0.8 else pick(PROMPTS, rng)


def _texts(facts: PictureFacts, rng: np.random.Generator) -> tuple[Told, Told]:
    told = list(VAGUE) if rng.random() < 0.15 else some_attributes(rng)
    plumage, style = facts.plumage, rng.random()
    if facts.name and style < 0.6:
        other = SPECIES[pick(siblings(facts.name), rng)].plumage
    elif style < 0.92:
        other = _changed(plumage, told, rng)
    else:
        other = random_plumage(rng)
    if rng.random() < 0.06:
        plumage = _changed(plumage, told, rng)
    one, two = tell(plumage, told), tell(other, told)
    if rng.random() < 0.05:
        two = tell(other, some_attributes(rng))
    return (one, two) if rng.random() < 0.5 else (two, one)


def _changed(plumage: Plumage, told: list[str], rng: np.random.Generator) -> Plumage:
    """One attribute of those told changed, in a third of the draws several."""
    count = 1 if rng.random() < 0.67 else int(rng.integers(1, len(told) + 1))
    for place in rng.permutation(len(told))[:count]:
        plumage = differing(plumage, told[place], rng)
    return plumage
