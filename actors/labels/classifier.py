"""Labels from a classifier: the classes given to ``map_batches`` at the end of a labelling job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors import storage
from actors.classifier_store import load_classifier, save_classifier
from actors.clip.encoder import ClipEncoder, clip_record
from actors.clip.image_scorer import ImageScorer, Ranking
from actors.clip.lane import IN_FLIGHT
from actors.clip.model import ClipModel
from actors.clip.runtime import ClipRuntime
from actors.images.decode import usable_pixels
from actors.labels.table import (
    CLASSIFIER_LABELS_SCHEMA,
    CLASSIFIER_MULTI_LABELS_SCHEMA,
    IMAGE_COLUMNS,
    TOP_LABELS,
)
from actors.stage import RowErrors, stage
from methods.class_matrix import class_matrix, matrix_of_texts
from methods.class_names import ClassNames
from methods.classifier import (
    CONFIG_FILE,
    Classifier,
    abstains,
    parse_classifier,
    with_classes,
    zero_shot_classifier,
)

Row = dict[str, Any]


@stage("clip", CLASSIFIER_LABELS_SCHEMA)
class ClassifierLabels:
    """Batches of decoded images in, rows of the labels table out: one pass.

    ``label`` is the best class, ``score`` its probability, as `ImageScorer.ranked` gives it;
    ``top_labels`` and ``top_scores`` the best five; ``distance`` how far the image is from the
    closest class. Rows with an error pass through unlabelled; a feature that is not finite is an
    error as well, ``not_finite``. ``in_flight`` calls may run at once, in threads, on a GPU.
    """

    schema: ClassVar[pa.Schema] = CLASSIFIER_LABELS_SCHEMA
    ranked: ClassVar[int] = TOP_LABELS
    in_flight: ClassVar[int] = IN_FLIGHT

    def __init__(self, clip: ClipRuntime, classifier_files: dict[str, bytes]) -> None:
        """Load CLIP and the classifier once for this replica."""
        self._load(clip.load(), parse_classifier(classifier_files, "the classifier"))

    def _load(self, encoder: ClipEncoder, classifier: Classifier) -> None:
        self._encoder = encoder
        self._scorer = ImageScorer(classifier).prepare(encoder.device)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        errors = RowErrors.of(batch)
        rows, pixels = usable_pixels(batch, self._encoder.model_info.preprocessing)
        found: list[Row] = [{}] * batch.num_rows
        for row, ranking in zip(rows.tolist(), self._ranked(pixels), strict=True):
            if math.isfinite(ranking.distance):
                found[row] = self._labels(ranking)
                if self._abstains(ranking):
                    errors.fail(row, "abstained", self._why(ranking))
                    found[row] |= {"label": None, "score": None}
            else:
                errors.fail(row, "not_finite", "CLIP's feature of it is not finite")
        columns: dict[str, Any] = dict(errors.columns())
        for field in self.schema:
            if field.name in columns:
                continue
            if field.name in IMAGE_COLUMNS:
                columns[field.name] = batch.column(field.name)
            elif field.name == "method":
                columns["method"] = [self._scorer.classifier.method] * batch.num_rows
            else:
                nothing: Any = [] if pa.types.is_list(field.type) else None
                columns[field.name] = [row.get(field.name, nothing) for row in found]
        return pa.table({name: columns[name] for name in self.schema.names}, schema=self.schema)

    def _ranked(self, pixels: NDArray[np.uint8]) -> list[Ranking]:
        if not len(pixels):
            return []
        scorer, encoder = self._scorer, self._encoder
        with encoder.lane.slot() as slot:
            encoded = scorer.encoding.of(encoder, encoder.normalised(slot.put(pixels)))
            return scorer.ranked(encoded, self.ranked, slot.take)

    def _labels(self, ranking: Ranking) -> Row:
        names = self._scorer.classifier.labels
        return {
            **self._given([names[at] for at in ranking.given], ranking.given_scores.tolist()),
            "top_labels": [names[at] for at in ranking.top],
            "top_scores": ranking.top_scores.tolist(),
            "distance": ranking.distance,
        }

    def _abstains(self, ranking: Ranking) -> bool:
        classifier = self._scorer.classifier
        if classifier.multi_label:
            return False
        return abstains(classifier, int(ranking.given[0]), float(ranking.given_scores[0]))

    def _why(self, ranking: Ranking) -> str:
        best = self._scorer.classifier.labels[int(ranking.given[0])]
        return f"{best}: a score of {float(ranking.given_scores[0]):.4f} is too low"

    @staticmethod
    def _given(labels: list[str], scores: list[float]) -> Row:
        return {"label": labels[0], "score": scores[0]}


def zero_shot_in(
    folder: str,
    encoder: ClipEncoder,
    model: ClipModel,
    classes: ClassNames,
    templates: Sequence[str],
    made: Mapping[str, Any],
    texts: Sequence[Sequence[str]] = (),
) -> Classifier:
    """The classifier of a run, made of class names by the replica that is there first.

    Args:
        folder: of the classifier; what is there is taken.
        encoder: of the model.
        model: that encodes the names.
        classes: C of them.
        templates: of the prompts, each with ``{}`` for a name.
        made: what the classifier keeps of how it was made.
        texts: that stand for each class in place of its name in templates; none for names.
    """
    if storage.exists(storage.join(folder, CONFIG_FILE)):
        return load_classifier(folder)
    if texts:
        matrix = matrix_of_texts(texts, encoder.encode_texts)
    else:
        matrix = class_matrix(classes.names, templates, encoder.encode_texts)
    record = clip_record(model, encoder)
    classifier = with_classes(zero_shot_classifier(classes.ids, matrix, record, made), classes)
    save_classifier(classifier, folder)
    return classifier


@stage("clip", CLASSIFIER_LABELS_SCHEMA)
class ZeroShotLabels(ClassifierLabels):
    """The same with a classifier that is made here, of class names: CLIP is loaded once for both.

    The classifier is kept in the run; a replica that finds it there takes it.
    """

    def __init__(
        self,
        clip: ClipRuntime,
        classes: ClassNames,
        templates: Sequence[str],
        folder: str,
        made: Mapping[str, Any],
        texts: Sequence[Sequence[str]] = (),
    ) -> None:
        """Load CLIP, and load or make the classifier.

        Args:
            clip: the model.
            classes: C of them.
            templates: of the prompts, each with ``{}`` for a name.
            folder: of the classifier.
            made: what the classifier keeps of how it was made.
            texts: that stand for each class in place of its name in templates; none for names.
        """
        encoder = clip.load()
        classifier = zero_shot_in(folder, encoder, clip.model, classes, templates, made, texts)
        self._load(encoder, classifier)


@stage("clip", CLASSIFIER_MULTI_LABELS_SCHEMA)
class MultiLabels(ClassifierLabels):
    """The same for several labels an image, from whole-image and dense features.

    ``labels`` are the classes above their thresholds, best first; an image may have none.
    ``top_labels`` and ``top_scores`` rank all classes, 256 at most, so that a ranking can be
    measured.
    """

    schema: ClassVar[pa.Schema] = CLASSIFIER_MULTI_LABELS_SCHEMA
    ranked: ClassVar[int] = 256
    in_flight: ClassVar[int] = 1  # a ResNet without positions is changed during its forward pass

    @staticmethod
    def _given(labels: list[str], scores: list[float]) -> Row:
        return {"labels": labels, "scores": scores}
