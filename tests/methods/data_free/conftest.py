"""A tiny random text tower, of open_clip's own parts."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.text_tower import TextTower

VOCABULARY = 400


@pytest.fixture(scope="module")
def text_model() -> Any:
    from open_clip.transformer import TextTransformer

    torch.manual_seed(3)
    model = TextTransformer(
        context_length=40, vocab_size=VOCABULARY, width=64, heads=2, layers=2, output_dim=32
    )
    with torch.no_grad():
        model.token_embedding.weight.normal_(std=0.5)
        model.positional_embedding.normal_(std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tower(text_model: Any) -> TextTower:
    return TextTower(
        tokenize=tokenize,
        end_positions=lambda tokens: tokens.argmax(dim=-1),
        token_embedding=text_model.token_embedding,
        positional_embedding=text_model.positional_embedding,
        transformer=lambda x, mask: text_model.transformer(x, attn_mask=mask),
        attn_mask=text_model.attn_mask,
        ln_final=text_model.ln_final,
        text_projection=lambda x: x @ text_model.text_projection,
        logit_scale=100.0,
    )


def tokenize(texts: Sequence[str], length: int) -> Tensor:
    """One token a word or sign; the last two of the vocabulary start and end a text."""
    tokens = torch.zeros(len(texts), length, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        words = re.findall(r"\w+|[^\w\s]", text.lower())[: length - 2]
        ids = [1 + zlib.crc32(word.encode()) % (VOCABULARY - 3) for word in words]
        ids = [VOCABULARY - 2, *ids, VOCABULARY - 1]
        row[: len(ids)] = torch.tensor(ids)
    return tokens
