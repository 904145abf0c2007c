"""Texts about classes: how a file of them is read, and the matrix that they make."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.class_matrix import matrix_of_texts
from methods.class_names import ClassNames
from methods.class_texts import parse_class_texts, write_class_texts
from methods.errors import InputError

CLASSES = ClassNames(
    ids=("n01", "barn owl", "wren"),
    names=("tiger_cat", "barn owl", "wren"),
    others=((), (), ("Jenny Wren",)),
)


def axes(texts: Sequence[str]) -> NDArray[np.float32]:
    """A text is the sum of the axes that its letters x, y and z name."""
    return np.array([[text.count(axis) for axis in "xyz"] for text in texts], np.float32)


def test_a_class_is_the_unit_mean_of_the_unit_features_of_its_texts() -> None:
    matrix = matrix_of_texts([["xxxx", "y"], ["z"], ["xy", "xy", "z"]], axes)
    half = np.sqrt(0.5)
    third = [2 * half / 3, 2 * half / 3, 1 / 3]
    assert np.allclose(matrix[:2], [[half, half, 0], [0, 0, 1]], atol=1e-6)
    assert np.allclose(matrix[2], np.array(third) / np.linalg.norm(third), atol=1e-6)


def test_many_texts_are_encoded_in_parts_of_whole_classes() -> None:
    sizes: list[int] = []

    def counted(texts: Sequence[str]) -> NDArray[np.float32]:
        sizes.append(len(texts))
        return np.ones((len(texts), 2), np.float32)

    matrix = matrix_of_texts((["a"] * 5000 for _ in range(7)), counted)
    assert matrix.shape == (7, 2)
    assert sizes == [20_000, 15_000]


def test_classes_are_found_by_id_name_and_other_names() -> None:
    said = {"Tiger cat": ["stripes"], "barn owl": " a \n face ", "jenny wren": ["small", "brown"]}
    found = parse_class_texts(json.dumps({**said, "eagle": ["large"]}), CLASSES, "F")
    assert found == (("stripes",), ("a face",), ("small", "brown"))
    written = write_class_texts(dict(zip(CLASSES.ids, found, strict=True)))
    assert parse_class_texts(written, CLASSES, "F") == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1", "F is no JSON"),
        ("[]", "F is no object of lists"),
        ('{"wren": 3}', "what is said of 'wren' is no list of texts"),
        ('{"wren": [" "]}', "nothing is said of 'wren'"),
        ('{"n01": ["a"], "wren": ["b"]}', "no texts of the class 'barn owl'"),
        ('{"Tiger cat": ["a"], "tiger-cat": ["b"]}', "'Tiger cat' and 'tiger-cat' may both be"),
    ],
)
def test_a_file_that_cannot_work_is_one_sentence(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_class_texts(text, CLASSES, "F")
