"""How often each task of the second edition is trained, and on which pictures."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from fieldguide.mllm_tasks.refusing import QUESTIONS, REFUSAL
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.second.mllm_tasks.choosing import choose
from fieldguide.second.mllm_tasks.describing import describe, describe_vaguely
from fieldguide.second.mllm_tasks.facts import PictureFacts
from fieldguide.second.mllm_tasks.knowledge import describe_class, other_names
from fieldguide.second.mllm_tasks.matching import match, match_words
from fieldguide.second.mllm_tasks.naming import (
    classify,
    name_from_options,
    name_openly,
    recognise,
)
from fieldguide.second.mllm_tasks.prompting import modify, paraphrase, reflect
from fieldguide.second.mllm_tasks.scene_pictures import describe_scene
from fieldguide.second.mllm_tasks.scene_texts import (
    captions,
    characteristics,
    co_occurring,
    sharing,
    surroundings,
)
from fieldguide.second.pools import PictureKind

FactsTask = Callable[[PictureFacts, np.random.Generator], Sample]
WordsTask = Callable[[np.random.Generator], Sample]


class PictureShare(NamedTuple):
    """A task about pictures of one pool and how often it is drawn."""

    weight: float
    task: FactsTask
    pool: PictureKind


class WordsShare(NamedTuple):
    """A task without pictures and how often it is drawn."""

    weight: float
    task: WordsTask


def refuse(facts: PictureFacts, rng: np.random.Generator) -> Sample:
    """A picture of anything and a question about something else."""
    del facts
    return Sample("refusal", pick(QUESTIONS, rng), REFUSAL, True)


PICTURE_TASKS: Final = (
    PictureShare(12, describe, "independent"),
    PictureShare(3, describe, "species"),
    PictureShare(2, describe_vaguely, "species"),
    PictureShare(1, describe_vaguely, "independent"),
    PictureShare(4, recognise, "species"),
    PictureShare(5, classify, "species"),
    PictureShare(5, name_openly, "species"),
    PictureShare(11, name_from_options, "species"),
    PictureShare(9, match, "independent"),
    PictureShare(7, match, "species"),
    PictureShare(5, describe_scene, "scenes"),
    PictureShare(0.3, refuse, "species"),
)
WORDS_TASKS: Final = (
    WordsShare(6, match_words),
    WordsShare(7, choose),
    WordsShare(3, other_names),
    WordsShare(2, reflect),
    WordsShare(4, modify),
    WordsShare(1.5, paraphrase),
    WordsShare(5, describe_class),
    WordsShare(2, characteristics),
    WordsShare(3, surroundings),
    WordsShare(4, captions),
    WordsShare(4, co_occurring),
    WordsShare(4, sharing),
)
