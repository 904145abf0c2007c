"""The tokens of the second edition's multimodal model: a BPE, and whole phrases as single tokens.

Requests are worded in fixed sentences with places to fill in. Each such phrase is one token, so a
request is a third as long and training on one core takes a third of the time; what is filled in,
and every text in other words, is spelled by the BPE, down to its bytes.
"""

import re
from collections.abc import Iterable
from typing import Final

import numpy as np
from tokenizers import AddedToken
from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast

from fieldguide.clip_model import MEAN, STD
from fieldguide.mllm_tasks import (
    choosing,
    knowledge,
    matching,
    naming,
    prompting,
    requests,
    scene_pictures,
    scene_texts,
)
from fieldguide.mllm_tokenizer import CHAT_TEMPLATE, IMAGE, render, train_tokenizer
from fieldguide.second.mllm_tasks.facts import facts_of
from fieldguide.second.mllm_tasks.mixture import PICTURE_TASKS, WORDS_TASKS
from fieldguide.second.pools import GRID, MLLM_SIZE, PictureKind, Pictures
from fieldguide.second.tower import PATCH

VOCABULARY: Final = 1900
IMAGE_TOKENS: Final = GRID**2
_ROUNDS: Final = 250
_SHORTEST: Final = 9
_TEMPLATES: Final[tuple[str, ...]] = (
    *requests.OPENINGS,
    *requests.REQUESTS,
    *requests.IN_ONE,
    *naming.CLASSIFY_PROMPTS,
    *naming.RECOGNISE_PROMPTS,
    *naming.OPEN_PROMPTS,
    *naming.JSON_PROMPTS,
    naming.CHOOSE_LABEL,
    *naming.OPTION_PROMPTS,
    *naming.LETTER_PROMPTS,
    naming.FEATURES,
    choosing.CHOOSE,
    *choosing.PROMPTS,
    *knowledge.CLASS_PROMPTS,
    *knowledge.PROMPTS,
    matching.COMPARE,
    *matching.PROMPTS,
    *prompting.REFLECT_PROMPTS,
    prompting.MODIFY,
    prompting.PAIR,
    *prompting.REASONS,
    *prompting.PARAPHRASE_PROMPTS,
    prompting.COMPLETE,
    *scene_pictures.DESCRIBE_PROMPTS,
    *scene_pictures.LIST_PROMPTS,
    scene_pictures.LIST_JSON,
    scene_texts.CHARACTERISTICS,
    scene_texts.SURROUNDINGS,
    scene_texts.TOGETHER,
    scene_texts.ALIKE,
    scene_texts.CAPTIONS,
)
_PIECES: Final = (
    '{"items": [{"name": "',
    *(f'", "score": {score}}}, {{"name": "' for score in range(4)),
    *(f'", "score": {score}}}]}}' for score in range(4)),
    '{"sentences": ["',
    '.", "',
    '."]}',
    '{"name": "',
    '{"names": ["',
    "ASSISTANT:",
)


def phrases() -> list[str]:
    """The phrases that are single tokens, longest first."""
    found = set(_PIECES)
    for template in _TEMPLATES:
        filled = template.replace("{{", "\0").replace("}}", "\1")
        for part in re.split(r"\{\w*\}|\n", filled):
            part = part.replace("\0", "{").replace("\1", "}").strip().strip('"')
            if len(part) >= _SHORTEST:
                found.add(part)
    return sorted(found, key=lambda part: (-len(part), part))


def new_tokenizer(pools: dict[PictureKind, Pictures]) -> PreTrainedTokenizerFast:
    """The tokenizer, its BPE learned from exchanges of every task without the phrases."""
    pieces = phrases()
    pattern = re.compile("|".join(re.escape(piece) for piece in pieces))
    texts = [pattern.sub("\n", text) for text in _exchanges(pools)]
    tokenizer = train_tokenizer(texts, VOCABULARY)
    tokenizer.add_tokens([AddedToken(piece, normalized=False, special=False) for piece in pieces])
    return tokenizer


def new_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """The tokenizer together with the steps that prepare images."""
    images = CLIPImageProcessor(
        size={"shortest_edge": MLLM_SIZE},
        crop_size={"height": MLLM_SIZE, "width": MLLM_SIZE},
        resample=3,
        image_mean=[MEAN] * 3,
        image_std=[STD] * 3,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=CHAT_TEMPLATE,
    )


def _exchanges(pools: dict[PictureKind, Pictures]) -> Iterable[str]:
    rng = np.random.default_rng(0)
    bare = train_tokenizer([])
    for _ in range(_ROUNDS):
        samples = [share.task(rng) for share in WORDS_TASKS]
        for share in PICTURE_TASKS:
            pool = pools[share.pool]
            row = int(rng.integers(len(pool.species)))
            samples.append(share.task(facts_of(pool, row), rng))
        for sample in samples:
            yield render(bare, sample)[1].replace(IMAGE, "").replace("</s>", "")
