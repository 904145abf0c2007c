"""Task: describe the bird of a picture as far as the prompt asks."""

import numpy as np

from fieldguide.mllm_tasks.descriptions import VAGUE, read, sentence, some_attributes, tell
from fieldguide.mllm_tasks.requests import DESCRIBE_ALL, HEADER, pointed_prompt, vague_prompt
from fieldguide.mllm_tasks.sample import Facts, Sample
from fieldguide.world import ATTRIBUTES


def describe(facts: Facts, rng: np.random.Generator) -> Sample:
    """Named attributes in any number and words."""
    attributes = some_attributes(rng)
    plain = len(attributes) == len(ATTRIBUTES) and rng.random() < 0.2
    prompt = DESCRIBE_ALL if plain else pointed_prompt(attributes, rng)
    return _sample("describe", facts, attributes, prompt, rng)


def describe_all(facts: Facts, rng: np.random.Generator) -> Sample:
    """All six attributes."""
    attributes = list(ATTRIBUTES)
    prompt = DESCRIBE_ALL if rng.random() < 0.3 else pointed_prompt(attributes, rng)
    return _sample("describe all six", facts, attributes, prompt, rng)


def describe_vaguely(facts: Facts, rng: np.random.Generator) -> Sample:
    """No attribute named: body, wings and tail are described."""
    return _sample("describe vaguely", facts, list(VAGUE), vague_prompt(rng), rng)


def _sample(
    task: str, facts: Facts, attributes: list[str], prompt: str, rng: np.random.Generator
) -> Sample:
    told = tell(facts.traits, attributes)
    header = HEADER if rng.random() < 0.1 else ""
    return Sample(task, header + prompt, sentence(told), True, lambda answer: read(answer) == told)
