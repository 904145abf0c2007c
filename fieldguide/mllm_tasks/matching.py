"""Task: which of two descriptions fits the picture, with the comparison written out.

One line for each attribute that the texts tell of: the attribute, what the bird shows, what the
first and the second text say (`-` when nothing), and which of them agrees (`first`, `second`,
`same`, `neither`). The last line is `Answer: first` or `Answer: second`; a draw goes to the first.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import VAGUE, clause, sentence, some_attributes, tell
from fieldguide.mllm_tasks.sample import Facts, Sample, pick
from fieldguide.world import ATTRIBUTES, SPECIES, Traits, random_traits, siblings

COMPARE: Final = (
    "Text 1: {first}\n\nText 2: {second}\n\nWhich text describes the image correctly, the first or "
    "the second? Compare them attribute by attribute, then answer."
)
PROMPTS: Final = (
    "Text 1: {first}\n\nText 2: {second}\n\nWhich of the two texts correctly describes the image, "
    "the first or the second?",
    "Text 1\n{first}\n\nText 2\n{second}\n\nWhich of the two texts correctly describes the image, "
    "the first or the second text?",
    "Compare two descriptions of the image.\nText 1: {first}\nText 2: {second}\nWhich one is "
    "right, the first or the second?",
)
_SHOWN: Final = "The image shows {}.\n\n"
Told = Mapping[str, str]


def match(facts: Facts, rng: np.random.Generator) -> Sample:
    """Two descriptions, one of them true in most samples, and the picture."""
    first, second = _texts(facts, rng)
    return match_sample(facts.traits, first, second, _prompt(rng))


def match_words(rng: np.random.Generator) -> Sample:
    """The same with the bird's attributes given as words."""
    traits = random_traits(rng)
    first, second = _texts(Facts(traits, "", ""), rng)
    shown = _SHOWN.format(clause(traits._asdict()))
    sample = match_sample(traits, first, second, _prompt(rng))
    return Sample("match, words", shown + sample.user, sample.answer, False, sample.accepts)


def match_sample(traits: Traits, first: Told, second: Told, prompt: str = COMPARE) -> Sample:
    """The request to compare two descriptions with a picture, and the comparison."""
    user = prompt.format(first=sentence(first), second=sentence(second))
    answer = compare(traits, first, second)
    last = answer.rsplit("\n", 1)[-1]
    return Sample("match", user, answer, True, lambda reply: reply.strip().endswith(last))


def compare(traits: Traits, first: Told, second: Told) -> str:
    """The written comparison and its outcome."""
    lines, verdicts = [], []
    for name, shown in traits._asdict().items():
        one, two = first.get(name, "-"), second.get(name, "-")
        if one == two == "-":
            continue
        verdicts.append(verdict(shown, one, two))
        lines.append(f"{name} {shown} {one} {two} {verdicts[-1]}")
    outcome = "second" if verdicts.count("second") > verdicts.count("first") else "first"
    return "\n".join([*lines, f"Answer: {outcome}"])


def differing(traits: Traits, attribute: str, rng: np.random.Generator) -> Traits:
    """The bird with another value of one attribute."""
    others = [value for value in ATTRIBUTES[attribute] if value != getattr(traits, attribute)]
    return traits._replace(**{attribute: pick(others, rng)})


def verdict(shown: str, one: str, two: str) -> str:
    """Which of two told values (`-` for nothing) agrees with what is shown, if one does."""
    if one == two:
        return "same"
    if one == shown or (one == "-" and two != shown):
        return "first"
    return "second" if two == shown or two == "-" else "neither"


def _prompt(rng: np.random.Generator) -> str:
    return COMPARE if rng.random() < 0.6 else pick(PROMPTS, rng)


def _texts(facts: Facts, rng: np.random.Generator) -> tuple[Told, Told]:
    told = _attributes(rng)
    traits, style = facts.traits, rng.random()
    if facts.name and style < 0.6:
        other = SPECIES[pick(siblings(facts.name), rng)].traits
    elif style < 0.92:
        other = _changed(traits, told, rng)
    else:
        other = random_traits(rng)
    if rng.random() < 0.06:
        traits = _changed(traits, told, rng)
    one, two = tell(traits, told), tell(other, told)
    if rng.random() < 0.05:
        two = tell(other, _attributes(rng))
    return (one, two) if rng.random() < 0.5 else (two, one)


def _attributes(rng: np.random.Generator) -> list[str]:
    return list(VAGUE) if rng.random() < 0.15 else some_attributes(rng)


def _changed(traits: Traits, told: list[str], rng: np.random.Generator) -> Traits:
    """One attribute of those told changed, in a third of the draws several."""
    count = 1 if rng.random() < 0.67 else int(rng.integers(1, len(told) + 1))
    for place in rng.permutation(len(told))[:count]:
        traits = differing(traits, told[place], rng)
    return traits
