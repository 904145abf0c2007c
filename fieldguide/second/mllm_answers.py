"""Questions of the second edition's tasks on `dev` pictures, and the model's greedy answers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from transformers import LlavaForConditionalGeneration, LlavaProcessor

from fieldguide.mllm_tasks.sample import Sample
from fieldguide.mllm_tokenizer import messages_of
from fieldguide.second.mllm_tasks.facts import facts_of
from fieldguide.second.mllm_tasks.mixture import PICTURE_TASKS, WORDS_TASKS
from fieldguide.second.pools import MLLM_SIZE, PictureKind, Pictures, draw_pictures

_BATCH = 64


class AskedSample(NamedTuple):
    """A sample and the pixels its picture has."""

    sample: Sample
    pixels: np.ndarray | None


def draw_dev_pools(seed: int, count: int) -> dict[PictureKind, Pictures]:
    """Pictures of all kinds of the domain `dev`, drawn as files of an archive are."""
    kinds: tuple[PictureKind, ...] = ("independent", "species", "scenes")
    return {kind: draw_pictures(kind, "dev", seed, range(count), MLLM_SIZE) for kind in kinds}


def draw_asked(pools: dict[PictureKind, Pictures], seed: int, count: int) -> list[AskedSample]:
    """`count` questions of each task, on the pictures of the pools in turn."""
    rng = np.random.default_rng(seed)
    asked = []
    for share in PICTURE_TASKS:
        pool = pools[share.pool]
        for row in range(count):
            place = row % len(pool.pixels)
            asked.append(AskedSample(share.task(facts_of(pool, place), rng), pool.pixels[place]))
    asked += [AskedSample(share.task(rng), None) for share in WORDS_TASKS for _ in range(count)]
    return asked


@torch.no_grad()
def greedy_answers(
    model: LlavaForConditionalGeneration,
    processor: LlavaProcessor,
    asked: Sequence[AskedSample],
    longest: int = 160,
) -> list[str]:
    """Greedy answers, asked in batches of like length, with and without pictures apart."""
    texts = [
        processor.apply_chat_template(messages_of(one.sample), add_generation_prompt=True)
        for one in asked
    ]
    order = sorted(range(len(asked)), key=lambda at: (asked[at].pixels is None, len(texts[at])))
    found = [""] * len(asked)
    for blind in (False, True):
        places = [at for at in order if (asked[at].pixels is None) == blind]
        for start in range(0, len(places), _BATCH):
            part = places[start : start + _BATCH]
            pictures = [
                Image.fromarray(pixels) for at in part if (pixels := asked[at].pixels) is not None
            ]
            inputs = processor(
                text=[texts[at] for at in part],
                images=pictures or None,
                padding=True,
                return_tensors="pt",
            )
            made = model.generate(  # type: ignore[misc]
                **inputs, max_new_tokens=longest, do_sample=False
            )
            replies = processor.batch_decode(
                made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
            )
            for at, reply in zip(part, replies, strict=True):
                found[at] = reply
    return found


def score(asked: Sequence[AskedSample], replies: Sequence[str]) -> dict[str, float]:
    """The share of right answers of each task."""
    right: dict[str, list[bool]] = {}
    for one, reply in zip(asked, replies, strict=True):
        right.setdefault(one.sample.task, []).append(one.sample.right(reply))
    return {task: float(np.mean(marks)) for task, marks in right.items()}
