"""Which classes sentences name."""

from __future__ import annotations

import pytest

from methods.data_free.nouns import NounFilter, chosen_labels, english, singular

CLASSES = [
    ["dog", "puppy"],
    ["hot dog"],
    ["dining table", "table"],
    ["bear"],
    ["teddy bear"],
    ["skis"],
    ["mouse"],
    ["wine glass"],
    ["potted plant", "plant"],
    ["tv", "television"],
    ["building"],
    ["boat"],
    ["knife"],
    ["sports ball", "ball"],
    ["tennis racket"],
    ["leaf"],
]
CASES = {
    "a hot dog on a table": {1, 2},
    "two hot dogs and a dog": {0, 1},
    "a hotdog, and puppies!": {0, 1},
    "Teddy-bears beside a BEAR.": {3, 4},
    "a teddy bear": {4},
    "the diningtable of a house": {2},
    "tennis racket and tennis balls": {13, 14},
    "She is skiing on one ski": {5},
    "mice eat from wine glasses": {6, 7},
    "a glass of wine": set(),
    "two potted plants": {8},
    "three TVs and knives": {9, 12},
    "a building where people go boating": {10},
    "the dog's plant\u2019s leaves": {0, 8, 15},
    "a hot summer day for the dogs": {0},
    "a hot, hot dog": {1},
    "dogmatic plantation": set(),
    "": set(),
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_names(text: str, expected: set[int]) -> None:
    named = NounFilter(CLASSES).classes(text)
    assert {CLASSES[at][0] for at in named} == {CLASSES[at][0] for at in expected}
    assert named == sorted(named)


def test_another_lemmatiser() -> None:
    assert NounFilter(CLASSES, singular).classes("two hot dogs on tables") == [1, 2]
    assert NounFilter(CLASSES, lambda word: word).classes("two dogs, a table") == [2]


def test_what_is_written_comes_before_base_forms() -> None:
    found = NounFilter([["glass"], ["glasses"]])
    assert found.classes("glasses and a glass") == [0, 1]
    assert found.classes("her glasses") == [1]
    assert NounFilter([["orange"], ["orange"]]).classes("an orange") == [0, 1]


def test_singulars() -> None:
    cases = "tvs tv bus bus glass glass puppies puppy boxes box this this as as dishes dish"
    words = cases.split()
    for word, expected in zip(words[::2], words[1::2], strict=True):
        assert singular(word) == expected
    for word, expected in {"geese": "goose", "kites": "kite", "boating": "boating"}.items():
        assert english(word) == expected


def test_label_sources() -> None:
    assert chosen_labels([3, 1], [1, 2], "nouns") == [1, 3]
    assert chosen_labels([3, 1], [2, 1], "prompt") == [1, 2]
    assert chosen_labels([3, 1], [1, 2], "intersection") == [1]
