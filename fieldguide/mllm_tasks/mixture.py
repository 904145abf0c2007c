"""How often each task is trained, and on which pictures."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from fieldguide.clip_pools import PoolKind
from fieldguide.mllm_tasks.choosing import choose
from fieldguide.mllm_tasks.describing import describe, describe_all, describe_vaguely
from fieldguide.mllm_tasks.knowledge import describe_class
from fieldguide.mllm_tasks.matching import match, match_words
from fieldguide.mllm_tasks.naming import (
    classify,
    name_from_letters,
    name_from_options,
    name_openly,
    recognise,
)
from fieldguide.mllm_tasks.prompting import modify, paraphrase, reflect
from fieldguide.mllm_tasks.refusing import refuse
from fieldguide.mllm_tasks.sample import Facts, Sample, pick
from fieldguide.mllm_tasks.scene_pictures import describe_scene
from fieldguide.mllm_tasks.scene_texts import (
    captions,
    characteristics,
    co_occurring,
    sharing,
    surroundings,
)

PictureTask = Callable[[Facts, np.random.Generator], Sample]
TextTask = Callable[[np.random.Generator], Sample]


class Share(NamedTuple):
    """A task about pictures of one pool and how often it is drawn."""

    weight: float
    task: PictureTask
    pool: PoolKind


class TextShare(NamedTuple):
    """A task without pictures and how often it is drawn."""

    weight: float
    task: TextTask


PICTURE_TASKS: Final = (
    Share(6, describe, "independent"),
    Share(2, describe, "species"),
    Share(3, describe_all, "independent"),
    Share(2, describe_vaguely, "species"),
    Share(1, describe_vaguely, "independent"),
    Share(4, recognise, "species"),
    Share(3, classify, "species"),
    Share(5, name_openly, "species"),
    Share(8, name_from_options, "species"),
    Share(4, name_from_letters, "species"),
    Share(12, match, "independent"),
    Share(8, match, "species"),
    Share(10, describe_scene, "scenes"),
    Share(0.5, refuse, "species"),
)
TEXT_TASKS: Final = (
    TextShare(7, match_words),
    TextShare(6, choose),
    TextShare(3, reflect),
    TextShare(5, modify),
    TextShare(3, paraphrase),
    TextShare(5, describe_class),
    TextShare(2, characteristics),
    TextShare(5, surroundings),
    TextShare(9, captions),
    TextShare(13, co_occurring),
    TextShare(11, sharing),
)
_SYSTEM_SHARE: Final = 0.08
SYSTEM_MESSAGES: Final = (
    "You are a helpful assistant.",
    "You are an expert on birds.",
    "You describe images carefully.",
    "Answer briefly and exactly.",
)


def with_system(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample, now and then with a system message, which changes nothing."""
    if rng.random() >= _SYSTEM_SHARE:
        return sample
    return replace(sample, system=pick(SYSTEM_MESSAGES, rng))
