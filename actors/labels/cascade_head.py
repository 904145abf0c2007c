"""How a head that learned from answers ranks the classes of images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.clip.image_scorer import ClassRanker
from methods.classifier import parse_classifier

_STEP = 1024
"""Images that are ranked together."""


class HeadRanking(NamedTuple):
    """Of n images.

    Attributes:
        top, scores: places of the k best classes, best first, and their probabilities, (n, k).
        chosen: probability of a class that somebody else chose, (n,).
    """

    top: NDArray[np.int64]
    scores: NDArray[np.float32]
    chosen: NDArray[np.float32]


class CascadeHead:
    """A learned classifier on the CPU."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Read it.

        Args:
            files: as `Classifier.dump` gives them.
        """
        import torch

        found = parse_classifier(files, "the classifier")
        cpu = torch.device("cpu")
        self._ranker = ClassRanker(found.matrix, found.logit_scale, cpu, found.logit_bias)

    def rank(self, features: NDArray[np.float32], chosen: NDArray[np.int64], k: int) -> HeadRanking:
        """Rank the classes of images.

        Args:
            features: unit rows, float32 (n, D), n > 0.
            chosen: a class of each image, int64 (n,).
            k: best classes; all where there are fewer.
        """
        import torch

        parts = []
        with torch.inference_mode():
            for start in range(0, len(features), _STEP):
                cosines = self._ranker.cosines(torch.from_numpy(features[start : start + _STEP]))
                own = torch.from_numpy(chosen[start : start + _STEP])
                of_chosen = self._ranker.score_of(cosines, own)
                top, scores = self._ranker.likeliest(cosines, k)  # uses the cosines up
                parts.append((top.numpy(), scores.numpy(), of_chosen.numpy()))
        return HeadRanking(*(np.concatenate(each) for each in zip(*parts, strict=True)))


@lru_cache(maxsize=1)
def kept_head(files: tuple[tuple[str, bytes], ...]) -> CascadeHead:
    """A head, kept for the next batch of a worker."""
    return CascadeHead(dict(files))
