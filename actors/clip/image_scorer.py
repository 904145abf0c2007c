"""Scores of images by one classifier: the same in a labelling job and behind the endpoint.

The class matrix lives where CLIP does. Cosines are computed there once, and of them scores, the
best classes and distances; a batch brings back a few numbers an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from methods.classifier import Classifier
from methods.dense import DenseMode
from methods.multi_label_scores import ScoreSettings
from methods.tensor_scores import Best, best, fused_scores

if TYPE_CHECKING:
    import torch

_WITHOUT_THRESHOLDS: Final = 3

Take = Callable[..., tuple[NDArray[Any], ...]]
"""Brings tensors to the CPU: `actors.clip.lane.Slot.take`."""


class Encoding(NamedTuple):
    """What a classifier needs of CLIP; classifiers with equal needs share a forward pass.

    Attributes:
        positions: as in `ClipEncoder.encode_pixels`.
        dense: how features of positions are computed, None where none are needed.
    """

    positions: bool
    dense: DenseMode | None

    def of(self, encoder: ClipEncoder, images: torch.Tensor) -> Encoded:
        """Encode images as `ClipEncoder.normalised` gives them."""
        whole = encoder.whole(images, positions=self.positions)
        return Encoded(whole, None if self.dense is None else encoder.dense(images, self.dense))


class Encoded(NamedTuple):
    """Unit features of n images, float32 tensors: ``whole`` (n, D), ``dense`` (n, P, D) or None."""

    whole: torch.Tensor
    dense: torch.Tensor | None

    def rows(self, rows: Sequence[int]) -> Encoded:
        """Those of some images."""
        own = list(rows)
        return Encoded(self.whole[own], None if self.dense is None else self.dense[own])


class Ranking(NamedTuple):
    """What a classifier says of one image.

    Attributes:
        given, given_scores: columns of its labels, best first, int64, and their scores, float32.
        top, top_scores: the same of the best classes.
        distance: 1 less the cosine of the closest class; not finite where the feature is not.
    """

    given: NDArray[np.int64]
    given_scores: NDArray[np.float32]
    top: NDArray[np.int64]
    top_scores: NDArray[np.float32]
    distance: float

    def cut(self, k: int) -> Ranking:
        """The same with the first k of the best classes."""
        return self._replace(top=self.top[:k], top_scores=self.top_scores[:k])


class ClassRanker:
    """A class matrix on a device, and the best classes by it."""

    def __init__(
        self,
        matrix: NDArray[np.float32],
        logit_scale: float,
        device: torch.device,
        logit_bias: float | None = None,
    ) -> None:
        """Bring the matrix to the device.

        Args:
            matrix: unit rows, float32 (C, D).
            logit_scale: on cosines.
            device: of the features to come.
            logit_bias: of a SigLIP, whose probabilities are sigmoids.
        """
        import torch

        self._matrix = torch.from_numpy(matrix).to(device)
        self._scale, self._bias = logit_scale, logit_bias

    def cosines(self, features: torch.Tensor) -> torch.Tensor:
        """Cosines of unit features (n, D) and classes, float32 (n, C)."""
        import torch

        if features.device.type == "cpu":  # NumPy's product is the faster one, by a third on AMD
            return torch.from_numpy(features.numpy() @ self._matrix.numpy().T)
        return features @ self._matrix.T

    def likeliest(self, cosines: torch.Tensor, k: int) -> Best:
        """The k best classes with their probabilities; the cosines (n, C) are used up.

        Probabilities are among the classes (softmax), or, of a SigLIP, of each alone (sigmoid);
        those may round to 1 where cosines differ, which therefore order classes.
        """
        import torch

        if self._bias is None:
            return best(cosines.mul_(self._scale).softmax(dim=1), k)
        columns, values = best(cosines, k)
        scores = torch.sigmoid(self._scale * values.to(torch.float64) + self._bias)
        return Best(columns, scores.to(torch.float32))

    def score_of(self, cosines: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Probability of one class of each image, as `likeliest` has it: float32 (n,).

        Args:
            cosines: float32 (n, C).
            columns: int64 (n,).
        """
        import torch

        own = cosines.gather(1, columns[:, None])[:, 0]
        if self._bias is None:
            return torch.exp(self._scale * own - torch.logsumexp(self._scale * cosines, dim=1))
        scores = torch.sigmoid(self._scale * own.to(torch.float64) + self._bias)
        return scores.to(torch.float32)

    def best(self, features: torch.Tensor, k: int) -> Best:
        """The k best classes of unit features (n, D), with their probabilities."""
        return self.likeliest(self.cosines(features), k)


class ImageScorer:
    """One classifier, and how images are scored by it."""

    def __init__(self, classifier: Classifier) -> None:
        """Read how the classifier wants images scored; nothing is on a device yet."""
        self.classifier = classifier
        how = dict(classifier.scoring or {})
        dense: DenseMode = how.pop("dense_mode", "auto")
        positions = bool(how.pop("global_positions", True))
        self._settings = ScoreSettings(**how)
        local = classifier.local_matrix is not None and bool(self._settings.fusion)
        self.encoding = Encoding(
            positions or not classifier.multi_label,
            dense if local and classifier.multi_label else None,
        )
        self._ranker: ClassRanker | None = None
        self._local: torch.Tensor | None = None

    def _on(self, device: torch.device) -> ClassRanker:
        """The matrices on a device, where the first batch brings them."""
        import torch

        if self._ranker is None:
            if self.classifier.local_matrix is not None:
                self._local = torch.from_numpy(self.classifier.local_matrix).to(device)
            classifier = self.classifier
            self._ranker = ClassRanker(
                classifier.matrix, classifier.logit_scale, device, classifier.logit_bias
            )
        return self._ranker

    def prepare(self, device: torch.device) -> ImageScorer:
        """Bring the matrices to a device before the first batch; returns the scorer."""
        self._on(device)
        return self

    def likeliest(self, features: torch.Tensor, k: int) -> tuple[Best, torch.Tensor]:
        """The k best classes of whole images, where an image has one label.

        Args:
            features: unit features, float32 (n, D).
            k: classes to rank.

        Returns:
            The classes with their probabilities, and distances, float32 (n,).
        """
        ranker = self._on(features.device)
        cosines = ranker.cosines(features)
        distances = 1 - cosines.amax(dim=1)
        return ranker.likeliest(cosines, k), distances

    def ranked(
        self, encoded: Encoded, k: int, take: Take, threshold: float | None = None
    ) -> list[Ranking]:
        """Score n images, choose their labels and rank their best classes.

        Scores are probabilities, or scaled cosines for several labels. The labels of an image are
        one, or for several labels those above their thresholds (the best three where there are no
        thresholds).

        Args:
            encoded: features of the images.
            k: classes to rank.
            take: brings results back.
            threshold: takes the place of the classifier's own, of scores without their mean over
                classes; of no meaning where an image has one label.
        """
        if not self.classifier.multi_label:
            likeliest, distances = self.likeliest(encoded.whole, k)
            found = take(*likeliest, distances)
            return [
                Ranking(top[:1], values[:1], top, values, float(distance))
                for top, values, distance in zip(*found, strict=True)
            ]
        cosines = self._on(encoded.whole.device).cosines(encoded.whole)
        distances = 1 - cosines.amax(dim=1)
        scores = fused_scores(cosines, encoded.dense, self._local, self._settings)
        limits = self._limits(scores, threshold)
        if limits is None:
            ranks = best(scores, max(k, _WITHOUT_THRESHOLDS))
            found = take(*ranks, distances)
            few = _WITHOUT_THRESHOLDS
            return [
                Ranking(top[:few], values[:few], top[:k], values[:k], float(distance))
                for top, values, distance in zip(*found, strict=True)
            ]
        above = scores - scores.mean(dim=1, keepdim=True) > limits
        where = above.nonzero(as_tuple=True)
        given = *where, scores[where]
        *found_given, top, top_scores, far = take(*given, *best(scores, k), distances)
        own = _by_row(len(top), *found_given)
        return [
            Ranking(columns, values, ranked, ranked_scores, float(distance))
            for (columns, values), ranked, ranked_scores, distance in zip(
                own, top, top_scores, far, strict=True
            )
        ]

    def _limits(self, scores: torch.Tensor, threshold: float | None) -> torch.Tensor | None:
        import torch

        if threshold is not None:
            return torch.full((scores.shape[1],), threshold, device=scores.device)
        limits = self.classifier.thresholds
        return None if limits is None else torch.from_numpy(limits).to(scores.device)


def _by_row(
    count: int,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Columns and scores of each row, best first, ties by lower column."""
    order = np.lexsort((columns, -scores, rows))
    ends = np.cumsum(np.bincount(rows, minlength=count))[:-1]
    return list(zip(np.split(columns[order], ends), np.split(scores[order], ends), strict=True))
