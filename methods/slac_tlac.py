"""SLAC and TLAC: a multimodal LLM says what is there, CLIP's text encoder finds the class.

Munir et al., "TLAC: Two-stage LMM Augmented CLIP for Zero-Shot Classification" (arXiv 2503.12206).
Stage 1 describes the image; TLAC's stage 2 sees the class list and that text and picks a class;
whatever text comes last is compared with ``a photo of a NAME`` by CLIP's text encoder. Two things
differ from the published code, on purpose: failures are errors and never filler words, and cleaning
neither joins words nor damages names (`clean_answer`).
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from methods.class_matching import clean_answer_text

TEMPLATE: Final = "a photo of a {}"


def clean_answer(text: str, *, stage: Literal[1, 2], upstream_compat: bool = False) -> str:
    """Clean an answer before CLIP reads it.

    Line breaks and underscores become blanks; quotes and Markdown around the answer go, and so
    does a final period. With ``upstream_compat``, as in the published code: line breaks and all
    periods are deleted, underscores become blanks in stage 2 only.
    """
    if upstream_compat:
        text = text.replace("\n", "").replace(".", "")
        return text.replace("_", " ") if stage == 2 else text
    return clean_answer_text(text)


def text_scores(answers: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of unit text features (n, D) with the class matrix (C, D): float32 (n, C)."""
    return np.clip(answers @ matrix.T, -1.0, 1.0).astype(np.float32)


def shortlist(
    answers: NDArray[np.float32], matrix: NDArray[np.float32], size: int
) -> NDArray[np.int64]:
    """The classes closest to each answer, for lists too long to show whole.

    Args:
        answers: unit text features, float32 (n, D).
        matrix: class matrix, float32 (C, D).
        size: names to keep.

    Returns:
        int64 (n, min(size, C)), in the order of the class list, so that the order tells nothing.
    """
    scores = text_scores(answers, matrix)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :size]
    return np.sort(best, axis=1)
