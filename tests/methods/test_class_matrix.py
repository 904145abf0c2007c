"""Class matrices and scores, with stub encoders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.class_matrix import class_matrix, fill, softmax_scores, top_k, unit_rows


def stub(texts: Sequence[str]) -> NDArray[np.float32]:
    rows = [np.random.default_rng(list(t.encode())).standard_normal(16) for t in texts]
    return np.array(rows, np.float32)


def test_one_template_gives_the_unit_feature_of_the_prompt() -> None:
    matrix = class_matrix(["cat", "dog"], ["a photo of a {}."], stub)
    assert np.allclose(matrix, unit_rows(stub(["a photo of a cat.", "a photo of a dog."])))


def test_an_ensemble_is_the_unit_mean_of_unit_features() -> None:
    matrix = class_matrix(["cat"], ["{}", "the {}"], stub)
    one, two = unit_rows(stub(["cat", "the cat"]))
    assert np.allclose(matrix[0], (one + two) / np.linalg.norm(one + two), atol=1e-6)


def test_scaling_the_encoder_or_permuting_classes_changes_nothing_else() -> None:
    names, templates = ["a", "b", "c"], ["{}", "x {}"]
    matrix = class_matrix(names, templates, stub)
    assert np.allclose(matrix, class_matrix(names, templates, lambda t: 7 * stub(t)), atol=1e-6)
    assert np.allclose(matrix[::-1], class_matrix(names[::-1], templates, stub))


def test_scores_are_probabilities_that_follow_the_cosine() -> None:
    rng = np.random.default_rng(0)
    features = unit_rows(rng.standard_normal((5, 8)).astype(np.float32))
    matrix = unit_rows(rng.standard_normal((6, 8)).astype(np.float32))
    scores = softmax_scores(features, matrix, 100.0)
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == (features @ matrix.T).argmax(axis=1)).all()


@pytest.mark.parametrize("classes", [1, 3, 40])
def test_top_k_equals_a_full_stable_sort_also_with_ties(classes: int) -> None:
    scores = np.random.default_rng(1).integers(0, 4, (50, classes)).astype(np.float32)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    assert (top_k(scores, 5) == expected).all()


def test_a_class_name_is_never_a_template() -> None:
    assert fill("a photo of a {}.", "{} {0} {{x}}") == "a photo of a {} {0} {{x}}."
