"""Labels from fused parts: the class given to ``map_batches`` at the end of What Do You See."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.image_scorer import ClassRanker
from actors.clip.runtime import ClipRuntime
from actors.labels.table import CUT, PART_LABELS_SCHEMA, TOP_LABELS
from actors.mllm.responses import cut_of, response_text
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.class_matching import ClassMatcher, clean_answer_text
from methods.classifier import Classifier, parse_classifier
from methods.long_texts import encode_long_texts
from methods.prose_lines import whole_part
from methods.settings import LongText
from methods.what_do_you_see import Part, fuse

DESCRIPTION: Final = "description"
PREDICTION: Final = "prediction"
ASKED_PARTS: Final[tuple[Part, ...]] = (DESCRIPTION, PREDICTION)
"""Names of the asks about images, and of their columns."""


@dataclass(frozen=True)
class Reading:
    """An answer as it was read.

    Attributes:
        words: what was said, usable or not.
        text: what is embedded; None where nothing usable was said.
        error: what is wrong with the answer; None where nothing is.
    """

    words: str | None = None
    text: str | None = None
    error: AnswerError | None = None


@stage("clip", PART_LABELS_SCHEMA)
class FusedLabels:
    """Batches of answered and decoded images in, rows of the labels table out.

    ``score`` is the softmax probability of the fused query, ``image_score`` and its like those of
    the parts alone, all with the classifier's matrix and scale.
    """

    def __init__(
        self,
        clip: ClipRuntime,
        classifier_files: dict[str, bytes],
        weights: Mapping[Part, float],
        long_text: LongText,
    ) -> None:
        """Load CLIP and the classifier once for this replica."""
        self._classifier: Classifier = parse_classifier(classifier_files, "the classifier")
        self._encoder = clip.load()
        matrix, scale = self._classifier.matrix, self._classifier.logit_scale
        self._ranker = ClassRanker(matrix, scale, self._encoder.device)
        self._names = np.array(self._classifier.labels, dtype=object)
        self._matcher = ClassMatcher(
            self._classifier.classes.names, self._classifier.classes.others
        )
        self._weights = dict(weights)
        self._long_text = long_text

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        readings: dict[Part, list[Reading]] = {
            part: [_read(said, part) for said in batch.column(part).to_pylist()]
            for part in ASKED_PARTS
            if self._weights[part]
        }
        parts: dict[Part, NDArray[np.float32]] = {"image": self._encode_images(batch)}
        for part, found in readings.items():
            parts[part] = self._encode_texts([each.text for each in found])
        fused = fuse({part: parts[part] for part in parts if self._weights[part]}, self._weights)
        columns: dict[str, Any] = {name: batch.column(name) for name in ("image_id", "path", "uri")}
        columns |= self._best(fused)
        for part, features in parts.items():
            columns |= self._best_of_part(part, features)
        columns |= self._said(readings)
        said = batch.select(list(readings)).to_pylist()
        columns[CUT] = [cut_of(row, {part: part for part in readings}) for row in said]
        columns |= _errors(batch, readings, fused).columns()
        columns["method"] = [self._classifier.method] * batch.num_rows
        nothing = [None] * batch.num_rows
        cells = {name: columns.get(name, nothing) for name in PART_LABELS_SCHEMA.names}
        return pa.table(cells, schema=PART_LABELS_SCHEMA)

    def _encode_images(self, batch: pa.Table) -> NDArray[np.float32]:
        """Unit features of images, zeros where there is none."""
        features = self._nothing(batch.num_rows)
        rows, found = self._encoder.encode_decoded(batch)
        features[rows] = found
        return features

    def _encode_texts(self, texts: Sequence[str | None]) -> NDArray[np.float32]:
        """Unit features of texts, zeros where there is none; a text said twice is encoded once."""
        features = self._nothing(len(texts))
        known = sorted({text for text in texts if text is not None})
        if known:
            encoder = self._encoder
            found = encode_long_texts(known, encoder.encode_texts, encoder.fits, self._long_text)
            rows = dict(zip(known, found, strict=True))
            for row, text in enumerate(texts):
                if text is not None:
                    features[row] = rows[text]
        return features

    def _nothing(self, rows: int) -> NDArray[np.float32]:
        return np.zeros((rows, self._encoder.model_info.embed_dim), np.float32)

    def _best(self, features: NDArray[np.float32]) -> dict[str, list[Any]]:
        """Columns of the fused query."""
        there: list[bool] = np.any(features, axis=1).tolist()
        with self._encoder.lane.slot() as slot:
            order, values = slot.take(*self._ranker.best(slot.put(features), TOP_LABELS))
        names = self._names[order].tolist()
        return {
            "label": [own[0] if has else None for has, own in zip(there, names, strict=True)],
            "score": [own[0] if has else None for has, own in zip(there, values, strict=True)],
            "top_labels": [own if has else [] for has, own in zip(there, names, strict=True)],
            "top_scores": [own if has else [] for has, own in zip(there, values, strict=True)],
        }

    def _best_of_part(self, part: str, features: NDArray[np.float32]) -> dict[str, list[Any]]:
        """Columns of one part alone."""
        best = self._best(features)
        return {f"{part}_{name}": best[name] for name in ("label", "score")}

    def _said(self, readings: Mapping[Part, list[Reading]]) -> dict[str, list[Any]]:
        """Columns of what was said, what was wrong with it, and the class that it names."""
        columns: dict[str, list[Any]] = {}
        for part, found in readings.items():
            columns[part] = [each.words for each in found]
            columns[f"{part}_problem"] = [each.error and each.error.code for each in found]
        if PREDICTION in readings:
            columns["mllm_label"] = [self._named(each.text) for each in readings[PREDICTION]]
        return columns

    def _named(self, text: str | None) -> str | None:
        matched = self._matcher.match(clean_answer_text(text), inside=True) if text else None
        return self._classifier.labels[matched[0]] if matched else None


def _errors(
    batch: pa.Table, readings: Mapping[Part, list[Reading]], fused: NDArray[np.float32]
) -> RowErrors:
    """Errors of rows: those that come, and images of which nothing is left to fuse."""
    errors = RowErrors.of(batch)
    for row in np.flatnonzero(errors.fine & ~fused.any(axis=1)).tolist():
        wrong = next(found[row].error for found in readings.values() if found[row].error)
        errors.fail(row, wrong)
    return errors


def _read(said: Mapping[str, Any] | None, part: Part) -> Reading:
    """Read an answer; of an image that was never asked about there is nothing to say.

    A cut answer counts: all of a description, and of a prediction what stands before its last stop,
    as a name that was cut is another name.
    """
    if said is None:
        return Reading()
    try:
        text = response_text(said, cut_counts=True)
        if part == PREDICTION and cut_of({part: said}, {part: part}):
            whole = whole_part(text).strip()
            text = whole or response_text(said)
        return Reading(said["answer"], text)
    except AnswerError as error:
        return Reading(said["answer"], None, error)
