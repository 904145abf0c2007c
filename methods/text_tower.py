"""A frozen CLIP text tower, taken apart so that learned vectors can stand among its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from methods.errors import InputError


@dataclass(frozen=True)
class TextTower:
    """A frozen text tower with start-of-text first, taken apart so that embeddings can be put in.

    `actors.clip.text_tower` makes one of an open_clip model and refuses towers of another make.

    Attributes:
        tokenize: texts and a length T to int64 (n, T), padded; what is too long is cut, the
            end-of-text token kept.
        end_positions: tokens (n, T) to the position of each end-of-text token, int64 (n,).
        token_embedding: tokens (n, T) to vectors (n, T, W).
        positional_embedding: (context length, W); its device and dtype are the tower's.
        transformer: vectors (n, T, W) and the mask to vectors (n, T, W).
        attn_mask: additive causal mask, (context length, context length); None if every position
            sees all others.
        ln_final: the layer norm after the transformer.
        text_projection: vectors (n, W) to features (n, D).
        logit_scale: what cosines are multiplied by, the exponential already taken.
    """

    tokenize: Callable[[Sequence[str], int], Tensor]
    end_positions: Callable[[Tensor], Tensor]
    token_embedding: Callable[[Tensor], Tensor]
    positional_embedding: Tensor
    transformer: Callable[[Tensor, Tensor | None], Tensor]
    attn_mask: Tensor | None
    ln_final: Callable[[Tensor], Tensor]
    text_projection: Callable[[Tensor], Tensor]
    logit_scale: float


def check_room(tower: TextTower, context: int) -> None:
    """See whether so many context tokens leave a name room.

    Raises:
        InputError: there are too many, or none.
    """
    length = len(tower.positional_embedding)
    if not 1 <= context <= length - 3:
        raise InputError(
            f"a context of {context} tokens does not fit; this text tower takes {length} tokens, "
            f"so use 1 to {length - 3}"
        )


def word_embeddings(tower: TextTower, words: str) -> Tensor:
    """Embed the tokens of words, start and end of text left out: float32 (tokens, W)."""
    length, device = len(tower.positional_embedding), tower.positional_embedding.device
    tokens = tower.tokenize([words], length).to(device)
    end = int(tower.end_positions(tokens)[0])
    with torch.no_grad():
        return tower.token_embedding(tokens)[0, 1:end].float().clone()


def encode_prompts(tower: TextTower, context: Tensor, tokens: Tensor, ends: Tensor) -> Tensor:
    """Encode prompts: start of text, context tokens, then the words; gradients reach the context.

    Args:
        tower: frozen.
        context: float (n, context tokens, W).
        tokens: int64 (n, T), start of text first.
        ends: int64 (n,), positions of the end-of-text tokens, those of the context counted.

    Returns:
        Unit features, float32 (n, D).
    """
    position = tower.positional_embedding
    words = tower.token_embedding(tokens).to(position.dtype)
    x = torch.cat([words[:, :1], context.to(position.dtype), words[:, 1:]], dim=1)
    length = x.shape[1]
    mask = None if tower.attn_mask is None else tower.attn_mask[:length, :length]
    x = tower.ln_final(tower.transformer(x + position[:length], mask))
    x = tower.text_projection(x[torch.arange(len(x), device=x.device), ends])
    return functional.normalize(x.float(), dim=-1)
