"""Labels from a classifier: the class given to ``map_batches`` at the end of a labelling job."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from actors.clip import ClipEncoder, Precision
from actors.clip_models import ClipModel
from actors.labels_table import LABELS_SCHEMA
from methods.class_matrix import softmax_scores, top_k
from methods.classifier import Classifier, parse_classifier

TOP_LABELS = 5


class ClassifierLabels:
    """Batches of decoded images in, rows of the labels table out: one pass, one product.

    ``label`` is the best class, ``score`` its softmax probability; ``top_labels`` and
    ``top_scores`` the best five. Rows with an error pass through unlabelled.
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
        self.names = np.array(self.classifier.labels, dtype=object)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        rows, features = self.encoder.encode_decoded(batch)
        best: list[Any] = [None] * batch.num_rows
        if len(rows):
            scores = softmax_scores(features, self.classifier.matrix, self.classifier.logit_scale)
            order = top_k(scores, TOP_LABELS)
            values = np.take_along_axis(scores, order, axis=1)
            for row, columns, row_scores in zip(rows, order, values, strict=True):
                best[row] = (self.names[columns].tolist(), row_scores.tolist())
        return pa.table(
            {
                "image_id": batch.column("image_id"),
                "path": batch.column("path"),
                "uri": batch.column("uri"),
                "label": [b[0][0] if b else None for b in best],
                "score": [b[1][0] if b else None for b in best],
                "top_labels": [b[0] if b else [] for b in best],
                "top_scores": [b[1] if b else [] for b in best],
                "method": [self.classifier.method] * batch.num_rows,
                "error": batch.column("error"),
                "error_detail": batch.column("error_detail"),
            },
            schema=LABELS_SCHEMA,
        )
