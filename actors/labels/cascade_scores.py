"""What CLIP says of every image, kept so that who is uncertain can be decided for all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.image_scorer import ClassRanker
from actors.clip.lane import IN_FLIGHT
from actors.clip.runtime import ClipRuntime
from actors.embedding_store import unit_features
from actors.images.decode import usable_pixels
from actors.labels.classifier import zero_shot_in
from actors.labels.stored import among
from actors.labels.table import IMAGE_COLUMNS, TOP_LABELS
from actors.stage import RowErrors, stage
from methods.cascade.uncertainty import TEMPERATURES
from methods.class_names import ClassNames
from methods.classifier import Classifier, parse_classifier

if TYPE_CHECKING:
    import torch

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
        ("feature", pa.list_(pa.float16())),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ]
)
"""Of each image its best classes (places in the classifier), their scores and logits, and over all
classes the logarithm of the sum of exponentials at each of `TEMPERATURES`; and its feature, where a
head is to learn. All null with an error."""

_STEP: Final = 1024
"""Stored images that are scored together."""
_KEPT: Final = ("top", "top_scores", "top_logits", "log_sums", "distance", "feature")
_MUST_BE_FINITE: Final = ("log_sums", "distance")


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
        keep_features: bool = False,
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
            keep_features: whether features are kept.
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
        self._scorer = _Scorer(classifier, self._encoder.device, choices, keep_features)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score one batch; rows stay in order."""
        encoder = self._encoder
        rows, pixels = usable_pixels(batch, encoder.model_info.preprocessing)
        if not len(rows):
            return _rows(batch, rows, ())
        with encoder.lane.slot() as slot:
            features = encoder.whole(encoder.normalised(slot.put(pixels)))
            return _rows(batch, rows, slot.take(*self._scorer(features)))


@stage("clip", SCORES_SCHEMA)
def score_stored(
    batch: pa.Table,
    classifier_files: Mapping[str, bytes],
    choices: int,
    keep_features: bool = False,
    ids: NDArray[np.int64] | None = None,
) -> pa.Table:
    """Rows of an embedding store in, what CLIP says of them out, as `CascadeScores` has it.

    Args:
        batch: rows of a store, ``feature`` null where there is an error.
        classifier_files: as `Classifier.dump` gives them.
        choices: best classes to keep, five at least.
        keep_features: whether features are kept.
        ids: of the images to score, int64 ascending; all of them by default.
    """
    import torch

    if ids is not None:
        batch = batch.filter(pa.array(among(batch.column("image_id").to_numpy(), ids)))
    scorer = _kept_scorer(tuple(sorted(classifier_files.items())), choices, keep_features)
    parts = []
    with torch.inference_mode():
        for start in range(0, batch.num_rows, _STEP):
            part = batch.slice(start, _STEP)
            rows = np.flatnonzero(np.asarray(part.column("error").is_null()))
            features = unit_features(part.column("feature"))[rows]
            found = scorer(torch.from_numpy(features)) if len(rows) else ()
            parts.append(_rows(part, rows, [each.numpy() for each in found]))
    return pa.concat_tables(parts) if parts else SCORES_SCHEMA.empty_table()


def unit_lists(column: pa.Array) -> NDArray[np.float32]:
    """Kept features as they are used: float32 (n, D), of unit length; n is 1 at least, no null."""
    numbers = column.flatten()
    return unit_features(pa.FixedSizeListArray.from_arrays(numbers, len(numbers) // len(column)))


class _Scorer:
    """From features to what is kept of an image, in the order of `_KEPT`."""

    def __init__(
        self, classifier: Classifier, device: torch.device, choices: int, keep_features: bool
    ) -> None:
        scale, bias = classifier.logit_scale, classifier.logit_bias
        self._ranker = ClassRanker(classifier.matrix, scale, device, bias)
        self._scale, self._keep, self._features = scale, max(choices, TOP_LABELS), keep_features

    def __call__(self, features: torch.Tensor) -> tuple[torch.Tensor, ...]:
        import torch

        cosines = self._ranker.cosines(features)
        distances = 1 - cosines.amax(dim=1)
        logits = cosines * self._scale
        sums = [torch.logsumexp(logits / float(each), dim=1) for each in TEMPERATURES]
        columns, scores = self._ranker.likeliest(cosines, self._keep)  # uses the cosines up
        found = columns, scores, logits.gather(1, columns), torch.stack(sums, 1), distances
        return (*found, features.half()) if self._features else found


@lru_cache(maxsize=1)
def _kept_scorer(
    files: tuple[tuple[str, bytes], ...], choices: int, keep_features: bool
) -> _Scorer:
    """A classifier on the CPU, kept for the next batch of a worker."""
    import torch

    classifier = parse_classifier(dict(files), "the classifier")
    return _Scorer(classifier, torch.device("cpu"), choices, keep_features)


def _rows(batch: pa.Table, rows: NDArray[np.int64], found: Sequence[NDArray[Any]]) -> pa.Table:
    """The batch as `SCORES_SCHEMA`, with what was found of some of its rows."""
    errors = RowErrors.of(batch)
    cells: dict[str, list[Any]] = {name: [None] * batch.num_rows for name in _KEPT}
    kept = dict(zip(_KEPT, found, strict=False))  # without a head no feature
    for at, row in enumerate(rows.tolist()):
        if all(np.isfinite(kept[name][at]).all() for name in _MUST_BE_FINITE):
            for name, values in kept.items():
                cells[name][row] = values[at]
        else:
            errors.fail(row, "not_finite", "CLIP's feature of it is not finite")
    columns = {name: batch.column(name) for name in IMAGE_COLUMNS} | cells | errors.columns()
    return pa.table({name: columns[name] for name in SCORES_SCHEMA.names}, SCORES_SCHEMA)
