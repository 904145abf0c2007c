"""A frozen CLIP text tower, taken apart so that learned vectors can stand among its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor


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
