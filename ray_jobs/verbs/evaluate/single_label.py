"""Metrics of a run that gives each image one label: accuracy, macro F1, cACC, sACC, NMI, ARI.

Labels stream in batches; what stays in memory is a few integers per image with truth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from methods import metrics_cluster, metrics_single
from methods.metrics_single import NO_PREDICTION
from ray_jobs.pipelines.registry import discovers_names
from ray_jobs.runs.reader import RunReader, explode
from ray_jobs.verbs.evaluate.sentences import SentenceScorer
from ray_jobs.verbs.evaluate.truth import Truth, TruthError
from ray_jobs.verbs.evaluate.truth_join import TruthJoin

WORST_PAIRS = 20


class _Names:
    """Codes of class names, in the order of first appearance."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def encode(self, names: pa.Array) -> NDArray[np.int64]:
        """Return the code of each name, int64; new names get new codes."""
        encoded = names.dictionary_encode()
        known = [self.codes.setdefault(n, len(self.codes)) for n in encoded.dictionary.to_pylist()]
        codes: NDArray[np.int64] = np.array(known, dtype=np.int64)[encoded.indices.to_numpy()]
        return codes

    def alphabetical(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the names in order, and for each code its place in that order."""
        names = sorted(self.codes)
        place = np.empty(len(names), dtype=np.int64)
        place[[self.codes[name] for name in names]] = np.arange(len(names))
        return names, place


def evaluate_single_label(
    run: RunReader, truth: Truth, sentences: SentenceScorer | None
) -> dict[str, Any]:
    """Return what `ray_jobs.verbs.evaluate.evaluate` documents for a single-label run.

    Raises:
        TruthError: images of the truth are not in the run, or have not one label each.
        InputError: the sentence model that the user named cannot be had.
    """
    names, join = _Names(), TruthJoin(truth)
    true = names.encode(_one_label_each(truth))
    predicted = np.full(len(true), NO_PREDICTION, dtype=np.int64)
    right = dict.fromkeys(run.parts, 0)
    used: set[str] = set()
    for batch in run.batches(["image_id", "labels", "error", *run.parts.values()]):
        at = join.positions(batch)
        row, label = explode(batch.column("labels").combine_chunks())
        used.update(pc.unique(label).to_pylist())
        known = at[row] >= 0
        predicted[at[row[known]]] = names.encode(label)[known]
        for part, column in run.parts.items():
            right[part] += _right(batch.column(column).combine_chunks(), at, true, names)
    join.check(run)
    classes, place = names.alphabetical()
    true = place[true]
    predicted = np.where(predicted == NO_PREDICTION, NO_PREDICTION, place[predicted])
    matching = _matching(true, predicted, len(classes)) if discovers_names(run.record) else None
    meant = predicted if matching is None else np.append(matching, NO_PREDICTION)[predicted]
    sacc, remark = sentences.score(run, true, predicted, classes) if sentences else (None, None)
    mistaken = np.where(meant == true, NO_PREDICTION, predicted)
    pairs = metrics_single.confusion_pairs(true, mistaken, WORST_PAIRS)
    result = {
        "images": len(true),
        "errors": join.errors,
        "accuracy": metrics_single.accuracy(true, predicted),
        "macro_f1": metrics_single.macro_f1(true, predicted),
        "cacc": metrics_cluster.cluster_accuracy(true, predicted),
        "nmi": metrics_cluster.normalized_mutual_information(true, predicted),
        "ari": metrics_cluster.adjusted_rand_index(true, predicted),
        "per_class": _per_class(true, meant, classes),
        "confusions": [
            {"true": classes[t], "predicted": classes[p], "count": count} for t, p, count in pairs
        ],
        "note": join.note(remark),
    }
    if sacc is not None and sentences is not None:
        result |= {"sacc": sacc, "sentences": sentences.name}
    if run.parts:
        shares = {part: count / max(len(true), 1) for part, count in right.items()}
        result["parts"] = {**shares, "fused": result["accuracy"]}
    if matching is not None:
        matched = np.flatnonzero(matching != NO_PREDICTION)
        result["names"] = {classes[name]: classes[matching[name]] for name in matched}
        result["names_found"] = len(used)
    return result


def _right(labels: pa.Array, at: NDArray[np.int64], true: NDArray[np.int64], names: _Names) -> int:
    """Count the images of the truth to which a part alone gives the true label."""
    judged = np.flatnonzero((at >= 0) & labels.is_valid().to_numpy(zero_copy_only=False))
    return int((names.encode(labels.take(pa.array(judged))) == true[at[judged]]).sum())


def _matching(
    true: NDArray[np.int64], predicted: NDArray[np.int64], n_classes: int
) -> NDArray[np.int64]:
    """Return the class that each name stands for, int64 (n_classes,), or `NO_PREDICTION`."""
    matching = np.full(n_classes, NO_PREDICTION, dtype=np.int64)
    for name, matched in metrics_cluster.match_names(true, predicted).items():
        matching[name] = matched
    return matching


def _per_class(
    true: NDArray[np.int64], predicted: NDArray[np.int64], classes: list[str]
) -> list[dict[str, Any]]:
    scores = metrics_single.class_scores(true, predicted, len(classes))
    return [
        {
            "label": classes[c],
            "images": int(scores.images[c]),
            "predicted": int(scores.predicted[c]),
            "correct": int(scores.correct[c]),
            "precision": float(scores.precision[c]),
            "recall": float(scores.recall[c]),
            "f1": float(scores.f1[c]),
        }
        for c in np.flatnonzero(scores.images + scores.predicted)
    ]


def _one_label_each(truth: Truth) -> pa.Array:
    counts = pc.list_value_length(truth.labels).to_numpy(zero_copy_only=False)
    if (counts != 1).any():
        at = int(np.argmax(counts != 1))
        what = "several labels" if counts[at] else "no label"
        raise TruthError(
            f"the run gives one label per image, but the truth has {what} for "
            f"{truth.paths[at].as_py()!r}"
        )
    return truth.labels.flatten()
