"""Runs measured against one truth: figures with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.metrics_bootstrap import Interval
from ray_jobs.pipelines.registry import discovers_names
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.kept import KeptEvaluation
from ray_jobs.verbs.evaluate.multi_label import evaluate_multi_label
from ray_jobs.verbs.evaluate.single_label import WORST_PAIRS, evaluate_single_label
from ray_jobs.verbs.evaluate.truth import TruthError, align_truth, read_truth
from ray_jobs.verbs.table.measures import Measures


@dataclass(frozen=True)
class MeasuredFigure:
    """A figure of a run with its 95 % interval, fractions."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class RunsApart:
    """How far a run is from another on the same images.

    Attributes:
        metric: that was compared, a key of `Measures.METRICS`.
        difference: this run's figure less the other's, a fraction.
        interval: of 95 %, over resamples that both are measured on.
        p: two-sided.
    """

    metric: str
    difference: float
    interval: Interval
    p: float

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out that there is no difference."""
        return self.interval.low > 0 or self.interval.high < 0


def measure_runs(runs: Sequence[RunReader], truth: str) -> list[KeptEvaluation]:
    """Measure each run, in memory: nothing is written into their folders.

    Args:
        runs: over the same images, all of one label an image or all of several.
        truth: a CSV ``path,label``.

    Raises:
        TruthError: the truth is unusable, or does not belong to each of the runs alike.
    """
    read = read_truth(truth)
    found: list[KeptEvaluation] = []
    for run in runs:
        aligned = align_truth(read, run)
        measured = (
            evaluate_multi_label(run, aligned, WORST_PAIRS)
            if run.multi_label
            else evaluate_single_label(run, aligned, None)
        )
        if found and not np.array_equal(ids_of(found[0]), aligned.image_ids):
            raise TruthError(
                f"{run.uri} and {runs[0].uri} call the images of the truth by other paths; label "
                "the same folder for both"
            )
        found.append(KeptEvaluation(run, measured.result, measured.images))
    return found


def ids_of(evaluation: KeptEvaluation) -> NDArray[np.int64]:
    """The images with truth, int64, ascending."""
    ids: NDArray[np.int64] = evaluation.images.column("image_id").to_numpy()
    return ids


def metrics_of(evaluations: Sequence[KeptEvaluation]) -> list[str]:
    """The metrics that a comparison shows: accuracy, beside it cACC where names are discovered."""
    if evaluations[0].run.multi_label:
        return ["map"]
    found = any(discovers_names(each.run.record) for each in evaluations)
    return ["accuracy", "cacc"] if found else ["accuracy"]


def deciding_metric(*evaluations: KeptEvaluation) -> str:
    """What runs are ranked by: cACC where one of them discovers names."""
    return metrics_of(evaluations)[-1]


def best_of(evaluations: Sequence[KeptEvaluation]) -> KeptEvaluation:
    """The run with the highest figure; the first of equal ones."""
    metric = deciding_metric(*evaluations)
    return max(evaluations, key=lambda each: float(each.figures[metric]))


def apart(
    measures: Measures, evaluation: KeptEvaluation, other: KeptEvaluation
) -> RunsApart | None:
    """How far a run is from another; None of a run and itself."""
    if evaluation is other:
        return None
    metric = deciding_metric(evaluation, other)
    tested, interval = measures.apart(evaluation, other, metric)
    return RunsApart(metric, tested.difference, interval, tested.p)


def rightly(evaluation: KeptEvaluation) -> NDArray[np.bool_] | None:
    """Which images with truth a single-label run names rightly, discovered names by their match.

    None of a run with several labels an image, of which a label is right or not, not an image.
    """
    if evaluation.run.multi_label:
        return None
    column = "matched" if discovers_names(evaluation.run.record) else "correct"
    values = evaluation.images.column(column).to_numpy()
    return np.asarray(values, dtype=np.bool_)
