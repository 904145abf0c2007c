"""A run beside another one in which the MLLM named every image: same truth, figures and costs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from methods.errors import InputError
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.costs import full_cost, label_cost, questions
from ray_jobs.verbs.evaluate.sentences import SentenceScorer
from ray_jobs.verbs.evaluate.single_label import evaluate_single_label
from ray_jobs.verbs.evaluate.truth import Truth

_FIGURES: Final = (
    *("images", "errors", "accuracy", "top5", "macro_f1", "macro_f1_true_classes", "cacc"),
    *("sacc", "nmi", "ari", "names", "names_found", "note"),
)


def compare_with_mllm_run(
    run: RunReader, mllm_run: str, truth: Truth, sentences: SentenceScorer | None
) -> dict[str, Any]:
    """Return ``mllm_run`` and ``cost`` as `ray_jobs.verbs.evaluate.evaluate` documents.

    Args:
        run: the run that is evaluated.
        mllm_run: folder of the run to compare with, a path or URI.
        truth: aligned with ``run``, and so with the other, whose images are the same.
        sentences: measures sACC; None for none.

    Raises:
        InputError: the folder is no run, gives several labels per image, labels other images than
            ``run``, or a run's record or classifier does not say what it cost.
        TruthError: the truth does not fit the runs.
    """
    other = RunReader(mllm_run)
    if other.multi_label:
        raise InputError(
            f"--mllm-run {mllm_run}: gives several labels per image; give a run with one name each"
        )
    _check_same_images(run, other)
    theirs, ours = label_cost(other), full_cost(run)
    result = evaluate_single_label(other, truth, sentences).result
    figures = {key: result[key] for key in _FIGURES if key in result}
    asked = questions(theirs)
    share = questions(ours) / asked if asked else None
    return {
        "mllm_run": {"run": other.uri, "method": other.record.get("method"), **figures, **theirs},
        "cost": {**ours, "calls_share": share},
    }


def _check_same_images(run: RunReader, other: RunReader) -> None:
    ours, theirs = _image_ids(run), _image_ids(other)
    if not np.array_equal(ours, theirs):
        shared = len(np.intersect1d(ours, theirs))
        raise InputError(
            f"--mllm-run {other.uri}: its images are not those of {run.uri} ({shared} in both, of "
            f"{len(theirs)} and {len(ours)}); label the same --images for both"
        )


def _image_ids(run: RunReader) -> NDArray[np.int64]:
    """Return the ids of a run's images, int64, ascending."""
    found = [batch.column("image_id").to_numpy() for batch in run.batches(["image_id"])]
    return np.sort(np.concatenate([np.empty(0, np.int64), *found]))
