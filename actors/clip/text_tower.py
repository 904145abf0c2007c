"""An open_clip text tower taken apart, so that a learned context can stand before names."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from actors.clip.encoder import ClipEncoder
from actors.clip.model import ClipModel
from methods.errors import InputError
from methods.near.prompt_learner import PromptLearner
from methods.text_tower import TextTower

_SAMPLE: Final = ("a photo of a", "black-tailed gull")
_TOLERANCE: Final = 1e-3


def text_tower(encoder: ClipEncoder) -> TextTower:
    """Take a model's text tower apart and freeze the model.

    What comes out is checked against the model's own text features, so a tower that works in
    another way than expected is refused rather than trained on wrongly.

    Args:
        encoder: in fp32, as half precision loses the gradients of a context.

    Raises:
        InputError: the tower is of a kind whose prompt cannot be learned.
    """
    model: Any = encoder.model.requires_grad_(False)
    name = encoder.model_info.name
    text = getattr(model, "text", model)
    wanted = ("token_embedding", "positional_embedding", "transformer", "ln_final")
    pooling = getattr(model, "text_pool_type", getattr(text, "pool_type", None))
    ours = all(hasattr(text, part) for part in wanted) and pooling in ("argmax", "eos")
    if not ours or getattr(text, "cls_emb", None) is not None:
        raise _unsupported(name)
    tower = TextTower(
        tokenize=lambda texts, length: encoder.tokenizer(list(texts), context_length=length),
        end_positions=lambda tokens: _ends(tokens, pooling, model, text),
        token_embedding=text.token_embedding,
        positional_embedding=text.positional_embedding,
        transformer=lambda x, mask: text.transformer(x, attn_mask=mask),
        attn_mask=text.attn_mask,
        ln_final=text.ln_final,
        text_projection=lambda x: _projected(x, text.text_projection),
        logit_scale=encoder.logit_scale,
    )
    words, noun = _SAMPLE
    try:
        with torch.no_grad():
            found = PromptLearner(tower, [noun], context=words).text_features().cpu().numpy()
    except InputError as error:  # its tokens are not where they should be
        raise _unsupported(name) from error
    if not np.allclose(found, encoder.encode_texts([f"{words} {noun}."]), atol=_TOLERANCE):
        raise _unsupported(name)
    return tower


def _ends(tokens: Tensor, pooling: Any, model: Any, text: Any) -> Tensor:
    """Positions of the end-of-text tokens, where open_clip looks for them."""
    if pooling == "argmax":
        return tokens.argmax(dim=-1)
    end: int = getattr(model, "text_eos_id", getattr(text, "eos_id", 0))
    return tokens.eq(end).int().argmax(dim=-1)


def _projected(x: Tensor, projection: Any) -> Tensor:
    if projection is None:
        return x
    projected: Tensor = projection(x) if isinstance(projection, nn.Linear) else x @ projection
    return projected


def _unsupported(name: str) -> InputError:
    return InputError(
        f"--clip {name}: its text tower is not one of CLIP's own kind (start of text first, pooled "
        "at the end of text), so no prompt can be learned for it; use one such as ViT-B-16/openai"
    )


def check_context(model: ClipModel, context: int | str) -> None:
    """Load a model and see whether a prompt with this context can be learned for it.

    Raises:
        InputError: its tower is of another kind, or the context leaves names no room.
    """
    tower = text_tower(ClipEncoder(model, precision="fp32", device="cpu", threads=1))
    try:
        PromptLearner(tower, [_SAMPLE[1]], context=context)
    except InputError as error:
        raise InputError(f"--context {context}: {error}") from error
