"""Training batches: samples of the task mixture as token ids, cut into batches of like length."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from fieldguide.clip_pools import PoolKind
from fieldguide.mllm_features import Seen
from fieldguide.mllm_tasks.mixture import PICTURE_TASKS, TEXT_TASKS, Share, TextShare, with_system
from fieldguide.mllm_tasks.sample import Sample, facts_of
from fieldguide.mllm_tokenizer import render, with_image_tokens

TOKENS: Final = 6144
_GROUP: Final = 768


class Item(NamedTuple):
    """One exchange: its ids, where the answer starts, what the tower sees (None without one)."""

    ids: list[int]
    start: int
    features: np.ndarray | None


class Batch(NamedTuple):
    """Ids (B, T), padded on the right; features (pictures, 36, 128) in order of appearance;
    the weight of each position as a target (B, T), 0 outside of answers."""

    ids: Tensor
    features: Tensor
    weights: Tensor


class Batches:
    """Draws samples and cuts them into batches; equal seeds draw equal batches."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, seen: Mapping[PoolKind, Seen], seed: int
    ) -> None:
        self._tokenizer = tokenizer
        self._seen = seen
        self._rng = np.random.default_rng(seed)
        self._tasks: list[Share | TextShare] = [*PICTURE_TASKS, *TEXT_TASKS]
        weights = np.array([share.weight for share in self._tasks])
        self._odds = weights / weights.sum()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            items = sorted((self._item() for _ in range(_GROUP)), key=lambda item: len(item.ids))
            parts = list(cut(items))
            for place in self._rng.permutation(len(parts)):
                yield collate(parts[place], self._tokenizer.pad_token_id)

    def _item(self) -> Item:
        share = self._tasks[self._rng.choice(len(self._tasks), p=self._odds)]
        features = None
        if isinstance(share, Share):
            seen = self._seen[share.pool]
            row = int(self._rng.integers(len(seen.features)))
            sample, features = share.task(facts_of(seen.pool, row), self._rng), seen.features[row]
        else:
            sample = share.task(self._rng)
        ids, start = encode(self._tokenizer, with_system(sample, self._rng))
        return Item(ids, start, features if sample.with_image else None)


def encode(tokenizer: PreTrainedTokenizerFast, sample: Sample) -> tuple[list[int], int]:
    """The ids of the whole exchange, tokenised in one piece, and where its answer starts."""
    prompt, whole = (with_image_tokens(text) for text in render(tokenizer, sample))
    return tokenizer(whole)["input_ids"], len(tokenizer(prompt)["input_ids"])


def cut(items: list[Item]) -> Iterator[list[Item]]:
    """Consecutive parts of sorted items that fit into TOKENS when padded."""
    part: list[Item] = []
    for item in items:
        if part and (len(part) + 1) * len(item.ids) > TOKENS:
            yield part
            part = []
        part.append(item)
    yield part


def collate(items: list[Item], pad: int) -> Batch:
    """Pad and stack. An answer of n tokens weighs sqrt(n), so long ones do not drown short ones."""
    longest = max(len(item.ids) for item in items)
    ids = torch.full((len(items), longest), pad)
    weights = torch.zeros(len(items), longest)
    for row, item in enumerate(items):
        size = len(item.ids)
        ids[row, :size] = torch.tensor(item.ids)
        weights[row, item.start : size] = (size - item.start) ** -0.5
    features = [item.features for item in items if item.features is not None]
    stacked = np.stack(features) if features else np.zeros((0, 1, 1), np.float16)
    return Batch(ids, torch.from_numpy(stacked).float(), weights)
