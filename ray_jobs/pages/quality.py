"""How good a run's labels seem without truth: what ``audit`` and ``calibrate`` kept of it.

Pages only show it: what an audit supposes stands beside its figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from actors import storage
from ray_jobs.pages.numbers import Figure, percent, whole

AUDIT, CALIBRATION = "audit.json", "calibration.json"
_SHOWN_CLASSES: Final = 8
_SHOWN_ERRORS: Final = 8


@dataclass(frozen=True)
class EstimatedShare:
    """An estimated share of right labels, fractions."""

    estimate: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Unjudged:
    """What is known of a run's quality without truth; texts are hostile.

    Attributes:
        accuracy: estimated by an audit; None without one.
        assumptions: what has to hold for it.
        remarks: why something is not there, or is of an earlier state of the run.
        worst: the classes likeliest to be wrong, with their estimates.
        suspects: labels likeliest to be wrong: ``path, label, suggested``.
        figures: of an audit and a calibration, for tiles.
        reviewed: the share that was right of the images that a calibration was made of.
    """

    accuracy: EstimatedShare | None = None
    assumptions: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    worst: list[tuple[str, int, EstimatedShare]] = field(default_factory=list)
    suspects: list[dict[str, Any]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    reviewed: float | None = None

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.figures or self.remarks)


def read_unjudged(uri: str, images: int) -> Unjudged:
    """Read what a run's folder has; what cannot be read becomes a remark.

    Args:
        uri: of the run folder.
        images: that the run has now.
    """
    found = Unjudged()
    audit, calibration = (_read(uri, name, found.remarks) for name in (AUDIT, CALIBRATION))
    accuracy = reviewed = None
    if audit is not None:
        try:
            accuracy = _audited(audit, images, found)
        except (KeyError, TypeError, ValueError, AttributeError):
            found.remarks.append(f"{AUDIT} is not what onoma audit writes; audit the run again")
    if calibration is not None:
        try:
            found.figures.extend(_calibrated(calibration))
            reviewed = float(calibration["right"])
        except (KeyError, TypeError, ValueError, AttributeError):
            found.remarks.append(
                f"{CALIBRATION} is not what onoma calibrate writes; calibrate the run again"
            )
    return replace(found, accuracy=accuracy, reviewed=reviewed)


def _read(uri: str, name: str, remarks: list[str]) -> dict[str, Any] | None:
    file = storage.join(uri, name)
    try:
        if not storage.exists(file):
            return None
        content = json.loads(storage.read_bytes(file))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        remarks.append(f"{name} cannot be read; make it again")
        return None
    return content


def _audited(audit: Mapping[str, Any], images: int, found: Unjudged) -> EstimatedShare | None:
    then = int(audit["images"])
    if then != images:
        found.remarks.append(
            f"the audit is of {whole(then)} images, and the run has {whole(images)}; audit it again"
        )
    if audit["accuracy"] is None:
        found.remarks.append(str(audit["note"]))
        accuracy = None
    else:
        accuracy = _share(audit["accuracy"], float(audit["accuracy"]["level"]))
        sure = f"with a probability of {100 * accuracy.level:.0f} %"
        hint = f"{percent(accuracy.low)} to {percent(accuracy.high)}, {sure}"
        found.figures.append(Figure("Accuracy, estimated", percent(accuracy.estimate), hint))
        found.assumptions.extend(str(each) for each in audit["assumptions"])
        found.worst.extend(
            (str(row["label"]), int(row["images"]), _share(row, accuracy.level))
            for row in audit["per_class"][:_SHOWN_CLASSES]
        )
    for labeller in audit["labellers"][1:]:
        if labeller["agrees"] is not None:
            agrees = percent(float(labeller["agrees"]))
            found.figures.append(Figure("Agrees with it", agrees, _shortly(str(labeller["name"]))))
    found.suspects.extend(
        {name: row.get(name) for name in ("path", "label", "suggested")}
        for row in audit["likely_errors"][:_SHOWN_ERRORS]
    )
    for name, title in (("near_duplicates", "Twins named apart"), ("far", "Far from all classes")):
        if count := len(audit[name]):
            found.figures.append(Figure(title, whole(count), "images or pairs to look at"))
    return accuracy


def _shortly(name: str) -> str:
    """A run by the name of its folder; what else labels, as it is called."""
    return name.rstrip("/").rpartition("/")[2] or name


def _share(row: Mapping[str, Any], level: float) -> EstimatedShare:
    low, estimate, high = (float(row[name]) for name in ("low", "estimate", "high"))
    return EstimatedShare(estimate, low, high, level)


def _calibrated(found: Mapping[str, Any]) -> list[Figure]:
    reviewed = whole(int(found["reviewed"]))
    made = [
        Figure("Right, of those reviewed", percent(float(found["right"])), f"{reviewed} images"),
        Figure(
            "Kept by thresholds",
            percent(float(found["coverage"])),
            f"of the labels, for a precision of {percent(float(found['precision']))}",
        ),
    ]
    if found["expected_precision"] is not None:
        precision = percent(float(found["expected_precision"]))
        made.append(Figure("Right among those kept", precision, "expected"))
    return made
