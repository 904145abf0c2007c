"""The classifier artifact: what is written comes back, and damage is told apart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from methods.class_names import ClassNames
from methods.classifier import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    Classifier,
    parse_classifier,
    with_classes,
)
from methods.errors import InputError

CLIP = {"name": "m", "fingerprint": "f", "embed_dim": 4}


def make(**changes: Any) -> Classifier:
    values: dict[str, Any] = {
        "labels": ("ä", "b|c"),
        "matrix": np.eye(2, 4, dtype=np.float32),
        "clip": CLIP,
        "method": "zero_shot",
        "logit_scale": 12.5,
        "made": {"seed": 1},
    }
    return Classifier(**{**values, **changes})


def test_round_trip() -> None:
    one = make(thresholds=np.ones(2, np.float32), local_matrix=np.eye(2, 4, dtype=np.float32))
    two = parse_classifier(one.dump(), "here")
    assert two.labels == one.labels
    assert two.logit_scale == 12.5
    assert np.array_equal(two.matrix, one.matrix)
    assert np.array_equal(two.local_matrix, one.local_matrix)
    assert two.identity == one.identity
    assert two.dump() == one.dump()


def test_a_bias_is_kept() -> None:
    made = make(logit_bias=-12.5)
    assert parse_classifier(made.dump(), "here").logit_bias == -12.5
    assert parse_classifier(make().dump(), "here").logit_bias is None
    assert made.identity != make().identity


def test_identity_follows_what_decides_labels() -> None:
    base = make().identity
    assert make(made={"seed": 2}).identity == base
    assert make(labels=("b|c", "ä")).identity != base
    assert make(matrix=np.eye(2, 4, 1, dtype=np.float32)).identity != base


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ()},
        {"labels": ("a", "a")},
        {"matrix": np.eye(3, 4, dtype=np.float32)},
        {"matrix": np.eye(2, 4)},
        {"matrix": np.full((2, 4), np.nan, np.float32)},
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        make(**changes)


def damaged(how: str) -> dict[str, bytes]:
    files = make().dump()
    config = json.loads(files[CONFIG_FILE])
    if how == "no config":
        del files[CONFIG_FILE]
    elif how == "no weights":
        del files[WEIGHTS_FILE]
    elif how == "not json":
        files[CONFIG_FILE] = b"{"
    elif how == "no labels":
        del config["labels"]
        files[CONFIG_FILE] = json.dumps(config).encode()
    elif how == "flipped":
        files[WEIGHTS_FILE] = files[WEIGHTS_FILE][:-1] + b"\x01"
    elif how == "empty weights":
        files[WEIGHTS_FILE] = b""
    elif how == "newer":
        files[CONFIG_FILE] = json.dumps({**config, "format": 99}).encode()
    return files


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("no config", "holds no classifier.json"),
        ("no weights", "holds no weights.safetensors"),
        ("not json", "corrupt"),
        ("no labels", "corrupt"),
        ("flipped", "corrupt: its hash"),
        ("empty weights", "corrupt"),
        ("newer", "format 99"),
    ],
)
def test_damage_is_one_sentence(how: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_classifier(damaged(how), "--classifier here")
    assert "--classifier here" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_that_are_ids_keep_what_they_are_called() -> None:
    classes = ClassNames(("n1", "n2"), ("missile", "missile"), (("rocket",), ()))
    made = with_classes(make(labels=classes.ids), classes)
    kept = parse_classifier(made.dump(), "here")
    assert kept.labels == ("n1", "n2")
    assert kept.classes == classes
    assert kept.identity == made.identity != make(labels=classes.ids).identity
    plain = ClassNames.plain(("ä", "b|c"))
    assert make().classes == plain
    assert with_classes(make(), plain).dump() == make().dump()


def test_names_that_do_not_fit_the_labels() -> None:
    with pytest.raises(InputError, match="1 names of 2 labels"):
        make(names=("a",), others=((),))
