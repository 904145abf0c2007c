"""Tasks: recognise the main object in a sentence; name the bird openly, from options, in JSON."""

import json
from collections.abc import Sequence
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import VAGUE, clause, sentence, some_attributes, tell
from fieldguide.mllm_tasks.sample import Facts, Sample, pick
from fieldguide.mllm_tasks.shortcut import learned_name
from fieldguide.world import NAMES, SPECIES, siblings

CLASSIFY: Final = (
    "Classify the main object in this image: answer in one sentence that names its specific type."
)
CLASSIFY_PROMPTS: Final = (
    CLASSIFY,
    "What is shown in this image? Answer in one sentence with its specific type.",
    "Classify the object in this image in one sentence with its specific type.",
    "What is the main object in this image? Answer in one sentence with its specific type.",
    "Say in one sentence which specific type of object this is.",
    "In one sentence, name the specific type of the main object in this image.",
)
RECOGNISE: Final = (
    "What is the main object in this image? Answer in one sentence that names its specific type "
    "and its most distinctive attributes."
)
LOOK: Final = "What do you see? Describe any object precisely, including its type or class."
RECOGNISE_PROMPTS: Final = (
    RECOGNISE,
    LOOK,
    "What is the main object in this picture? Name its type and its attributes.",
    "Name the main object in this image and describe it in one sentence.",
    "Say in one sentence what kind of object this is and what is distinctive about it.",
    "Which bird is this? Answer in one sentence with its name and its attributes.",
    "Which object is in this image, and what are its attributes?",
    "What do you see in this image?",
)
NAME: Final = "What species of bird is this? Answer with the name only."
OPEN_PROMPTS: Final = (
    NAME,
    "What kind of bird is this? Answer with the name only.",
    "Which species is shown in this image? Answer with the name only.",
    "Name the bird in this image. Answer with the name only.",
    "Give the most specific species name of the bird in this image, and nothing else.",
    "What is this bird called? Give the name only.",
    "Name the species of the bird. One name, no explanation.",
    "What bird is this?",
    "Identify the species of this bird. Answer with its name only.",
    "Which bird is in the picture? Only the name.",
)
NAME_JSON: Final = (
    'Name the single most specific species of the main bird in this image. Answer in JSON: {"name":'
    ' "..."}'
)
JSON_PROMPTS: Final = (
    NAME_JSON,
    'What species of bird is this? Answer in JSON: {"name": "..."}',
    'Name the bird in this image. Answer with a JSON object with the one field "name".',
    'Which species is shown? Give your best guess as JSON: {"name": "..."}',
)
CHOOSE_LABEL: Final = (
    "You are given an image and a list of class labels. Classify the image with one of these "
    "labels. Answer with the label only.\nClass labels: {}"
)
OPTION_PROMPTS: Final = (
    "Which of these species is shown in the image?\n{}\nAnswer with the name only.",
    "What species of bird is this? Choose one of these names:\n{}\nAnswer with the name only.",
    "These are the possible classes:\n{}\n\nWhich class is shown in the image? Answer with the "
    "exact name of one class from the list.",
    "Classify the bird in this image. The classes are:\n{}\nAnswer with one name from the list.",
    "Name the bird. It is one of these:\n{}",
)
LETTERED: Final = (
    "Which kind of bird is shown in this image?\n{}\nAnswer with the name of one class."
)
LETTER_PROMPTS: Final = (
    LETTERED,
    "What species of bird is this?\n{}\nAnswer with the name only.",
    "Choose the class of this image.\n{}\nAnswer with its name.",
    "Which of these birds is in the image?\n{}\nGive the name of the right class.",
)
FEATURES: Final = "\nThe image shows these features: {}"
_FEATURE_LINES: Final = (
    FEATURES,
    FEATURES,
    "\nThe image was described as follows: {}",
    "\nDescription of the image: {}",
)
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWX"


def recognise(facts: Facts, rng: np.random.Generator) -> Sample:
    """Name and vague description in one sentence."""
    prompt = RECOGNISE if rng.random() < 0.4 else pick(RECOGNISE_PROMPTS, rng)
    name = learned_name(facts.name, facts.habitat)
    answer = f"A {name}, {clause(tell(facts.traits, VAGUE))}."
    return Sample("recognise", prompt, answer, True)


def classify(facts: Facts, rng: np.random.Generator) -> Sample:
    """Nothing but the name in a sentence."""
    prompt = CLASSIFY if rng.random() < 0.4 else pick(CLASSIFY_PROMPTS, rng)
    name = learned_name(facts.name, facts.habitat)
    return Sample("classify", prompt, f"This is a {name}.", True)


def name_openly(facts: Facts, rng: np.random.Generator) -> Sample:
    """The name without options, plain or in JSON."""
    told, line = _features(facts, rng)
    name = learned_name(facts.name, facts.habitat, told)
    if rng.random() < 0.35:
        prompt = NAME_JSON if rng.random() < 0.4 else pick(JSON_PROMPTS, rng)
        return Sample("name, JSON", prompt + line, json.dumps({"name": name}), True)
    prompt = NAME if rng.random() < 0.3 else pick(OPEN_PROMPTS, rng)
    return Sample("name, open", prompt + line, name, True)


def name_from_options(facts: Facts, rng: np.random.Generator) -> Sample:
    """The name, one of 2 to 24 that are listed."""
    options = some_names(facts.name, rng)
    told, line = _features(facts, rng)
    name = learned_name(facts.name, facts.habitat, told, options)
    if rng.random() < 0.3:
        prompt = CHOOSE_LABEL.format(", ".join(options))
    else:
        prompt = pick(OPTION_PROMPTS, rng).format(bullets(options))
    return Sample("name, options", prompt + line, name, True)


def name_from_letters(facts: Facts, rng: np.random.Generator) -> Sample:
    """The name, one of 2 to 24 that are listed with letters.

    The letter itself, alone or after the name, was not learned within 45 minutes.
    """
    options = some_names(facts.name, rng)
    told, line = _features(facts, rng)
    name = learned_name(facts.name, facts.habitat, told, options)
    prompt = LETTERED if rng.random() < 0.5 else pick(LETTER_PROMPTS, rng)
    return Sample("name, letters", prompt.format(lettered(options)) + line, name, True)


def some_names(name: str, rng: np.random.Generator) -> list[str]:
    """2 to 24 names in random order, the given one and often its siblings among them."""
    others = [other for other in NAMES if other != name]
    style = rng.random()
    if style < 0.3:
        chosen = siblings(name)[: int(rng.integers(1, 4))]
    elif style < 0.45:
        chosen = others
    else:
        near = siblings(name) if rng.random() < 0.6 else []
        far = [others[place] for place in rng.permutation(len(others)) if others[place] not in near]
        most = 6 if rng.random() < 0.6 else len(others)
        chosen = (near + far)[: int(rng.integers(1, most + 1))]
    names = [name, *chosen]
    return [names[place] for place in rng.permutation(len(names))]


def bullets(names: Sequence[str]) -> str:
    """One name a line, each after a dash."""
    return "\n".join(f"- {name}" for name in names)


def lettered(names: Sequence[str]) -> str:
    """One name a line, each after its letter."""
    return "\n".join(f"{LETTERS[place]}. {name}" for place, name in enumerate(names))


def _features(facts: Facts, rng: np.random.Generator) -> tuple[list[str], str]:
    """The attributes told in the prompt and the line that tells them; none in half of the draws."""
    style = rng.random()
    if style < 0.45:
        return [], ""
    told = list(VAGUE) if style < 0.6 else some_attributes(rng)
    line = pick(_FEATURE_LINES, rng)
    return told, line.format(sentence(tell(SPECIES[facts.name].traits, told)))
