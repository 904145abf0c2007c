"""The `calibrate` verb: reviewed images in, thresholds for a wanted precision out.

`reviewed` reads the file, `rows` puts it beside the run, `applying` writes a run that abstains. The
statistics are in `methods.calibration`. One of the few places where a human label may enter.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from actors import storage
from actors.classifier_store import load_classifier, save_classifier
from methods.calibration.classes import ClassThresholds, class_thresholds
from methods.calibration.scores import best_curve, fit_curve
from methods.calibration.thresholds import NEVER, Threshold, least_images
from methods.classifier import CONFIG_FILE
from methods.errors import InputError
from ray_jobs.config import CalibrateConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.calibrate.applying import apply_thresholds
from ray_jobs.verbs.calibrate.reviewed import read_reviews
from ray_jobs.verbs.calibrate.rows import ReviewedRows, join_reviews

CALIBRATION_FILE = "calibration.json"


def run(config: CalibrateConfig) -> dict[str, Any]:
    """Calibrate a run by reviewed images; keeps the result in its folder, and applies it.

    Without ``reviewed``, what an earlier call kept is applied.

    Returns:
        The content of ``RUN/calibration.json``: ``run, reviewed, precision, confidence, curve,
        losses, pooled, classes, thresholds`` (by label), ``coverage`` (share of the labelled images
        whose label is kept), ``expected_precision`` (the calibrated scores of those kept),
        ``notes``; and ``applied, errors, classifier`` of what was written beside it.

    Raises:
        InputError: the run, the review file or a folder cannot work; one sentence.
    """
    finished = RunReader(config.run)
    kept = storage.join(storage.absolute(config.run), CALIBRATION_FILE)
    if config.reviewed is None:
        result = _earlier(config, kept)
    else:
        result = _calibrated(config, finished)
        text = json.dumps(result, indent=1, ensure_ascii=False)
        storage.write_bytes(kept, text.encode())
    result["out"] = kept
    if config.classifier is not None:
        result["classifier"] = _with_thresholds(config, result)
    if config.apply is not None:
        pooled = float(result["pooled"]["score"])
        told = {name: result[name] for name in ("precision", "confidence", "thresholds", "pooled")}
        result["errors"] = apply_thresholds(
            finished, config.apply, result["thresholds"], pooled, told
        )
        result["applied"] = config.apply
    return result


def _earlier(config: CalibrateConfig, kept: str) -> dict[str, Any]:
    if not storage.exists(kept):
        raise InputError(
            f"calibrate {config.run}: give --reviewed FILE; there is no {CALIBRATION_FILE} of an "
            "earlier call"
        )
    if config.apply is None and config.classifier is None:
        raise InputError("calibrate: give --reviewed FILE, or --apply DIR or --classifier DIR")
    try:
        result: dict[str, Any] = json.loads(storage.read_bytes(kept))
        float(result["pooled"]["score"]), dict(result["thresholds"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{kept} is corrupt; give --reviewed FILE again") from error
    return result


def _calibrated(config: CalibrateConfig, finished: RunReader) -> dict[str, Any]:
    where = f"--reviewed {config.reviewed}"
    reviews = read_reviews(str(config.reviewed))
    rows = join_reviews(finished, reviews, where)
    if config.method == "auto":
        curve, losses = best_curve(rows.scores, rows.right, rows.weights)
    else:
        curve = fit_curve(config.method, rows.scores, rows.right, rows.weights)
        losses = {}
    found = class_thresholds(
        rows.scores,
        rows.right,
        rows.weights,
        rows.given,
        len(rows.classes),
        config.precision,
        config.confidence,
        config.least,
    )
    sure = rows.all_scores >= found.scores[rows.all_given]
    expected = float(curve(rows.all_scores[sure]).mean()) if sure.any() else None
    mean = float((rows.weights * rows.right).sum() / rows.weights.sum())
    return {
        "run": finished.uri,
        "reviewed": len(rows.scores),
        "right": mean,
        "precision": config.precision,
        "confidence": config.confidence,
        "curve": curve.told(),
        "losses": losses,
        "pooled": {**_told(found.pooled), "from": found.pooled_from},
        "classes": {rows.classes[at]: _told(each) for at, each in found.own.items()},
        "thresholds": {name: float(found.scores[at]) for at, name in enumerate(rows.classes)},
        "coverage": float(sure.mean()),
        "expected_precision": expected,
        "notes": [*rows.notes, *_fallbacks(config, rows, found)],
    }


def _told(threshold: Threshold) -> dict[str, Any]:
    return {**threshold._asdict(), "kept_share": threshold.kept / max(threshold.reviewed, 1)}


def _fallbacks(config: CalibrateConfig, rows: ReviewedRows, found: ClassThresholds) -> list[str]:
    notes = []
    counts = np.bincount(rows.given, minlength=len(rows.classes))
    pooled = len(rows.classes) - len(found.own)
    if pooled:
        none = int((counts == 0).sum())
        notes.append(
            f"{pooled} of {len(rows.classes)} classes share one pooled threshold, {none} of them "
            f"without a reviewed image: {config.precision:.0%} is then said of these classes "
            "together, not on each"
        )
    if pooled and found.pooled_from == "all":
        notes.append(
            "too few images of those classes were reviewed: their threshold is that of all "
            "reviewed images, and nothing is stated of them"
        )
    if found.pooled.score == NEVER and pooled:
        notes.append(
            f"no pooled threshold shows {config.precision:.0%} with {config.confidence:.0%} "
            f"confidence, which needs {least_images(config.precision, config.confidence)} reviewed "
            "images at least, all right: these classes abstain always"
        )
    return notes


def _with_thresholds(config: CalibrateConfig, result: dict[str, Any]) -> str:
    """Write a copy of the run's classifier that abstains."""
    source = storage.join(storage.absolute(config.run), "classifier")
    if not storage.exists(storage.join(source, CONFIG_FILE)):
        raise InputError(
            f"--classifier {config.classifier}: {config.run} keeps no classifier; only runs of "
            "zero_shot or of a classifier do"
        )
    target = storage.absolute(str(config.classifier))
    if storage.exists(storage.join(target, CONFIG_FILE)):
        raise InputError(f"--classifier {config.classifier} is there already; give a new folder")
    classifier = load_classifier(source)
    pooled = float(result["pooled"]["score"])
    below = tuple(result["thresholds"].get(label, pooled) for label in classifier.labels)
    save_classifier(replace(classifier, abstain_below=below), target)
    return str(config.classifier)


def calibrate_lines(result: dict[str, Any]) -> list[str]:
    """What a person sees of a calibration."""
    kept = result["coverage"]
    lines = [
        f"{result['reviewed']:,} reviewed images, {result['right']:.1%} of their labels right",
        f"for {result['precision']:.1%} right with {result['confidence']:.0%} confidence, "
        f"{kept:.1%} of the labels are kept and {1 - kept:.1%} are abstained",
        f"calibration: {result['curve']['kind']}",
        f"pooled threshold: {_said(result['pooled']['score'])}",
    ]
    for label, each in list(result["classes"].items())[:20]:
        bound = "" if each["bound"] is None else f", at least {each['bound']:.1%} right"
        lines.append(f"class {label}: {_said(each['score'])}{bound}")
    lines += [f"note: {note}" for note in result["notes"]]
    if "applied" in result:
        lines.append(f"applied: {result['applied']}, errors {result['errors']}")
    if "classifier" in result:
        lines.append(f"classifier: {result['classifier']}")
    return [*lines, f"all of it: {result['out']}"]


def _said(score: float) -> str:
    return "abstains always" if score == NEVER else f"{score:.4f}"
