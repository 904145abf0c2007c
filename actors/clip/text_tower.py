"""An open_clip text tower taken apart, so that a learned context can stand before names."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from actors.clip.encoder import ClipEncoder
from actors.compat.open_clip import text_parts
from methods.errors import InputError
from methods.text_tower import TextTower, encode_prompts, word_embeddings

_SAMPLE: Final = ("a photo of a", "black-tailed gull")
_TOLERANCE: Final = 1e-3
_LEAST_WORDS: Final = 3  # start of text, one token of a name, end of text


def text_tower(encoder: ClipEncoder) -> TextTower:
    """Take a model's text tower apart and freeze the model.

    What comes out is checked against the model's own text features, so a tower that works in
    another way than expected is refused rather than trained on wrongly.

    Args:
        encoder: in fp32, as half precision loses the gradients of a context.

    Raises:
        InputError: the tower is of a kind whose prompt cannot be learned.
    """
    model = encoder.model.requires_grad_(False)
    name = encoder.model_info.name
    parts = text_parts(model)
    if parts is None:
        raise _unsupported(name)
    tower = TextTower(
        tokenize=lambda texts, length: encoder.tokenizer(list(texts), context_length=length),
        logit_scale=encoder.logit_scale,
        **vars(parts),
    )
    words, noun = _SAMPLE
    with torch.no_grad():
        context = word_embeddings(tower, words)
        length = len(tower.positional_embedding) - len(context)
        if not len(context) or length < _LEAST_WORDS:  # its tokens are not where they should be
            raise _unsupported(name)
        tokens = tower.tokenize([f"{noun}."], length).to(context.device)
        ends = tower.end_positions(tokens) + len(context)
        found = encode_prompts(tower, context[None], tokens, ends).cpu().numpy()
    if not np.allclose(found, encoder.encode_texts([f"{words} {noun}."]), atol=_TOLERANCE):
        raise _unsupported(name)
    return tower


def _unsupported(name: str) -> InputError:
    return InputError(
        f"--clip {name}: its text tower is not one of CLIP's own kind (start of text first, pooled "
        "at the end of text), so no prompt can be learned for it; use one such as ViT-B-16/openai"
    )
