"""Task: say what is in a picture of several things."""

import json
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.mllm_tasks.naming import CLASSIFY_PROMPTS, LOOK, OPEN_PROMPTS, RECOGNISE_PROMPTS
from fieldguide.mllm_tasks.sample import Facts, Sample, pick

LIST: Final = "What is in this image? Answer with the names only."
DESCRIBE_SCENE: Final = "Describe this image in one sentence."
LIST_JSON: Final = 'Name all the objects in this image. Answer in JSON: {"names": ["..."]}'
LIST_PROMPTS: Final = (
    LIST,
    "List the objects in this image.",
    "Which objects are in this picture? Only the names.",
    "Name everything that is in this image, separated by commas.",
)
DESCRIBE_PROMPTS: Final = (
    DESCRIBE_SCENE,
    "Describe the image.",
    "Describe the scene in the picture.",
    "Write a caption for this image.",
    LOOK,
    *CLASSIFY_PROMPTS,
    *RECOGNISE_PROMPTS,
)


def describe_scene(facts: Facts, rng: np.random.Generator) -> Sample:
    """The things that are there, in the order of CATEGORIES: as a sentence, a list or JSON."""
    names = list(facts.categories)
    style = rng.random()
    if style < 0.4:
        answer = f"A scene with {join([f'a {name}' for name in names])}."
        return Sample("scene, sentence", pick(DESCRIBE_PROMPTS, rng), answer, True)
    if style < 0.6:
        return Sample("scene, JSON", LIST_JSON, json.dumps({"names": names}), True)
    if style < 0.7:
        user, answer = pick(OPEN_PROMPTS, rng), ", ".join(names)
        return Sample("scene, list", user, answer, True)
    return Sample("scene, list", pick(LIST_PROMPTS, rng), ", ".join(names), True)
