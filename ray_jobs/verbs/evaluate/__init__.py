"""The `evaluate` verb: a finished run and ground truth in, the metrics that fit out.

Joins by image id after the run is over; `truth` is the only place of the project that reads human
labels.
"""

from __future__ import annotations

from typing import Any

from methods.errors import InputError
from ray_jobs.config import EvaluateConfig
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.kept import Measured, keep
from ray_jobs.verbs.evaluate.mllm_run import compare_with_mllm_run
from ray_jobs.verbs.evaluate.multi_label import evaluate_multi_label
from ray_jobs.verbs.evaluate.sentences import SentenceScorer
from ray_jobs.verbs.evaluate.single_label import WORST_PAIRS, evaluate_single_label
from ray_jobs.verbs.evaluate.truth import Truth, align_truth, read_truth


def run(config: EvaluateConfig) -> dict[str, Any]:
    """Run the verb; see `evaluate_run`."""
    return evaluate_run(
        config.labels,
        config.truth,
        sentences=config.sentences,
        mllm_run=config.mllm_run,
        classes=config.classes,
    )


def evaluate_run(
    run: str,
    truth: str,
    *,
    semantic: bool = True,
    sentences: str | None = None,
    mllm_run: str | None = None,
    classes: str | None = None,
) -> dict[str, Any]:
    """Measure a run against ground truth, and keep that in its folder; see `evaluate`.

    Args:
        run: the run folder, a path or URI.
        truth: the truth file, a path or URI of a CSV ``path,label``.
        semantic, sentences, mllm_run: as in `evaluate`.
        classes: the class file whose ids the truth holds; by default the run's own.

    Raises:
        InputError: the folder is no run, the class file cannot work, or what `evaluate` says.
        TruthError: the truth is unusable or does not belong to the run.
    """
    finished = RunReader(run)
    if classes is not None:
        finished.named = read_classes(classes, "evaluate")
    aligned = align_truth(read_truth(truth), finished)
    measured = _measure(finished, aligned, semantic, sentences, mllm_run)
    if remark := keep(finished, measured):
        said = measured.result["note"]
        measured.result["note"] = f"{said}; {remark}" if said else remark
    return measured.result


def evaluate(
    run: RunReader,
    truth: Truth,
    *,
    semantic: bool = True,
    sentences: str | None = None,
    mllm_run: str | None = None,
) -> dict[str, Any]:
    """Measure a run against aligned truth.

    Args:
        run: the run.
        truth: aligned with it.
        semantic: whether to measure sACC, which may download a sentence model.
        sentences: sentence-transformers model for sACC, a name of the hub or a folder. By default
            all-mpnet-base-v2, only for runs that discover names, and if it can be had.
        mllm_run: folder of a run in which the multimodal LLM named every image of the same archive.

    Returns:
        Plain values, all scores fractions in [0, 1] (``sacc`` in [-1, 1]): ``images`` (with truth),
        ``errors`` (of those, without a label because of an error; they count as wrong),
        ``per_class`` (one dictionary per class), ``confusions`` (the most frequent ``true,
        predicted, count``), ``note`` (string or None); of a single-label run ``accuracy, macro_f1``
        (over classes that occur in truth or prediction), ``macro_f1_true_classes`` (Dassl's, over
        true classes alone), ``cacc, nmi, ari`` and, where the run ranks the five best, ``top5``; of
        a multi-label run ``map, cf1, of1``, ``top3`` (``cp, cr, cf1, op, or, of1`` of the three
        best labels) and ``false_positives`` (``present, added, wrong, images, together`` of classes
        wrongly given beside one that is there).
        With a sentence model also ``sacc``, and as ``sentences`` the model; where it is wanted and
        cannot be had, ``note`` says why.
        A run that fuses parts also gives ``parts``: the accuracy of each part alone, of the class
        that the multimodal LLM named (``mllm``), and of the fused labels (``fused``).
        A run that discovers names also gives ``names``, the class that each name was matched with
        for cACC, and ``names_found``, how many distinct names its labels use; ``per_class`` and
        ``confusions`` then go by that matching, not by spelling.
        With ``mllm_run`` also ``mllm_run``: ``run, method``, the figures above of that run (all but
        ``per_class`` and ``confusions``) and what it cost (``mllm_calls, answers_reused,
        prompt_tokens, output_tokens, seconds, images_per_second``); and ``cost``: the same of this
        run, with the calls and tokens of the fit that made its classifier, and ``calls_share``, the
        questions it had answered (asked or reused) per question of ``mllm_run``, None if that asked
        none.

    Raises:
        TruthError: images of the truth are not in the run, or the truth of a single-label run does
            not have one label per image.
        InputError: the sentence model named cannot be had, ``mllm_run`` is a multi-label run, has
            other images or does not say what it cost, or either is given for a multi-label run.
    """
    return _measure(run, truth, semantic, sentences, mllm_run).result


def _measure(
    run: RunReader, truth: Truth, semantic: bool, sentences: str | None, mllm_run: str | None
) -> Measured:
    if run.multi_label:
        for flag, value in (("sentences", sentences), ("mllm-run", mllm_run)):
            if value is not None:
                raise InputError(
                    f"--{flag} {value}: is for runs with one label per image, and {run.uri} gives "
                    "several; leave it out"
                )
        return evaluate_multi_label(run, truth, WORST_PAIRS)
    scorer = SentenceScorer(sentences) if semantic else None
    # first, since it is what can be refused
    compared = {} if mllm_run is None else compare_with_mllm_run(run, mllm_run, truth, scorer)
    measured = evaluate_single_label(run, truth, scorer)
    return measured._replace(result=measured.result | compared)
