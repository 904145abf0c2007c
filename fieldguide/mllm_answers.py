"""Questions of the tasks on held-out images, and the model's greedy answers to them.

Answers are made through transformers, with the processor and the chat template that serving uses.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from PIL import Image
from transformers import LlavaForConditionalGeneration, LlavaProcessor

from fieldguide.clip_pools import Pool, PoolKind, draw_pool
from fieldguide.mllm_tasks.mixture import PICTURE_TASKS, TEXT_TASKS
from fieldguide.mllm_tasks.sample import Sample, facts_of
from fieldguide.mllm_tokenizer import messages_of

_BATCH: Final = 96
LONGEST_ANSWER: Final = 220


class Question(NamedTuple):
    """A sample and the pixels its picture has."""

    sample: Sample
    pixels: np.ndarray | None


def draw_questions(pools: dict[PoolKind, Pool], seed: int, count: int) -> list[Question]:
    """`count` questions of each task, on the pictures of the pools in turn."""
    rng = np.random.default_rng(seed)
    questions = []
    for share in PICTURE_TASKS:
        pool = pools[share.pool]
        for row in range(count):
            sample = share.task(facts_of(pool, row % len(pool.pixels)), rng)
            questions.append(Question(sample, pool.pixels[row % len(pool.pixels)]))
    questions += [Question(share.task(rng), None) for share in TEXT_TASKS for _ in range(count)]
    return questions


def draw_pools(seed: int, count: int) -> dict[PoolKind, Pool]:
    """Pictures of all kinds of the domain `dev`, drawn as files of an archive are."""
    kinds: tuple[PoolKind, ...] = ("independent", "species", "scenes")
    return {kind: draw_pool(kind, "dev", seed, count, True) for kind in kinds}


def answers(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, questions: Sequence[Question]
) -> list[str]:
    """Greedy answers, asked in batches of like length, with and without pictures apart."""
    texts = [
        processor.apply_chat_template(messages_of(question.sample), add_generation_prompt=True)
        for question in questions
    ]
    order = sorted(
        range(len(texts)), key=lambda place: (questions[place].pixels is None, len(texts[place]))
    )
    found = [""] * len(texts)
    for part in _parts(order, [question.pixels is None for question in questions]):
        pictures = [
            Image.fromarray(pixels)
            for place in part
            if (pixels := questions[place].pixels) is not None
        ]
        replies = _generate(model, processor, [texts[place] for place in part], pictures)
        for place, reply in zip(part, replies, strict=True):
            found[place] = reply
    return found


def _parts(order: list[int], blind: list[bool]) -> Iterator[list[int]]:
    for kind in (False, True):
        places = [place for place in order if blind[place] == kind]
        for start in range(0, len(places), _BATCH):
            yield places[start : start + _BATCH]


@torch.no_grad()
def _generate(
    model: LlavaForConditionalGeneration,
    processor: LlavaProcessor,
    texts: list[str],
    pictures: list[Image.Image],
) -> list[str]:
    inputs = processor(text=texts, images=pictures or None, padding=True, return_tensors="pt")
    made = model.generate(  # type: ignore[misc]
        **inputs, max_new_tokens=LONGEST_ANSWER, do_sample=False
    )
    new = made[:, inputs["input_ids"].shape[1] :]
    return list(processor.batch_decode(new, skip_special_tokens=True))


def score(questions: Sequence[Question], replies: Sequence[str]) -> dict[str, float]:
    """The share of right answers of each task."""
    right: dict[str, list[bool]] = {}
    for question, reply in zip(questions, replies, strict=True):
        right.setdefault(question.sample.task, []).append(question.sample.right(reply))
    return {task: float(np.mean(marks)) for task, marks in right.items()}
