"""FineR, a baseline of vocabulary-free recognition: names guessed from attributes, kept by vote.

Liu et al., "Democratizing Fine-grained Visual Recognition with Large Language Models" (arXiv
2401.13837), and its public code (``OatmealLiu/FineR``). An MLLM describes each image of a sample by
attributes, an LLM guesses names from each description, CLIP lets every image vote for one of all
names, and a name's row mixes its text with the images that voted for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methods.answers import AnswerError
from methods.class_matrix import unit_rows
from methods.discovered_names import parse_name
from methods.name_spelling import name_key


def guessed_names(answer: str, category: str, most: int) -> list[str]:
    """Read the names of an answer, one a line, in its order; lines that name nothing are skipped.

    Args:
        answer: of the LLM.
        category: what all images show; no name by itself.
        most: names to take, at most.
    """
    names: dict[str, str] = {}
    for line in answer.splitlines():
        try:
            name = parse_name(line, None, category, None)
        except AnswerError:
            continue
        names.setdefault(name_key(name), name)
    return list(names.values())[:most]


def voted_matrix(
    features: NDArray[np.float32], texts: NDArray[np.float32], alpha: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Keep the names that images vote for, and mix their texts with these images.

    Args:
        features: unit image features of the sample, float32 (N, D), N at least 1.
        texts: unit text features of L names, float32 (L, D).
        alpha: weight of a name's text; the mean of its images has the rest.

    Returns:
        The V names that got a vote, int64 (V,), ascending, and their rows, float32 (V, D), of unit
        length.
    """
    votes = (features @ texts.T).argmax(axis=1)
    kept, own = np.unique(votes, return_inverse=True)
    means = np.zeros((len(kept), features.shape[1]), np.float64)
    np.add.at(means, own, features)
    means /= np.bincount(own)[:, None]
    mixed = alpha * texts[kept] + (1 - alpha) * means
    return kept.astype(np.int64), unit_rows(mixed.astype(np.float32))
