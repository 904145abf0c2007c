"""Scores of images as tensors, on whatever device their features are.

The formulas are those of `methods.class_matrix` and `methods.multi_label_scores`, which tests hold
these against; here they run where CLIP does, so that only the best classes of an image travel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from methods.multi_label_scores import ScoreSettings

if TYPE_CHECKING:
    import torch

_BLOCK_VALUES: Final = 1 << 25  # of cosines by position at once: 128 MiB


class Best(NamedTuple):
    """The best classes of n images, best first, ties by lower column.

    Attributes:
        columns: int64 (n, k).
        scores: float32 (n, k).
    """

    columns: torch.Tensor
    scores: torch.Tensor


def best(scores: torch.Tensor, k: int) -> Best:
    """Find the k highest scores of each row, float32 (n, C); all of them where C is less."""
    classes = scores.shape[1]
    if k >= classes:
        values, columns = scores.sort(dim=1, descending=True, stable=True)
        return Best(columns, values)
    values, columns = scores.topk(k + 1, dim=1)
    # topk takes any of equal scores: where the border is between two, the row is sorted whole
    beyond = values[:, k] == values[:, k - 1]
    columns, order = columns[:, :k].sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    columns = columns.gather(1, order)
    rows = beyond.nonzero()[:, 0]
    if len(rows):
        own, there = scores[rows].sort(dim=1, descending=True, stable=True)
        values[rows], columns[rows] = own[:, :k], there[:, :k]
    return Best(columns, values)


def position_scores(
    dense: torch.Tensor, matrix: torch.Tensor, kappa: float, scale: float
) -> torch.Tensor:
    """The tensor form of `methods.multi_label_scores.local_image_scores`: float32 (n, N).

    Args:
        dense: unit features of positions, float32 (n, P, D).
        matrix: unit features of prompts, float32 (N, D).
        kappa, scale: as there.
    """
    import torch

    step = max(1, _BLOCK_VALUES // (dense.shape[1] * len(matrix)))
    found = [torch.zeros((0, len(matrix)), device=dense.device)]
    for block in dense.split(step):
        cosines = block @ matrix.T
        highest = cosines.amax(dim=1, keepdim=True)
        if math.isinf(kappa):
            found.append(scale * highest[:, 0])
            continue
        weights = (cosines - highest).mul_(kappa).exp_()
        total = weights.sum(dim=1)
        found.append(scale * weights.mul_(cosines).sum(dim=1) / total)
    return torch.cat(found)


def fused_scores(
    cosines: torch.Tensor,
    dense: torch.Tensor | None,
    local: torch.Tensor | None,
    settings: ScoreSettings,
) -> torch.Tensor:
    """The tensor form of `methods.multi_label_scores.image_scores`, of which it gives ``fused``.

    Args:
        cosines: of images and prompts for whole images, float32 (n, N).
        dense: unit features of positions, float32 (n, P, D), or None.
        local: unit features of prompts for positions, float32 (N, D), or None.
        settings: scale, kappa and fusion.

    Returns:
        float32 (n, N).
    """
    whole = settings.scale * cosines
    if dense is None or local is None:
        return whole
    other = position_scores(dense, local, settings.kappa_image, settings.scale)
    return (1 - settings.fusion) * whole + settings.fusion * other
