"""Metrics of a run with one label an image: accuracy, top-5, macro F1, cACC, sACC, NMI, ARI.

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
from ray_jobs.verbs.evaluate.class_codes import BestLabels, ClassCodes
from ray_jobs.verbs.evaluate.kept import Measured
from ray_jobs.verbs.evaluate.sentences import SentenceScorer
from ray_jobs.verbs.evaluate.truth import Truth, TruthError
from ray_jobs.verbs.evaluate.truth_join import TruthJoin

WORST_PAIRS = 20


def evaluate_single_label(
    run: RunReader, truth: Truth, sentences: SentenceScorer | None
) -> Measured:
    """Return what `ray_jobs.verbs.evaluate.evaluate` documents for a single-label run.

    Its table of images has ``image_id, path``, the true ``label``, ``correct``, ``in_top5`` (null
    where not measured), ``matched`` (whether cACC counts the image) and ``similarity`` (the cosine
    that sACC is the mean of, null where not measured).

    Raises:
        TruthError: images of the truth are not in the run, or have not one label each.
        InputError: the sentence model that the user named cannot be had.
    """
    names, join = ClassCodes(), TruthJoin(truth)
    true = names.encode(_one_label_each(truth))
    predicted = np.full(len(true), NO_PREDICTION, dtype=np.int64)
    right = dict.fromkeys(run.parts, 0)
    used: set[str] = set()
    best = BestLabels(len(true))
    for batch in run.batches(["image_id", "labels", "top_labels", "error", *run.parts.values()]):
        at = join.positions(batch)
        best.add(batch, at, true, names)
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
    similar, remark = sentences.score(run, true, predicted, classes) if sentences else (None, None)
    matched = metrics_cluster.cluster_hits(true, predicted)
    mistaken = np.where(meant == true, NO_PREDICTION, predicted)
    pairs = metrics_single.confusion_pairs(true, mistaken, WORST_PAIRS)
    result: dict[str, Any] = {
        "images": len(true),
        "errors": join.errors,
        "accuracy": metrics_single.accuracy(true, predicted),
        **({} if best.hits is None else {"top5": float(best.hits.mean())}),
        "macro_f1": metrics_single.macro_f1(true, predicted),
        "macro_f1_true_classes": metrics_single.macro_f1_of_true_classes(true, predicted),
        "cacc": float(matched.mean()),
        "nmi": metrics_cluster.normalized_mutual_information(true, predicted),
        "ari": metrics_cluster.adjusted_rand_index(true, predicted),
        "per_class": _per_class(true, meant, classes),
        "confusions": [
            {"true": classes[t], "predicted": classes[p], "count": count} for t, p, count in pairs
        ],
        "note": join.note(remark),
    }
    if similar is not None and sentences is not None:
        result |= {"sacc": float(similar.mean()), "sentences": sentences.name}
    if run.parts:
        shares = {part: count / max(len(true), 1) for part, count in right.items()}
        result["parts"] = {**shares, "fused": result["accuracy"]}
    if matching is not None:
        named = np.flatnonzero(matching != NO_PREDICTION)
        result["names"] = {classes[name]: classes[matching[name]] for name in named}
        result["names_found"] = len(used)
    unmeasured = pa.nulls(len(true))
    images = {
        "image_id": truth.image_ids,
        "path": truth.paths,
        "label": truth.labels.flatten(),
        "correct": true == predicted,
        "in_top5": unmeasured if best.hits is None else best.hits,
        "matched": matched,
        "similarity": unmeasured if similar is None else similar,
    }
    return Measured(result, pa.table(images))


def _right(
    labels: pa.Array, at: NDArray[np.int64], true: NDArray[np.int64], names: ClassCodes
) -> int:
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
