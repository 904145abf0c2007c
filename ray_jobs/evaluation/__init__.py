"""The `evaluate` verb: a finished run and ground truth in, the metrics that fit out.

Joins by image id after the run is over; `truth` is the only place of the project that reads human
labels.
"""

from __future__ import annotations

from typing import Any

from ray_jobs.evaluation.multi_label import evaluate_multi_label
from ray_jobs.evaluation.single_label import WORST_PAIRS, evaluate_single_label
from ray_jobs.evaluation.truth import Truth, align_truth, read_truth
from ray_jobs.finished_run import FinishedRun


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
        A run that fuses parts also gives ``parts``: the accuracy of each part alone, of the class
        that the multimodal LLM named (``mllm``), and of the fused labels (``fused``).
        A run that discovers names also gives ``names``, the class that each name was matched with
        for cACC; ``per_class`` and ``confusions`` then go by that matching, not by spelling.

    Raises:
        TruthError: images of the truth are not in the run, or the truth of a single-label run does
            not have one label per image.
    """
    if run.multi_label:
        return evaluate_multi_label(run, truth, WORST_PAIRS)
    return evaluate_single_label(run, truth)
