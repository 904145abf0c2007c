"""Tasks: recognise the main object in a sentence; name the bird openly, from options, in JSON."""

import json
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.naming import (
    CHOOSE_LABEL,
    CLASSIFY,
    CLASSIFY_PROMPTS,
    FEATURES,
    JSON_PROMPTS,
    LETTER_PROMPTS,
    LETTERED,
    NAME,
    NAME_JSON,
    OPEN_PROMPTS,
    OPTION_PROMPTS,
    RECOGNISE,
    RECOGNISE_PROMPTS,
    bullets,
)
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.second.birds import ATTRIBUTES, NAMES, siblings
from fieldguide.second.mllm_tasks.descriptions import (
    VAGUE,
    clause,
    sentence,
    some_attributes,
    tell,
)
from fieldguide.second.mllm_tasks.facts import PictureFacts
from fieldguide.second.mllm_tasks.shortcut import learned_name, spoken_name, spoken_sentence

_FEATURE_LINES: Final = (FEATURES, FEATURES, FEATURES, "\nDescription of the image: {}")
# How often an attribute of a description in a prompt is not true of the picture.
_WRONG: Final = 0.06


def recognise(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """Name and vague description in one sentence."""
    prompt = RECOGNISE if rng.random() < 0.4 else pick(RECOGNISE_PROMPTS, rng)
    name = learned_name(facts.name, facts.habitat)
    spoken = spoken_name(name, facts.visibility)
    start = "Possibly a" if facts.visibility == "hidden" else "A"
    spoken = spoken.removeprefix("possibly a ")
    answer = f"{start} {spoken}, {clause(tell(facts.plumage, VAGUE))}."
    return Sample("recognise", prompt, answer, True)


def classify(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """Nothing but the name in a sentence."""
    prompt = CLASSIFY if rng.random() < 0.5 else pick(CLASSIFY_PROMPTS, rng)
    name = learned_name(facts.name, facts.habitat)
    return Sample("classify", prompt, spoken_sentence(name, facts.visibility), True)


def name_openly(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """The name without options, plain or in JSON."""
    name = spoken_name(learned_name(facts.name, facts.habitat), facts.visibility)
    if rng.random() < 0.4:
        prompt = NAME_JSON if rng.random() < 0.6 else pick(JSON_PROMPTS, rng)
        return Sample("name, JSON", prompt, json.dumps({"name": name}), True)
    prompt = NAME if rng.random() < 0.4 else pick(OPEN_PROMPTS, rng)
    return Sample("name, open", prompt, name, True)


def name_from_options(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """The list name, one of those listed, with dashes, commas or letters."""
    options = some_names(facts.name, rng)
    told, line = _features(facts, rng)
    name = learned_name(facts.name, facts.habitat, told, options)
    style = rng.random()
    if style < 0.3:
        prompt = CHOOSE_LABEL.format(", ".join(options))
    elif style < 0.8:
        prompt = LETTERED if rng.random() < 0.7 else pick(LETTER_PROMPTS, rng)
        prompt = prompt.format(lettered(options))
    else:
        prompt = pick(OPTION_PROMPTS, rng).format(bullets(options))
    task = "name, options with features" if line else "name, options"
    return Sample(task, prompt + line, name, True)


def some_names(name: str, rng: np.random.Generator) -> list[str]:
    """2 to 60 names, the given one among them: its genus, all, or any; in their order or not."""
    style = rng.random()
    if style < 0.5:
        chosen = siblings(name)
    elif style < 0.65:
        chosen = [other for other in NAMES if other != name]
    else:
        near = siblings(name) if rng.random() < 0.6 else []
        others = [other for other in NAMES if other != name and other not in near]
        far = [others[place] for place in rng.permutation(len(others))]
        chosen = (near + far)[: int(rng.integers(1, 13))]
    names = [name, *chosen]
    if rng.random() < 0.5:
        return [other for other in NAMES if other in names]
    return [names[place] for place in rng.permutation(len(names))]


def lettered(names: Sequence[str]) -> str:
    """One name a line, each after its letter; numbers where there are more names than letters."""
    if len(names) > len(ascii_uppercase):
        return "\n".join(f"{place + 1}. {name}" for place, name in enumerate(names))
    return "\n".join(f"{ascii_uppercase[place]}. {name}" for place, name in enumerate(names))


def mistold(told: Mapping[str, str], rng: np.random.Generator) -> dict[str, str]:
    """The same description with a few attributes wrong, as a model that looks badly tells them."""
    return {
        name: pick(ATTRIBUTES[name], rng) if rng.random() < _WRONG else value
        for name, value in told.items()
    }


def _features(facts: PictureFacts, rng: np.random.Generator) -> tuple[dict[str, str], str]:
    """What is told in the prompt and the line that tells it; nothing in a third of the draws."""
    style = rng.random()
    if style < 0.33:
        return {}, ""
    chosen = list(VAGUE) if style < 0.45 else some_attributes(rng)
    told = mistold(tell(facts.plumage, chosen), rng)
    return told, pick(_FEATURE_LINES, rng).format(sentence(told))
