"""Scores of texts by class and the ranking loss on them (TaI-DPT, Guo et al. 2023).

Scores are 4 times cosines, with no logit scale of CLIP's, and the loss is a sum over pairs: with a
margin of 1 these belong together.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def ranking_loss(
    scores: Tensor, labels: Tensor, margin: float = 1.0, *, ignored: Tensor | None = None
) -> Tensor:
    """Sum of max(0, margin - positive + negative) over pairs of a text, mean over texts.

    Memory grows with positives times classes, not with classes squared. ``scores`` are left as they
    are.

    Args:
        scores: float (B, N).
        labels: bool (B, N).
        margin: by how much positives are to be above negatives.
        ignored: bool (B, N), classes that are no negatives of a text although it lacks them; ours.

    Returns:
        A scalar; 0 where no text has both a positive and a negative.
    """
    labels = labels.bool()
    negative = ~labels if ignored is None else ~labels & ~ignored
    text, positive = labels.nonzero(as_tuple=True)
    short = (margin - scores[text, positive][:, None] + scores[text]).clamp(min=0)
    return (short * negative[text]).sum() / max(1, len(scores))


def global_scores(features: Tensor, matrix: Tensor, scale: float = 4.0) -> Tensor:
    """Score whole texts: scaled cosines.

    Args:
        features: unit features, float32 (B, D).
        matrix: unit features of prompts, float32 (N, D).
        scale: what cosines are multiplied by.

    Returns:
        float32 (B, N).
    """
    return scale * features @ matrix.T


def local_scores(
    features: Tensor,
    matrix: Tensor,
    kappa: float = 50.0,
    scale: float = 4.0,
    *,
    present: Tensor | None = None,
) -> Tensor:
    """Score texts by their tokens: scaled cosines, averaged by a softmax over positions.

    Args:
        features: unit features, float32 (B, T, D).
        matrix: unit features of prompts, float32 (N, D).
        kappa: what cosines are multiplied by in the softmax; 0 is the mean over positions, infinity
            the greatest.
        scale: what cosines are multiplied by otherwise.
        present: bool (B, T), at least one a text; other positions count for nothing. By default
            all are.

    Returns:
        float32 (B, N).
    """
    cosines = features @ matrix.T
    if present is not None:
        absent = ~present[:, :, None]
    if math.isinf(kappa):
        shown = cosines if present is None else cosines.masked_fill(absent, -math.inf)
        return scale * shown.amax(dim=1)
    logits = kappa * cosines
    if present is not None:
        logits = logits.masked_fill(absent, -math.inf)
        cosines = cosines.masked_fill(absent, 0)
    return scale * (cosines * torch.softmax(logits, dim=1)).sum(dim=1)
