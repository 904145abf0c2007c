"""Baselines that need no model to ask, or a stand-in: clusters, CaSED, few-shot, class texts."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from actors.labels.table import CHOICE_LABELS_SCHEMA, CLASSIFIER_LABELS_SCHEMA, LABELS_SCHEMA
from fieldguide.world import NAMES
from methods.errors import InputError
from ray_jobs.commands import COMMANDS
from ray_jobs.verbs.label import label as run_label
from tests.helpers.run_files import rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session")

ANSWER = """
import re

def answer(text, images):
    if len(images) == 1:
        return "A" if images[0].sum() % 3 else "none of these"
    shown = re.findall(r"Image (\\d+) shows the kind of bird: (.+)", text)
    if shown:
        return shown[-1][1]
    return "B" if len(images) == 5 and "The first 4 images" in text else "none of these"
"""


def label(verb: str, birds: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Label the drawn archive; ``run.json``."""
    given = {"images": str(birds / "images"), "out": str(out), **settings}
    return run_label(COMMANDS[f"label {verb}"].config(**given))  # type: ignore[arg-type]


def truth_of(birds: Path) -> dict[str, str]:
    with open(birds / "truth.csv", newline="", encoding="utf-8") as file:
        return {row["path"]: row["label"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def dummy(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("dummy") / "answer.py"
    path.write_text(ANSWER)
    return f"dummy:{path}"


def test_clusters_have_numbers_or_the_name_that_most_examples_get(
    birds: Path, dummy: str, tmp_path: Path
) -> None:
    plain = label("clusters", birds, tmp_path / "plain", clusters=8)
    found = rows_by_path(tmp_path / "plain", LABELS_SCHEMA)
    labels = [row["label"] for row in found.values()]
    assert set(labels) == {f"cluster {number}" for number in range(1, 9)}
    assert (plain["mllm_calls"], plain["labelled"]) == (0, 48)

    settings = {"classes": str(birds / "classes.txt"), "examples": 2, "mllm": dummy}
    named = label("clusters", birds, tmp_path / "named", clusters=8, **settings)
    again = rows_by_path(tmp_path / "named", LABELS_SCHEMA)
    asked = named["clusters"]["examples"]
    assert asked == sum(min(2, labels.count(each)) for each in set(labels))
    assert named["mllm_calls"] + named["answers_reused"] == asked
    for number in set(labels):
        own = {again[path]["label"] for path, row in found.items() if row["label"] == number}
        assert len(own) == 1
        assert own <= {NAMES[0], None}
    codes = {row["error"] for row in again.values() if row["label"] is None}
    assert codes <= {"no_class"}


@pytest.mark.extended
def test_cased_lets_names_compete_that_are_retrieved(birds: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join([*NAMES, "a house", "two cats", ""]))
    settings = {"captions": str(tmp_path / "names.txt"), "candidates": "lines", "retrieved": 5}
    record = label("cased", birds, tmp_path / "run", **settings)
    assert (record["labelled"], record["mllm_calls"]) == (48, 0)
    found, truth = rows_by_path(tmp_path / "run", LABELS_SCHEMA), truth_of(birds)
    for row in found.values():
        assert len(row["top_labels"]) == 5
        assert row["top_scores"] == sorted(row["top_scores"], reverse=True)
        assert row["label"] == row["top_labels"][0]
    right = sum(found[path]["label"] == name for path, name in truth.items())
    assert right > 3 * 48 / len(NAMES), "better than a guess"


@pytest.mark.parametrize("labels", ["none", "random", "mllm"])
def test_images_are_shown_before_each_with_what_is_said_of_them(
    birds: Path, dummy: str, tmp_path: Path, labels: str
) -> None:
    settings = {
        "classes": str(birds / "classes.txt"), "mllm": dummy, "category": "bird",
        "description": False, "shots": 4, "shot_labels": labels,
    }  # fmt: skip
    record = label("autosep", birds, tmp_path / "run", **settings)
    found = rows_by_path(tmp_path / "run", CHOICE_LABELS_SCHEMA)
    said = record["shots"]["classes"]
    assert len(record["shots"]["images"]) == 4
    if labels == "none":
        assert said == [None] * 4
        assert {row["answer"] for row in found.values()} == {"B"}
        assert {row["label"] for row in found.values()} == {NAMES[1]}
        return
    # the model repeats the class of the last image shown
    assert {row["label"] for row in found.values()} == {said[-1]}
    if labels == "random":
        assert set(said) <= set(NAMES)
        assert record["mllm_calls"] == 48
    else:
        assert set(said) == {NAMES[0]}
        assert record["mllm_calls"] == 48 + 4


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"shots": 2}, "--shots is for --no-description"),
        ({"shots": 2, "description": False, "votes": 3}, "and for one vote"),
        ({"shots": 2, "description": False}, "the built-in model takes one image"),
    ],
)
def test_shots_that_cannot_work_are_told(
    birds: Path, tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        label("autosep", birds, tmp_path / "run", classes=str(birds / "classes.txt"), **settings)


@pytest.mark.extended
def test_texts_about_classes_stand_for_them(birds: Path, tmp_path: Path) -> None:
    """What says the same of each class as the template gives what the template gives."""
    texts = {name.upper(): [f"a photo of a {name}."] for name in NAMES}
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    classes = str(birds / "classes.txt")
    written = str(tmp_path / "texts.json")
    label("zero_shot", birds, tmp_path / "names", classes=classes)
    record = label("zero_shot", birds, tmp_path / "texts", classes=classes, class_texts=written)
    one, two = (
        rows_by_path(tmp_path / run, CLASSIFIER_LABELS_SCHEMA) for run in ("names", "texts")
    )
    assert {path: row["label"] for path, row in one.items()} == {
        path: row["label"] for path, row in two.items()
    }
    assert "class_texts" in record["identity"]
