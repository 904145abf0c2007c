"""What the model says of each image's candidates, and how well it fits the image's own label."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.near.candidates import CandidateSets

_BLOCK: Final = 4096
_LEAST: Final = 1e-12


def candidate_probabilities(
    features: Tensor,
    text: Tensor,
    candidates: CandidateSets,
    views: NDArray[np.int64],
    logit_scale: float,
) -> NDArray[np.float32]:
    """Probability of each candidate of each image, without a gradient.

    Never holds more predictions than those of a few thousand images.

    Args:
        features: unit image features, float32 (N, D).
        text: unit features of names, float32 (L, D).
        candidates: of the N images.
        views: int64 (N, V), the images whose predictions are averaged for each image.
        logit_scale: what cosines are multiplied by.

    Returns:
        float32 (entries,), in the order of ``candidates.classes``.
    """
    probabilities = np.zeros(len(candidates.classes), np.float32)
    for start in range(0, len(views), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(views)))
        owner, position = candidates.entries(rows)
        classes = torch.from_numpy(candidates.classes[position].astype(np.int64))
        seen = torch.from_numpy(views[rows]).to(features.device)
        with torch.no_grad():
            total = torch.zeros(len(rows), len(text), device=features.device)
            for view in seen.T:
                total += (logit_scale * features[view] @ text.T).softmax(dim=1)
        mean = (total / seen.shape[1]).cpu()
        probabilities[position] = mean[torch.from_numpy(owner), classes].numpy()
    return probabilities


def label_losses(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], candidates: CandidateSets
) -> NDArray[np.float64]:
    """Cross-entropy of each image's own label.

    Args:
        probabilities: of each candidate, as `candidate_probabilities` gives them.
        labels: int64 (N,), -1 for none; a label is always among its image's candidates.
        candidates: of the N images.

    Returns:
        float64 (N,), by image index; 0 where there is no label.
    """
    owner, _ = candidates.entries(np.arange(len(labels)))
    is_label = candidates.classes == labels[owner]
    losses = np.zeros(len(labels))
    losses[owner[is_label]] = -np.log(
        np.maximum(probabilities[is_label].astype(np.float64), _LEAST)
    )
    return losses
