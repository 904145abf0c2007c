"""What Do You See: describe an image in text, add the text's features to the image's, classify.

Abdelhamed, Afifi and Go, "What Do You See? Enhancing Zero-Shot Image Classification with Multimodal
Large Language Models" (arXiv 2405.15668). An image's query is the sum of up to three unit vectors
in CLIP's joint space: the image, a description that a multimodal LLM wrote of it, and the model's
own guess with the class list before it (never parsed: its text is embedded as it is). A class's
weights are the sum of up to three more: its name, ``A photo of NAME``, and the mean of what an LLM
wrote about it. What is missing is left out of its sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from methods.class_matrix import unit_rows
from methods.settings import ClassPart

Part = Literal["image", "description", "prediction"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""What a query is the sum of."""

TEMPLATE: Final = "A photo of {}"
CLASS_PROMPTS: Final = 5
"""Prompts that come with the method; the published data has 10 answers to each (50 a class)."""


def class_question(prompt: str, sample: int) -> str:
    """What tells one question about a class from all others: its text and which sample it is."""
    return f"{prompt}\n#{sample}"


def spread(answers: int, prompts: int) -> list[tuple[int, int]]:
    """Spread the answers wanted about a class over prompts: (prompt, sample) of each."""
    return [(number % prompts, number // prompts) for number in range(answers)]


def class_weights(parts: Mapping[ClassPart, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Fuse what stands for each class: the unit sum, with equal weights (the paper's listing).

    Args:
        parts: float32 (C, D) of each part chosen: unit features of names and of templates, and the
            mean of the unit features of the descriptions, not made unit again; zero rows where a
            class has none.

    Returns:
        Class matrix, float32 (C, D), rows of unit length.

    Raises:
        ValueError: no part is given.
    """
    if not parts:
        raise ValueError("class weights need at least one of name, template, descriptions")
    return unit_rows(np.sum(list(parts.values()), axis=0, dtype=np.float32))


def mean_features(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of unit features (n, D) of one class's descriptions: float32 (D,), zeros for n = 0."""
    if not len(features):
        return np.zeros(features.shape[1], np.float32)
    return unit_rows(features).mean(axis=0, dtype=np.float64).astype(np.float32)


def fuse(
    parts: Mapping[Part, NDArray[np.float32]], weights: Mapping[Part, float]
) -> NDArray[np.float32]:
    """Fuse the parts of each image's query: the unit weighted sum of their unit vectors.

    Args:
        parts: float32 (n, D) of each part; a row of zeros is a part that this image lacks.
        weights: of each part, 0 or more; the paper's are all 1.

    Returns:
        Queries, float32 (n, D), rows of unit length; zeros where an image has nothing to fuse.
    """
    total = sum(np.float32(weights[part]) * unit_rows(features) for part, features in parts.items())
    return unit_rows(np.asarray(total, np.float32))
