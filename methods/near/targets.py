"""What each image is trained towards: predictions among its candidates, and its label if trusted.

An image takes the prediction restricted to its candidate names (PRODEN, Lv et al. 2020), of which
only those remain that a clean image gave. If its own label is clean, that may be mixed in
(DivideMix, Li et al. 2020). Targets may be sharpened and never carry a gradient. The paper's own
formulas are not public; these are made of those of the works it builds on.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_NOTHING: Final = 1e-12


def sharpen(q: Tensor, power: float = 2.0) -> Tensor:
    """Raise distributions (B, L) to a power, made to sum to 1 again: a temperature of 1 / power."""
    raised = q**power
    return raised / raised.sum(dim=1, keepdim=True)


def first_targets(labels: Tensor, mask: Tensor) -> Tensor:
    """Targets before any split: the label; where there is none, all candidates equally.

    Args:
        labels: int64 (B,), -1 for none.
        mask: bool (B, L), candidates.

    Returns:
        float32 (B, L), rows sum to 1.
    """
    candidates = _never_empty(mask).float()
    uniform = candidates / candidates.sum(dim=1, keepdim=True)
    return torch.where((labels >= 0)[:, None], _one_hot(labels, mask.shape[1]), uniform)


def clean_targets(labels: Tensor, weights: Tensor, probabilities: Tensor) -> Tensor:
    """Mix labels with predictions: weight x label + (1 - weight) x prediction.

    Args:
        labels: int64 (B,).
        weights: float32 (B,), probability that the label is clean.
        probabilities: float32 (B, L), the model's prediction.

    Returns:
        float32 (B, L), rows sum to 1.
    """
    with torch.no_grad():
        weight = weights[:, None]
        one_hot = _one_hot(labels, probabilities.shape[1])
        return weight * one_hot + (1 - weight) * probabilities


def noisy_targets(logits: Tensor, mask: Tensor) -> Tensor:
    """Restrict predictions to candidates, made to sum to 1 again.

    Args:
        logits: float32 (B, L); log-probabilities do as well, and for several views of an image the
            log of their mean probability.
        mask: bool (B, L), candidates; a row without any restricts nothing.

    Returns:
        float32 (B, L), 0 outside of the candidates, rows sum to 1.
    """
    with torch.no_grad():
        # through logits, because the probability of all candidates together may be 0 in float32
        return logits.masked_fill(~_never_empty(mask), float("-inf")).softmax(dim=1)


def restricted(probabilities: Tensor, mask: Tensor) -> Tensor:
    """Restrict probabilities to candidates, made to sum to 1 again.

    Args:
        probabilities: float32 (B, L), such as the mean prediction of several views.
        mask: bool (B, L), candidates; a row without any restricts nothing.

    Returns:
        float32 (B, L), 0 outside of the candidates, rows sum to 1; candidates that all have
        probability 0 are equally likely.
    """
    with torch.no_grad():
        candidates = _never_empty(mask).float()
        among = probabilities * candidates
        total = among.sum(dim=1, keepdim=True)
        uniform = candidates / candidates.sum(dim=1, keepdim=True)
        return torch.where(total > _NOTHING, among / total.clamp(min=_NOTHING), uniform)


def refined_targets(
    probabilities: Tensor,
    labels: Tensor,
    weights: Tensor,
    clean: Tensor,
    mask: Tensor,
    *,
    trust: float = 0.0,
    power: float = 1.0,
) -> Tensor:
    """Refine targets, image by image.

    The prediction among the candidates; where the label is clean, mixed with it.

    Args:
        probabilities: float32 (B, L), the model's prediction.
        labels: int64 (B,), -1 for none, which must be noisy.
        weights: float32 (B,), probability that the label is clean.
        clean: bool (B,).
        mask: bool (B, L), candidates.
        trust: what the weights are multiplied by before they mix; 0 mixes no label in, 1 is
            DivideMix.
        power: of sharpening.

    Returns:
        float32 (B, L), rows sum to 1, no gradient.
    """
    with torch.no_grad():
        among = restricted(probabilities, mask)
        mixed = clean_targets(labels, trust * weights, among)
        return sharpen(torch.where(clean[:, None], mixed, among), power)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of logits (B, L) to target distributions (B, L), mean over the batch."""
    return -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def partial_loss(logits: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """PRODEN's step: the loss to the current targets, and the targets for the next time.

    Args:
        logits: float32 (B, L).
        targets: float32 (B, L), 0 outside of the candidates.
        mask: bool (B, L), candidates.

    Returns:
        The loss, a scalar; the next targets, float32 (B, L), no gradient.
    """
    return soft_cross_entropy(logits, targets), noisy_targets(logits, mask)


def negative_entropy(logits: Tensor) -> Tensor:
    """Sum of p log p, mean over the batch: added to a loss, it holds back sure predictions."""
    logs = functional.log_softmax(logits, dim=1)
    return (logs.exp() * logs).sum(dim=1).mean()


def uniform_divergence(logits: Tensor) -> Tensor:
    """Divergence of the mean prediction of a batch (B, L) from uniform over all L names."""
    log_mean = functional.log_softmax(logits, dim=1).logsumexp(dim=0) - math.log(logits.shape[0])
    return -(log_mean + math.log(logits.shape[1])).mean()


def _one_hot(labels: Tensor, n_classes: int) -> Tensor:
    return functional.one_hot(labels.clamp(min=0), n_classes).float()


def _never_empty(mask: Tensor) -> Tensor:
    return mask | ~mask.any(dim=1, keepdim=True)
