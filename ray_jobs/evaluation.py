"""The `evaluate` verb: a finished run and ground truth in, the metrics that fit out.

Joins by image id after the run is over. Labels stream in batches; what stays in memory is a few
integers per image with truth, and for multi-label runs one float32 and one bool per image and class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from methods import metrics_cluster, metrics_multilabel, metrics_single
from methods.metrics_single import NO_PREDICTION
from ray_jobs.finished_run import FinishedRun, explode
from ray_jobs.truth import Truth, TruthError, align_truth, read_truth

WORST_PAIRS = 20
TOP_K = 3


def evaluate_run(run: str, truth: str) -> dict[str, Any]:
    """Measure a run against ground truth; see `evaluate` for the result.

    Args:
        run: the run folder, a path or URI.
        truth: the truth file, a path or URI of a CSV ``path,label``.

    Raises:
        InputError: the folder is no run.
        TruthError: the truth is unusable or does not belong to the run.
    """
    finished = FinishedRun(run)
    return evaluate(finished, align_truth(read_truth(truth), finished))


def evaluate(run: FinishedRun, truth: Truth) -> dict[str, Any]:
    """Measure a run against aligned truth.

    Returns:
        Plain values, all scores fractions in [0, 1]: ``images`` (with truth), ``errors`` (of those,
        without a label because of an error; they count as wrong), ``per_class`` (one dictionary per
        class), ``confusions`` (the most frequent ``true, predicted, count``), ``note`` (string or
        None), and ``accuracy, macro_f1, cacc, nmi, ari`` of a single-label run or ``map, cf1, of1``
        and ``top3`` (``cp, cr, cf1, op, or, of1`` of the three best labels) of a multi-label run.

    Raises:
        TruthError: images of the truth are not in the run, or the truth of a single-label run does
            not have one label per image.
    """
    return _evaluate_multi(run, truth) if run.multi_label else _evaluate_single(run, truth)


class _Join:
    """Checks, while labels stream by, that each image of the truth is met once; counts errors."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.rows = 0
        self.errors = 0
        self.met = np.zeros(len(truth.image_ids), dtype=np.int64)

    def positions(self, batch: pa.Table) -> NDArray[np.int64]:
        """Return the truth row of each label row, -1 without truth."""
        at = self.truth.positions(batch.column("image_id").to_numpy())
        failed = pc.is_valid(batch.column("error")).to_numpy()
        self.rows += batch.num_rows
        self.errors += int((failed & (at >= 0)).sum())
        np.add.at(self.met, at[at >= 0], 1)
        return at

    def check(self, run: FinishedRun) -> None:
        """Raise TruthError unless every image of the truth was met exactly once."""
        for wrong, what in (
            (self.met == 0, "are not in the run's labels table"),
            (self.met > 1, "are in the run's labels table more than once"),
        ):
            if wrong.any():
                example = self.truth.paths[int(np.argmax(wrong))].as_py()
                raise TruthError(
                    f"{wrong.sum()} of the {len(wrong)} images of the truth {what}"
                    f" ({run.uri}), for example {example!r}"
                )

    def note(self, *more: str | None) -> str | None:
        """Say in words what a reader of the numbers should know."""
        without = self.rows - len(self.met)
        left_out = f"{without} images of the run have no truth and were left out"
        parts = [self.truth.note, left_out if without else None, *more]
        return "; ".join(part for part in parts if part) or None


class _Names:
    """Codes of class names, in the order of first appearance."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def encode(self, names: pa.Array) -> NDArray[np.int64]:
        """Return the code of each name, int64; new names get new codes."""
        encoded = names.dictionary_encode()
        known = [self.codes.setdefault(n, len(self.codes)) for n in encoded.dictionary.to_pylist()]
        return np.array(known, dtype=np.int64)[encoded.indices.to_numpy()]

    def alphabetical(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the names in order, and for each code its place in that order."""
        names = sorted(self.codes)
        place = np.empty(len(names), dtype=np.int64)
        place[[self.codes[name] for name in names]] = np.arange(len(names))
        return names, place


def _evaluate_single(run: FinishedRun, truth: Truth) -> dict[str, Any]:
    names, join = _Names(), _Join(truth)
    true = names.encode(_one_label_each(truth))
    predicted = np.full(len(true), NO_PREDICTION, dtype=np.int64)
    for batch in run.batches(["image_id", "labels", "error"]):
        at = join.positions(batch)
        row, label = explode(batch.column("labels").combine_chunks())
        codes = names.encode(label)
        predicted[at[row[at[row] >= 0]]] = codes[at[row] >= 0]
    join.check(run)
    classes, place = names.alphabetical()
    true = place[true]
    predicted = np.where(predicted == NO_PREDICTION, NO_PREDICTION, place[predicted])
    scores = metrics_single.class_scores(true, predicted, len(classes))
    occurring = np.flatnonzero(scores.images + scores.predicted)
    pairs = metrics_single.confusion_pairs(true, predicted, WORST_PAIRS)
    return {
        "images": len(true),
        "errors": join.errors,
        "accuracy": metrics_single.accuracy(true, predicted),
        "macro_f1": metrics_single.macro_f1(true, predicted),
        "cacc": metrics_cluster.cluster_accuracy(true, predicted),
        "nmi": metrics_cluster.normalized_mutual_information(true, predicted),
        "ari": metrics_cluster.adjusted_rand_index(true, predicted),
        "per_class": [
            {
                "label": classes[c],
                "images": int(scores.images[c]),
                "predicted": int(scores.predicted[c]),
                "correct": int(scores.correct[c]),
                "precision": float(scores.precision[c]),
                "recall": float(scores.recall[c]),
                "f1": float(scores.f1[c]),
            }
            for c in occurring
        ],
        "confusions": _named(pairs, classes),
        "note": join.note(),
    }


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


def _evaluate_multi(run: FinishedRun, truth: Truth) -> dict[str, Any]:
    """Score the ranking of all classes, and the labels given.

    Ranking scores come from ``top_labels, top_scores``, then ``labels, scores``; a class in neither
    scores -inf for that image. Classes are those of the run, of its labels table and of the truth.
    """
    classes = _all_classes(run, truth)
    index = pa.array(classes, pa.string())
    shape = (len(truth.image_ids), len(classes))
    positive, assigned = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    ranking = np.full(shape, -np.inf, dtype=np.float32)
    row, label = explode(truth.labels)
    positive[row, pc.index_in(label, index).to_numpy()] = True
    join = _Join(truth)
    for batch in run.batches(
        ["image_id", "labels", "scores", "top_labels", "top_scores", "error"]
    ):
        at = join.positions(batch)
        for name, score in (("top_labels", "top_scores"), ("labels", "scores")):
            where, found = _cells(batch, at, name, index)
            values = batch.column(score).combine_chunks().flatten()
            if len(values) == len(found):  # a run may give labels without scores
                known = values.to_numpy(zero_copy_only=False)[found]
                ranking[where] = np.where(np.isnan(known), ranking[where], known)
        assigned[_cells(batch, at, "labels", index)[0]] = True
    join.check(run)
    return {
        "images": shape[0],
        "errors": join.errors,
        **_multi_metrics(ranking, assigned, positive),
        "per_class": _multi_per_class(classes, ranking, assigned, positive),
        "confusions": _named(
            metrics_multilabel.missed_for_added(assigned, positive, WORST_PAIRS), classes
        ),
        "note": join.note(_unknown_classes(run, truth)),
    }
