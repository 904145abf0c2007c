"""Texts that are longer than a text encoder's context.

truncate   cut at the context length, in tokens, the end-of-text token kept
sentences  encode each sentence by itself, cut where it must be, and take the mean
published  the rule of the What Do You See code: the first 100 words, else the first 200 characters,
           then 150, 100, 50
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.class_matrix import EncodeTexts, unit_rows
from methods.settings import LongText

Fits = Callable[[str], bool]

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+|(?<=[\u3002\uff01\uff1f])")
_WORDS: Final = 100
_CHARACTERS: Final = (200, 150, 100, 50)


def sentences_of(text: str) -> list[str]:
    """Split a text after its sentences' ends and at line breaks; never empty for a text with words.

    Full stops inside of numbers and of single-letter abbreviations do not end a sentence.
    """
    pieces: list[str] = []
    for piece in _SENTENCE_END.split(text):
        piece = piece.strip()
        if not piece:
            continue
        if pieces and re.search(r"(?:^|[\s.])[A-Za-z]\.$", pieces[-1]):  # as in e.g. or J. Smith
            pieces[-1] += " " + piece
        else:
            pieces.append(piece)
    return pieces or [text.strip()]


def published_cut(text: str, fits: Fits) -> str:
    """Shorten a text that does not fit, as the published code of What Do You See does.

    Args:
        text: any.
        fits: says whether the encoder takes a text whole.

    Returns:
        The text, its first 100 words, or its first 200, 150, 100 or 50 characters: the first of
        them that fits, else the last.
    """
    if fits(text):
        return text
    words = text.split()
    shorter = " ".join(words[:_WORDS])
    if len(words) > _WORDS and fits(shorter):
        return shorter
    for length in _CHARACTERS:
        shorter = text[:length]
        if fits(shorter):
            break
    return shorter


def encode_long_texts(
    texts: Sequence[str], encode_texts: EncodeTexts, fits: Fits, long_text: LongText
) -> NDArray[np.float32]:
    """Encode texts of any length.

    Args:
        texts: n texts.
        encode_texts: cuts what is too long at the context length.
        fits: says whether the encoder takes a text whole.
        long_text: what becomes of a text that does not fit.

    Returns:
        Unit features, float32 (n, D).
    """
    if long_text == "truncate":
        return encode_texts(list(texts))
    if long_text == "published":
        return encode_texts([published_cut(text, fits) for text in texts])
    pieces = [[text] if fits(text) else sentences_of(text) for text in texts]
    features = encode_texts([piece for text_pieces in pieces for piece in text_pieces])
    ends = np.cumsum([len(text_pieces) for text_pieces in pieces])[:-1]
    means = [part.mean(axis=0) for part in np.split(features, ends)] if pieces else []
    return unit_rows(np.stack(means)) if means else features
