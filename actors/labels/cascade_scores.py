"""What CLIP says of every image, kept so that who is uncertain can be decided for all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import torch

from actors.clip.image_scorer import ClassRanker
from actors.clip.lane import IN_FLIGHT
from actors.clip.runtime import ClipRuntime
from actors.images.decode import usable_pixels
from actors.labels.classifier import zero_shot_in
from actors.labels.table import IMAGE_COLUMNS, TOP_LABELS
from actors.stage import RowErrors, stage
from methods.cascade.uncertainty import TEMPERATURES
from methods.class_names import ClassNames
from methods.classifier import parse_classifier

SCORES_SCHEMA: Final = pa.schema(
    [
        ("image_id", pa.int64()),
        ("path", pa.string()),
        ("uri", pa.string()),
        ("top", pa.list_(pa.int32())),
        ("top_scores", pa.list_(pa.float32())),
        ("top_logits", pa.list_(pa.float32())),
        ("log_sums", pa.list_(pa.float32())),
        ("distance", pa.float32()),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ]
)
"""Of each image its best classes (places in the classifier), their scores and logits, and over all
classes the logarithm of the sum of exponentials at each of `TEMPERATURES`; all null with an
error."""

_KEPT: Final = ("top", "top_scores", "top_logits", "log_sums", "distance")


@stage("clip", SCORES_SCHEMA)
class CascadeScores:
    """Batches of decoded images in, what CLIP says of them out; rows with an error pass through.

    Best classes and scores are those of `actors.labels.classifier.ClassifierLabels`, to the bit.
    A feature that is not finite is an error, ``not_finite``. ``in_flight`` calls may run at once,
    in threads, on a GPU.
    """

    in_flight: ClassVar[int] = IN_FLIGHT

    def __init__(
        self,
        clip: ClipRuntime,
        choices: int,
        classifier_files: Mapping[str, bytes] | None = None,
        folder: str = "",
        classes: ClassNames | None = None,
        templates: Sequence[str] = (),
        made: Mapping[str, Any] | None = None,
    ) -> None:
        """Load CLIP, and read the classifier or make it of names (`zero_shot_in`).

        Args:
            clip: the model.
            choices: best classes to keep, five at least.
            classifier_files: of a classifier that was given.
            folder, classes, templates, made: of one that is made of names.
        """
        self._encoder = clip.load()
        if classifier_files is not None:
            classifier = parse_classifier(classifier_files, "the classifier")
        else:
            assert classes is not None
            classifier = zero_shot_in(
                folder, self._encoder, clip.model, classes, templates, made or {}
            )
        scale, bias = classifier.logit_scale, classifier.logit_bias
        self._ranker = ClassRanker(classifier.matrix, scale, self._encoder.device, bias)
        self._scale, self._keep = scale, max(choices, TOP_LABELS)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score one batch; rows stay in order."""
        errors = RowErrors.of(batch)
        rows, pixels = usable_pixels(batch, self._encoder.model_info.preprocessing)
        cells: dict[str, list[Any]] = {name: [None] * batch.num_rows for name in _KEPT}
        if len(rows):
            found = self._score(pixels)
            for at, row in enumerate(rows.tolist()):
                if np.isfinite(found[-1][at]) and np.isfinite(found[3][at]).all():
                    for name, values in zip(_KEPT, found, strict=True):
                        cells[name][row] = values[at]
                else:
                    errors.fail(row, "not_finite", "CLIP's feature of it is not finite")
        columns = {name: batch.column(name) for name in IMAGE_COLUMNS} | cells | errors.columns()
        return pa.table({name: columns[name] for name in SCORES_SCHEMA.names}, SCORES_SCHEMA)

    def _score(self, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[Any, ...]:
        encoder = self._encoder
        with encoder.lane.slot() as slot:
            cosines = self._ranker.cosines(encoder.whole(encoder.normalised(slot.put(pixels))))
            distances = 1 - cosines.amax(dim=1)
            logits = cosines * self._scale
            sums = [torch.logsumexp(logits / float(each), dim=1) for each in TEMPERATURES]
            columns, scores = self._ranker.likeliest(cosines, self._keep)  # uses the cosines up
            values = logits.gather(1, columns)
            return slot.take(columns, scores, values, torch.stack(sums, 1), distances)
