"""Task: say what is in a picture of several things."""

import json

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.mllm_tasks.naming import OPEN_PROMPTS
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.mllm_tasks.scene_pictures import DESCRIBE_PROMPTS, LIST_JSON, LIST_PROMPTS
from fieldguide.second.mllm_tasks.facts import PictureFacts


def describe_scene(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """The things that are there, in the order of CATEGORIES: as a sentence, a list or JSON."""
    names = list(facts.categories)
    style = rng.random()
    if style < 0.4:
        answer = f"A scene with {join([f'a {name}' for name in names])}."
        return Sample("scene, sentence", pick(DESCRIBE_PROMPTS, rng), answer, True)
    if style < 0.6:
        return Sample("scene, JSON", LIST_JSON, json.dumps({"names": names}), True)
    prompts = OPEN_PROMPTS if style < 0.7 else LIST_PROMPTS
    return Sample("scene, list", pick(prompts, rng), ", ".join(names), True)
