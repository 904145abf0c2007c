"""Answers from Label Studio and FiftyOne, as lines of the review file.

Label Studio's JSON export is a list of tasks, each with annotations; who annotated is the reviewer.
FiftyOne writes ``labels.json`` for image classification (``labels``: by name, a class or an object
with ``label``), and ``samples.json`` for whole data sets (``samples``: each with ``filepath`` and
fields; the field ``ground_truth``, or else the one Classification there is).

Images are found by the ``image_id`` that `export` wrote, or by path. An answer counts in estimates
where its image was drawn and so were all before it in its stratum; others are kept, and said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from methods.errors import InputError
from ray_jobs.runs.reviewed import NONE_FITS, ReviewedLine, append_lines
from ray_jobs.verbs.review.answers import LabelNames, drawn_ids, find_images
from ray_jobs.verbs.review.session import ReviewSession

_GIVEN: Final = ("ground_truth", "label", "predictions")
_IGNORED: Final = {"_id", "_cls", "_media_type", "_rand", "_dataset_id", "filepath", "tags"}


def import_answers(session: ReviewSession, file: str, reviewer: str) -> dict[str, Any]:
    """Add the answers of a file to the review file; what is there already is not added again.

    Returns:
        ``imported``, ``imported_not_drawn`` and ``imported_before``: counts of lines.

    Raises:
        InputError: the file is of neither tool, of another run, or of other classes.
    """
    given = list(_answers(_read(file), file, reviewer))
    if not given:
        raise InputError(f"--import {file} holds no answer: no task or sample in it has a label")
    located = _located(session, given, file)
    names = LabelNames(session.sample.run)
    lines, before = [], 0
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for line, key, path, predicted in located:
        label = line.label and names.find(line.label, f"--import {file}, image {path!r}")
        known = session.answers.get(key)
        if known and known.said.get(line.reviewer) == (label or NONE_FITS):
            before += 1
            continue
        lines.append(
            ReviewedLine(
                image_id=str(key),
                label=label,
                reviewer=line.reviewer,
                time=line.time or now,
                answer="label" if label else "none",
                predicted=predicted or "",
                path=path,
            )
        )
    lines = _with_strata(session, lines)
    append_lines(session.file, lines)
    session.refresh()
    return {
        "imported": len(lines),
        "imported_not_drawn": sum(not line.stratum for line in lines),
        "imported_before": before,
    }


def _read(file: str) -> Any:
    try:
        with open(file, "rb") as stream:
            return json.loads(stream.read().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"--import {file}: there is no such file") from error
    except OSError as error:
        raise InputError(f"--import {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(
            f"--import {file} is no JSON; export as JSON from Label Studio, or give FiftyOne's "
            "labels.json or samples.json"
        ) from error


def _answers(content: Any, file: str, reviewer: str) -> Iterator[ReviewedLine]:
    if isinstance(content, list) and all(isinstance(task, dict) for task in content):
        for task in content:
            yield from _of_task(task, reviewer)
    elif isinstance(content, dict) and isinstance(content.get("labels"), dict):
        classes = content.get("classes")
        for name, own in content["labels"].items():
            attributes = own.get("attributes", {}) if isinstance(own, dict) else {}
            label = own.get("label") if isinstance(own, dict) else own
            if isinstance(label, int) and isinstance(classes, list) and 0 <= label < len(classes):
                label = classes[label]
            if isinstance(label, str) and label:
                yield ReviewedLine(
                    image_id=str(attributes.get("image_id", name)),
                    path=str(attributes.get("path", name)),
                    label=label,
                    reviewer=str(attributes.get("reviewer") or reviewer),
                )
    elif isinstance(content, dict) and isinstance(content.get("samples"), list):
        for sample in content["samples"]:
            if isinstance(sample, dict):
                yield from _of_sample(sample, reviewer)
    else:
        raise InputError(
            f"--import {file} is neither Label Studio's JSON export (a list of tasks) nor "
            "FiftyOne's labels.json or samples.json"
        )


def _of_task(task: dict[str, Any], reviewer: str) -> Iterator[ReviewedLine]:
    """The answers of a task, in Label Studio's full JSON or in its short form, JSON-MIN."""
    given = task.get("data")
    data: dict[str, Any] = given if isinstance(given, dict) else task
    image_id = str(data.get("image_id", ""))
    path = str(data.get("path", "") or data.get("image", ""))
    if "data" not in task and isinstance(task.get("label"), str):
        who = task.get("annotator")
        yield ReviewedLine(
            image_id=image_id, path=path, label=task["label"], reviewer=_who(who, reviewer),
            time=str(task.get("updated_at") or ""),
        )  # fmt: skip
        return
    for each in task.get("annotations") or task.get("completions") or []:
        if not isinstance(each, dict) or each.get("was_cancelled"):
            continue
        chosen = [
            choice
            for result in each.get("result") or []
            for choice in (result.get("value") or {}).get("choices") or []
        ]
        if len(chosen) == 1:
            yield ReviewedLine(
                image_id=image_id,
                path=path,
                label="" if chosen[0] == NONE_FITS else str(chosen[0]),
                reviewer=_who(each.get("completed_by"), reviewer),
                time=str(each.get("updated_at") or each.get("created_at") or ""),
            )


def _who(value: Any, reviewer: str) -> str:
    """Label Studio has a number, an address, or an object with both."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    return reviewer if value in (None, "") else str(value)


def _of_sample(sample: dict[str, Any], reviewer: str) -> Iterator[ReviewedLine]:
    fields = {
        name: value
        for name, value in sample.items()
        if isinstance(value, dict) and value.get("_cls") == "Classification" and value.get("label")
    }
    name = next((name for name in _GIVEN if name in fields), next(iter(fields), None))
    if name is not None:
        who = fields[name].get("reviewer") or sample.get("reviewer") or reviewer
        yield ReviewedLine(
            image_id=str(sample.get("image_id", "")),
            path=str(sample.get("path") or sample.get("filepath") or ""),
            label=str(fields[name]["label"]),
            reviewer=str(who),
        )


Located = list[tuple[ReviewedLine, int, str, str | None]]


def _located(session: ReviewSession, lines: list[ReviewedLine], file: str) -> Located:
    ids = {int(line.image_id) for line in lines if line.image_id.lstrip("-").isdigit()}
    ids = {key for key in ids if -(1 << 63) <= key < 1 << 63}
    images, places = find_images(
        session.sample.run, ids, {line.path for line in lines if line.path}
    )
    found: Located = []
    for line in lines:
        key = int(line.image_id) if line.image_id.lstrip("-").isdigit() else None
        if key not in images:
            key = places.get(line.path)
        if key is None:
            raise InputError(
                f"--import {file}: {(line.path or line.image_id)!r} is no image of "
                f"{session.sample.run.uri}"
            )
        found.append((line, key, images[key].path, images[key].predicted))
    return found


def _with_strata(session: ReviewSession, lines: list[ReviewedLine]) -> list[ReviewedLine]:
    """The same lines, with the stratum of those whose images were drawn."""
    sample = session.sample
    drawn = drawn_ids(sample, {*session.answers, *(int(line.image_id) for line in lines)})
    found = []
    for line in lines:
        if int(line.image_id) in drawn:
            at = sample.by_id[int(line.image_id)].stratum
            line = replace(line, stratum=str(at), weight=str(int(sample.strata.sizes[at])))
        found.append(line)
    return found
