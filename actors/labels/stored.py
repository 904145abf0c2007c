"""Labels of images whose features an embedding store holds: whole columns at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.image_scorer import ImageScorer
from actors.embedding_store import unit_features
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA, IMAGE_COLUMNS, TOP_LABELS
from actors.stage import stage
from methods.classifier import parse_classifier

_CELLS: Final = 1 << 24
"""Scores that are computed together: 64 MiB of them, as often as they are copied."""


@stage("label", CLASSIFIER_LABELS_SCHEMA)
def label_stored(
    batch: pa.Table, classifier_files: dict[str, bytes], ids: NDArray[np.int64] | None = None
) -> pa.Table:
    """Rows of an embedding store in, rows of the labels table out, by a classifier of one label.

    Scores are those of `actors.labels.classifier.ClassifierLabels`, by the same code, of the
    features as they are stored.

    Args:
        batch: rows of a store, ``feature`` null where there is an error.
        classifier_files: as `Classifier.dump` gives them.
        ids: of the images to label, int64 ascending; all of them by default.
    """
    import torch

    if ids is not None:
        batch = batch.filter(pa.array(among(batch.column("image_id").to_numpy(), ids)))
    scorer, names = _scorer(tuple(sorted(classifier_files.items())))
    fine = np.asarray(batch.column("error").is_null())
    features = unit_features(batch.column("feature"))
    classes = len(scorer.classifier.labels)
    ranked = min(TOP_LABELS, classes)
    top = np.zeros((batch.num_rows, ranked), np.int64)
    scores = np.zeros((batch.num_rows, ranked), np.float32)
    distances = np.zeros(batch.num_rows, np.float32)
    step = max(64, _CELLS // max(classes, features.shape[1]))
    with torch.inference_mode():
        for start in range(0, batch.num_rows, step):
            part = slice(start, start + step)
            rows = torch.from_numpy(features[part])
            best, far = scorer.likeliest(rows, ranked)
            top[part], scores[part] = best.columns.numpy(), best.scores.numpy()
            distances[part] = far.numpy()
    first = names.take(pa.array(top[:, 0], mask=~fine))
    cells = fine.repeat(ranked)
    offsets = pa.array(np.concatenate([[0], np.cumsum(fine * ranked)]).astype(np.int32))
    return pa.table(
        {
            **{name: batch.column(name) for name in IMAGE_COLUMNS},
            "label": first,
            "score": pa.array(scores[:, 0], mask=~fine),
            "top_labels": pa.ListArray.from_arrays(
                offsets, names.take(pa.array(top.reshape(-1)[cells]))
            ),
            "top_scores": pa.ListArray.from_arrays(offsets, pa.array(scores.reshape(-1)[cells])),
            "method": pa.repeat(scorer.classifier.method, batch.num_rows),
            "error": batch.column("error"),
            "error_detail": batch.column("error_detail"),
            "distance": pa.array(distances, mask=~fine),
        },
        schema=CLASSIFIER_LABELS_SCHEMA,
    )


def among(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which ids are among the wanted ones, which are ascending: bool (n,)."""
    if not len(wanted):
        return np.zeros(len(ids), np.bool_)
    at = np.minimum(np.searchsorted(wanted, ids), len(wanted) - 1)
    return np.asarray(wanted[at] == ids)


@lru_cache(maxsize=1)
def _scorer(files: tuple[tuple[str, bytes], ...]) -> tuple[ImageScorer, pa.Array]:
    """A classifier on the CPU, and its labels as a column; kept for the next batch of a worker."""
    import torch

    classifier = parse_classifier(dict(files), "the classifier")
    scorer = ImageScorer(classifier).prepare(torch.device("cpu"))
    return scorer, pa.array(classifier.labels, pa.string())
