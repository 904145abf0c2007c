"""What a method needs of a CLIP model, tried on it before anything else is done with it."""

from __future__ import annotations

import numpy as np

from actors.clip.encoder import ClipEncoder
from actors.clip.model import ClipModel
from actors.clip.runtime import ClipRuntime
from actors.clip.text_tower import text_tower
from methods.dense import DenseMode
from methods.errors import InputError
from methods.text_tower import check_room, word_embeddings


def check_context(encoder: ClipEncoder, context: int | str) -> None:
    """See whether a prompt with this context can be learned for a model.

    Args:
        encoder: the loaded model.
        context: how many tokens, or words.

    Raises:
        InputError: its tower is of another kind, or the context leaves names no room.
    """
    tower = text_tower(encoder)
    words = isinstance(context, str)
    try:
        check_room(tower, len(word_embeddings(tower, str(context))) if words else int(context))
    except InputError as error:
        raise InputError(f"--context {context}: {error}") from None


def check_towers(
    model: ClipModel, context: int | None, dense: DenseMode | None, without: str
) -> None:
    """Load a model and see whether it has what prompts, and features of positions, are made of.

    Args:
        model: the CLIP model.
        context: tokens of a prompt that is learned; None where none is.
        dense: how features of positions are computed; None where none are.
        without: what leaves them out, for the message.

    Raises:
        InputError: a tower is of another kind, or the context leaves names no room.
    """
    encoder = _loaded(model)
    if context is not None:
        tower = text_tower(encoder)
        try:
            check_room(tower, context)
        except InputError as error:
            raise InputError(f"--clip {model.name}: {error}") from error
    if dense is not None:
        _check_dense(encoder, dense, without)


def _check_dense(encoder: ClipEncoder, mode: DenseMode, without: str) -> None:
    model = encoder.model_info
    size = (1, model.preprocessing.height, model.preprocessing.width, 3)
    try:
        encoder.encode_dense(np.full(size, 127, np.uint8), mode)
    except InputError as error:
        raise InputError(f"--clip {model.name}: {error}; {without}") from error


def _loaded(model: ClipModel) -> ClipEncoder:
    return ClipRuntime(model, "fp32", device="cpu", threads=1).load()
