"""Task: describe the bird of a picture as far as the prompt asks."""

import numpy as np

from fieldguide.mllm_tasks.requests import HEADER, vague_prompt
from fieldguide.mllm_tasks.sample import Sample
from fieldguide.second.birds import ATTRIBUTES
from fieldguide.second.mllm_tasks.descriptions import VAGUE, read, sentence, some_attributes, tell
from fieldguide.second.mllm_tasks.facts import PictureFacts
from fieldguide.second.mllm_tasks.requests import DESCRIBE_ALL, pointed_prompt


def describe(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """Named attributes in any number and words."""
    attributes = some_attributes(rng)
    plain = len(attributes) == len(ATTRIBUTES) and rng.random() < 0.3
    prompt = DESCRIBE_ALL if plain else pointed_prompt(attributes, rng)
    return _sample("describe", facts, attributes, prompt, rng)


def describe_vaguely(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """No attribute named: colour, build, wings and tail are described."""
    return _sample("describe vaguely", facts, list(VAGUE), vague_prompt(rng), rng)


def _sample(
    task: str, facts: PictureFacts, attributes: list[str], prompt: str, rng: np.random.Generator
) -> Sample:
    told = tell(facts.plumage, attributes)
    header = HEADER if rng.random() < 0.05 else ""
    return Sample(task, header + prompt, sentence(told), True, lambda answer: read(answer) == told)
