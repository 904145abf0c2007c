"""Measuring a multi-label run: the ranking of the classes (mAP) and the labels given (F1).

Memory: one float32 and two bools per image with truth and class. Ranking scores come from
``top_labels, top_scores`` and ``labels, scores``; a class in neither scores -inf for that image, so
a run that keeps all classes in ``top_labels`` is ranked exactly and one that keeps fewer is ranked
as if the others were equally unlikely.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from methods import metrics_multilabel as metrics
from ray_jobs.runs.reader import RunReader, explode
from ray_jobs.verbs.evaluate.kept import Measured
from ray_jobs.verbs.evaluate.truth import Truth
from ray_jobs.verbs.evaluate.truth_join import TruthJoin

TOP_K = 3

_COLUMNS = ("image_id", "labels", "scores", "top_labels", "top_scores", "error")


class RankedImages(NamedTuple):
    """What a multi-label run says of the images with truth.

    Attributes:
        classes: of the run's configuration, its labels table and the truth.
        unknown: classes of the truth that are none of the run's.
        ranking: float32 (images, classes), -inf for a class without a score.
        assigned: bool (images, classes), the labels given.
        positive: bool (images, classes), the true labels.
        join: how rows and images met.
    """

    classes: list[str]
    unknown: int
    ranking: NDArray[np.float32]
    assigned: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    join: TruthJoin


def rank_images(run: RunReader, truth: Truth) -> RankedImages:
    """Read a multi-label run beside the truth.

    Raises:
        TruthError: images of the truth are not in the run.
    """
    true_classes = set(truth.labels.flatten().to_pylist())
    run_classes = _classes_of(run)
    classes = sorted(true_classes | run_classes)
    index = pa.array(classes, pa.string())
    row, label = explode(truth.labels)
    positive = np.zeros((len(truth.image_ids), len(classes)), dtype=np.bool_)
    positive[row, pc.index_in(label, index).to_numpy()] = True
    ranking, assigned, join = _collect(run, truth, index)
    join.check(run)
    return RankedImages(classes, len(true_classes - run_classes), ranking, assigned, positive, join)


def evaluate_multi_label(run: RunReader, truth: Truth, worst_pairs: int) -> Measured:
    """Return what `ray_jobs.verbs.evaluate.evaluate` documents for a multi-label run.

    Confusions are pairs of a missed class and a wrongly given one; false positives are pairs of a
    class that is there and a wrongly given one. The table of images has ``image_id, path`` and
    ``labels``, the true ones: with the run's own labels table that is all there is to measure.

    Raises:
        TruthError: images of the truth are not in the run.
    """
    classes, unknown, ranking, assigned, positive, join = rank_images(run, truth)
    remark = f"classes of the truth that are none of the run's: {unknown}" if unknown else None
    by_class = metrics.f1_mean_of_classes(assigned, positive)
    top = metrics.f1_of_means(metrics.top_k_marks(ranking, TOP_K), positive)
    pairs = metrics.missed_for_added(assigned, positive, worst_pairs)
    beside = metrics.added_beside(assigned, positive, worst_pairs)
    result = {
        "images": len(positive),
        "errors": join.errors,
        "map": metrics.mean_average_precision(ranking, positive),
        "cf1": by_class.cf1,
        "of1": by_class.of1,
        "top3": {name.rstrip("_"): value for name, value in top._asdict().items()},
        "per_class": _per_class(ranking, assigned, positive, classes),
        "confusions": [
            {"true": classes[t], "predicted": classes[p], "count": count} for t, p, count in pairs
        ],
        "false_positives": [
            {**each._asdict(), "present": classes[each.present], "added": classes[each.added]}
            for each in beside
        ],
        "note": join.note(remark),
    }
    images = {"image_id": truth.image_ids, "path": truth.paths, "labels": truth.labels}
    return Measured(result, pa.table(images))


def _classes_of(run: RunReader) -> set[str]:
    found = set(run.classes)
    for batch in run.batches(["labels", "top_labels"]):
        for column in ("labels", "top_labels"):
            found.update(pc.unique(pc.list_flatten(batch.column(column))).to_pylist())
    return found - {None}


def _collect(
    run: RunReader, truth: Truth, index: pa.Array
) -> tuple[NDArray[np.float32], NDArray[np.bool_], TruthJoin]:
    shape = (len(truth.image_ids), len(index))
    ranking = np.full(shape, -np.inf, dtype=np.float32)
    assigned = np.zeros(shape, dtype=np.bool_)
    join = TruthJoin(truth)
    for batch in run.batches(_COLUMNS):
        at = join.positions(batch)
        for names, scores in (("top_labels", "top_scores"), ("labels", "scores")):
            row, label = explode(batch.column(names).combine_chunks())
            cell = at[row], pc.index_in(label, index).fill_null(-1).to_numpy()
            known = (cell[0] >= 0) & (cell[1] >= 0)
            cell = cell[0][known], cell[1][known]
            if names == "labels":
                assigned[cell] = True
            values = pc.list_flatten(batch.column(scores)).to_numpy()
            if len(values) == len(known):  # a method may give labels without scores
                ranking[cell] = values[known]
    return ranking, assigned, join


def _per_class(
    ranking: NDArray[np.float32],
    assigned: NDArray[np.bool_],
    positive: NDArray[np.bool_],
    classes: list[str],
) -> list[dict[str, Any]]:
    precision, recall, f1 = metrics.class_f1(assigned, positive)
    precisions = metrics.average_precisions(ranking, positive)
    correct = (assigned & positive).sum(axis=0)
    return [
        {
            "label": name,
            "images": int(positive[:, c].sum()),
            "predicted": int(assigned[:, c].sum()),
            "correct": int(correct[c]),
            "average_precision": float(precisions[c]),
            "precision": float(precision[c]),
            "recall": float(recall[c]),
            "f1": float(f1[c]),
        }
        for c, name in enumerate(classes)
    ]
