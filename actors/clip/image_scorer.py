"""Scores of images by one classifier: the same in a labelling job and behind the endpoint."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from methods.class_matrix import sigmoid_scores, softmax_scores, top_k
from methods.classifier import Classifier
from methods.dense import DenseMode
from methods.multi_label_scores import ScoreSettings, centred, image_scores

_WITHOUT_THRESHOLDS: Final = 3


class Encoding(NamedTuple):
    """What a classifier needs of CLIP; classifiers with equal needs share a forward pass.

    Attributes:
        positions: as in `ClipEncoder.encode_pixels`.
        dense: how features of positions are computed, None where none are needed.
    """

    positions: bool
    dense: DenseMode | None

    def of(self, encoder: ClipEncoder, pixels: NDArray[np.uint8]) -> Encoded:
        """Encode uint8 pixels (n, height, width, 3)."""
        whole = encoder.encode_pixels(pixels, positions=self.positions)
        dense = None if self.dense is None else encoder.encode_dense(pixels, self.dense)
        return Encoded(whole, dense)


class Encoded(NamedTuple):
    """Unit features of n images, float32: ``whole`` (n, D), ``dense`` (n, positions, D) or None."""

    whole: NDArray[np.float32]
    dense: NDArray[np.float32] | None


class ImageScorer:
    """One classifier, and how images are scored by it."""

    def __init__(self, classifier: Classifier) -> None:
        """Read how the classifier wants images scored."""
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

    def scores(self, encoded: Encoded) -> NDArray[np.float32]:
        """Score n images, float32 (n, C): probabilities, or scaled cosines for several labels.

        Probabilities are among the classes (softmax), or, of a SigLIP, of each alone (sigmoid).
        """
        classifier = self.classifier
        if not classifier.multi_label:
            parts = encoded.whole, classifier.matrix, classifier.logit_scale
            bias = classifier.logit_bias
            return softmax_scores(*parts) if bias is None else sigmoid_scores(*parts, bias)
        return image_scores(
            encoded.whole,
            encoded.dense,
            classifier.matrix,
            classifier.local_matrix if encoded.dense is not None else None,
            self._settings,
        ).fused

    def ranks(self, encoded: Encoded, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """What orders classes, float32 (n, C): scores, or cosines where scores may round to 1."""
        if self.classifier.logit_bias is None or self.classifier.multi_label:
            return scores
        cosines: NDArray[np.float32] = encoded.whole @ self.classifier.matrix.T
        return cosines

    def given(
        self, scores: NDArray[np.float32], threshold: float | None = None
    ) -> list[NDArray[np.intp]]:
        """Choose the labels of each image, best first.

        Args:
            scores: of `ranks`.
            threshold: takes the place of the classifier's own, of scores without their mean over
                classes; of no meaning where an image has one label.

        Returns:
            For each image the columns of its labels: one, or for several labels those above their
            thresholds (the best three where there are no thresholds).
        """
        if not self.classifier.multi_label:
            return list(top_k(scores, 1))
        order = np.argsort(-scores, axis=1, kind="stable")
        limits = self.classifier.thresholds
        if threshold is not None:
            limits = np.full(scores.shape[1], threshold, np.float32)
        if limits is None:
            return list(order[:, :_WITHOUT_THRESHOLDS])
        levels = centred(scores)
        return [row[level[row] > limits[row]] for row, level in zip(order, levels, strict=True)]

    def distances(self, encoded: Encoded) -> NDArray[np.float32]:
        """How far images are from the closest class: 1 less the greatest cosine, float32 (n,)."""
        cosines = encoded.whole @ self.classifier.matrix.T
        return (1 - cosines.max(axis=1)).astype(np.float32)
