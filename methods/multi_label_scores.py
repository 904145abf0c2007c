"""Scores of images that may have several labels: by the whole image, its positions, and both.

The formulas are TaI-DPT's (Guo et al. 2023).

Learned prompts are two matrices by now; the text tower is not needed. On a matrix of plain prompts
the same gives CLIP's zero-shot scores, and the variant with local scores ("CLIP-DPT").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 64

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class ScoreSettings:
    """How images are scored.

    Attributes:
        scale: what cosines are multiplied by.
        kappa_image: how sharply the local score attends to the positions closest to a class;
            TaI-DPT uses 4 for NUS-WIDE.
        fusion: weight of the local score, the global one gets the rest.
    """

    scale: float = 4.0
    kappa_image: float = 40.0
    fusion: float = 0.5

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        if not 0 <= self.fusion <= 1:
            raise ValueError(f"fusion is {self.fusion}; it must be a share from 0 to 1")
        if self.scale <= 0 or self.kappa_image < 0:
            raise ValueError("scale must be above 0, kappa_image 0 or more")


class ImageScores(NamedTuple):
    """Scores of n images and N classes, each float32 (n, N); higher is more certain."""

    fused: Scores
    whole: Scores
    local: Scores


def image_scores(
    features: NDArray[np.float32],
    dense: NDArray[np.float32] | None,
    whole: NDArray[np.float32],
    local: NDArray[np.float32] | None,
    settings: ScoreSettings | None = None,
) -> ImageScores:
    """Score images by learned prompts.

    Args:
        features: unit features of images, float32 (n, D).
        dense: unit features of positions, float32 (n, P, D), P at least 1.
        whole: unit features of prompts for whole images, float32 (N, D).
        local: the same for positions. Without it, or without ``dense``, all three are the global
            scores.
        settings: scale, kappa and fusion; TaI-DPT's by default.
    """
    settings = settings or ScoreSettings()
    one = (settings.scale * features @ whole.T).astype(np.float32)
    if dense is None or local is None:
        return ImageScores(one, one, one)
    other = local_image_scores(dense, local, settings.kappa_image, settings.scale)
    fused = (1 - settings.fusion) * one + settings.fusion * other
    return ImageScores(fused.astype(np.float32), one, other)


def local_image_scores(
    dense: NDArray[np.float32], matrix: NDArray[np.float32], kappa: float, scale: float
) -> Scores:
    """Score images by position: scaled cosines, averaged by a softmax over positions.

    Args:
        dense: unit features of positions, float32 (n, P, D).
        matrix: unit features of prompts, float32 (N, D).
        kappa: what cosines are multiplied by in the softmax; 0 is the mean over positions, infinity
            the greatest.
        scale: what cosines are multiplied by otherwise.

    Returns:
        float32 (n, N).
    """
    scores = np.zeros((len(dense), len(matrix)), np.float32)
    for start in range(0, len(dense), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = (dense[block] @ matrix.T).astype(np.float32)
        highest = cosines.max(axis=1, keepdims=True)
        if math.isinf(kappa):
            scores[block] = scale * highest[:, 0]
            continue
        weights = np.exp(kappa * (cosines - highest))
        scores[block] = scale * (cosines * weights).sum(axis=1) / weights.sum(axis=1)
    return scores


def centred(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Take the mean over classes from the scores of each text or image, float32 (n, N).

    The ranking loss does not change when a constant is added to all scores of a text, so training
    fixes scores only up to one, and those of images lie lower than those of texts as a whole.
    Thresholds that are tuned on texts hold for images on centred scores. Ours.

    Args:
        scores: float (n, N).
    """
    return (scores - scores.mean(axis=1, keepdims=True)).astype(np.float32)
