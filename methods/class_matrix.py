"""Class matrices of CLIP classifiers: from prompts to rows, from rows to scores and best classes.

A class is the mean of the unit text features of its prompts, made unit again (Radford et al. 2021,
3.1.4); an image's score for it is the softmax over classes of the scaled cosine, or the sigmoid of
it where the model has a bias for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PLACEHOLDER = "{}"
_PROMPTS = 1 << 14

EncodeTexts = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts in, float32 (n, D) unit features out."""


def fill(template: str, name: str) -> str:
    """Put a class name into a template; the name is text, never a template itself."""
    before, _, after = template.partition(PLACEHOLDER)
    return before + name + after


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each row of (n, D) by its L2 norm; zero rows stay zero."""
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.maximum(norms, 1e-12)).astype(np.float32)


def class_matrix(
    names: Sequence[str], templates: Sequence[str], encode_texts: EncodeTexts
) -> NDArray[np.float32]:
    """Return the class matrix, float32 (C, D), rows of unit length in the order of ``names``."""
    prompts = ([fill(template, name) for template in templates] for name in names)
    return matrix_of_texts(prompts, encode_texts)


def matrix_of_texts(
    texts: Iterable[Sequence[str]], encode_texts: EncodeTexts
) -> NDArray[np.float32]:
    """Return the class matrix of texts about each class, float32 (C, D), rows of unit length.

    Texts of many classes are encoded together, but not of all: 21,841 classes in 80 templates
    would be 1.7 million features.

    Args:
        texts: of each class one or more.
        encode_texts: encodes them.
    """
    rows: list[NDArray[np.float32]] = []
    held: list[Sequence[str]] = []
    count = 0
    for own in texts:
        held.append(own)
        count += len(own)
        if count >= _PROMPTS:
            rows += _means(held, encode_texts)
            held, count = [], 0
    return unit_rows(np.stack([*rows, *_means(held, encode_texts)]))


def _means(texts: Sequence[Sequence[str]], encode_texts: EncodeTexts) -> list[NDArray[np.float32]]:
    """The mean of the unit features of each class's texts."""
    if not texts:
        return []
    features = unit_rows(encode_texts([text for own in texts for text in own]))
    ends = np.cumsum([len(own) for own in texts])[:-1]
    return [part.mean(axis=0) for part in np.split(features, ends)]


def softmax_scores(
    features: NDArray[np.float32], matrix: NDArray[np.float32], logit_scale: float
) -> NDArray[np.float32]:
    """Score unit image features (n, D) against a class matrix (C, D): probabilities (n, C)."""
    logits = logit_scale * (features @ matrix.T)
    logits -= logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def sigmoid_scores(
    features: NDArray[np.float32],
    matrix: NDArray[np.float32],
    logit_scale: float,
    logit_bias: float,
) -> NDArray[np.float32]:
    """Score unit image features (n, D) against a class matrix (C, D), each class for itself.

    The probability that text and image belong together, as SigLIP is trained to give it (Zhai et
    al. 2023, 3.2): float32 (n, C), whose rows sum to anything. Of cosines that differ, both scores
    may round to 1.
    """
    logits = logit_scale * (features @ matrix.T).astype(np.float64) + logit_bias
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def top_k(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the columns of the k highest scores of each row, best first, ties by lower column."""
    k = min(k, scores.shape[1])
    if k < scores.shape[1]:
        # a partial sort finds the k-th value; ties at the border are settled by the full key below
        kth = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
        order = np.empty((len(scores), k), np.int64)
        for row, (values, border) in enumerate(zip(scores, kth, strict=True)):
            candidates = np.flatnonzero(values >= border)
            order[row] = candidates[np.argsort(-values[candidates], kind="stable")][:k]
        return order
    return np.argsort(-scores, axis=1, kind="stable")
