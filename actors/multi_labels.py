"""Several labels for an image, from a multi-label classifier: whole-image and dense features."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip import ClipEncoder, Precision
from actors.clip_models import ClipModel
from actors.decode import pixels_array
from actors.labels_table import MULTI_LABELS_SCHEMA
from methods.classifier import Classifier, parse_classifier
from methods.data_free.image_scores import image_scores
from methods.data_free.settings import ScoreSettings
from methods.data_free.thresholds import centred

_RANKED: Final = 256
"""Classes that ``top_labels`` holds at most, so that a ranking of all of them can be measured."""
_WITHOUT_THRESHOLDS: Final = 3


class MultiLabels:
    """Batches of decoded images in, rows of the labels table out.

    ``labels`` are the classes above their thresholds, best first; an image may have none.
    ``top_labels`` and ``top_scores`` rank all classes. Rows with an error pass through unlabelled.
    """

    def __init__(
        self,
        model: ClipModel,
        classifier_files: dict[str, bytes],
        precision: Precision = "auto",
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        """Load CLIP and the classifier once for this replica."""
        self.classifier: Classifier = parse_classifier(classifier_files, "the classifier")
        self.encoder = ClipEncoder(model, precision=precision, threads=threads, device=device)
        how = dict(self.classifier.scoring or {})
        self._dense_mode = how.pop("dense_mode", "auto")
        self._positions = how.pop("global_positions", True)
        self._settings = ScoreSettings(**how)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        rows = np.flatnonzero([code is None for code in batch.column("error").to_pylist()])
        found: list[dict[str, Any]] = [_NOTHING] * batch.num_rows
        if len(rows):
            pixels = pixels_array(batch.column("pixels"), self.encoder.model_info.preprocessing)
            scores = self._scores(pixels[rows])
            for row, raw, level in zip(rows, scores, centred(scores), strict=True):
                found[row] = self._labels(raw, level)
        kept = ("image_id", "path", "uri", "error", "error_detail")
        columns = {name: batch.column(name) for name in kept}
        columns |= {name: [each[name] for each in found] for name in _NOTHING}
        columns["method"] = [self.classifier.method] * batch.num_rows
        names = MULTI_LABELS_SCHEMA.names
        return pa.table({name: columns[name] for name in names}, schema=MULTI_LABELS_SCHEMA)

    def _scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        classifier = self.classifier
        features = self.encoder.encode_pixels(pixels, positions=self._positions)
        dense = None
        if classifier.local_matrix is not None and self._settings.fusion:
            dense = self.encoder.encode_dense(pixels, self._dense_mode)
        return image_scores(
            features, dense, classifier.matrix, classifier.local_matrix, self._settings
        ).fused

    def _labels(self, scores: NDArray[np.float32], level: NDArray[np.float32]) -> dict[str, Any]:
        names, order = self.classifier.labels, np.argsort(-scores, kind="stable")
        thresholds = self.classifier.thresholds
        if thresholds is None:
            given = order[:_WITHOUT_THRESHOLDS]
        else:
            given = order[level[order] > thresholds[order]]
        ranked = order[:_RANKED]
        return {
            "labels": [names[at] for at in given],
            "scores": scores[given].tolist(),
            "top_labels": [names[at] for at in ranked],
            "top_scores": scores[ranked].tolist(),
        }


_NOTHING: Final[dict[str, Any]] = {
    "labels": [], "scores": [], "top_labels": [], "top_scores": []
}  # fmt: skip
