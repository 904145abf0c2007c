"""A head learns from answers what CLIP did not know, and nothing from answers that say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from methods.cascade import head
from methods.cascade.head import FOLDS, MOST, learn_head, most_answers

CLASSES, WIDTH = 8, 24


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class World:
    """Images around one centre a class; the matrix that is there is of centres half as right."""

    def __init__(self, images: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        centres = random.standard_normal((CLASSES, WIDTH))
        self.true = random.integers(0, CLASSES, images)
        self.features = unit(centres[self.true] + random.standard_normal((images, WIDTH)))
        self.start = unit(centres + 2 * random.standard_normal((CLASSES, WIDTH)))
        wrong = random.random(images) < 0.1
        self.said = np.where(wrong, random.integers(0, CLASSES, images), self.true)

    def right(self, matrix: NDArray[np.float32]) -> float:
        return float(((self.features @ matrix.T).argmax(axis=1) == self.true).mean())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_answers_about_some_images_teach_about_the_others(seed: int) -> None:
    world = World(2000, seed)
    few = learn_head(world.features[:60], world.said[:60], world.start, 20.0)
    many = learn_head(world.features[:600], world.said[:600], world.start, 20.0)
    before = world.right(world.start)
    assert before < 0.75
    assert world.right(many.matrix) > max(before + 0.15, world.right(few.matrix))
    assert few.strength is not None
    assert many.strength is not None
    assert (many.answers, many.left_out) == (600, 600)
    assert many.agreed > many.agreed_before
    assert many.matrix.dtype == np.float32
    # what is said of answers left out holds of images that nothing was asked about
    right = (world.features[600:] @ many.matrix.T).argmax(axis=1) == world.said[600:]
    assert many.agreed == pytest.approx(right.mean(), abs=0.05)


def test_answers_that_say_nothing_are_not_said_to_teach() -> None:
    kept = 0
    for seed in range(8):
        world = World(400, seed)
        said = np.random.default_rng(100 + seed).integers(0, CLASSES, 400)
        found = learn_head(world.features[:40], said[:40], world.start, 5.0)
        assert found.agreed >= found.agreed_before
        assert (found.matrix is world.start) == (found.strength is None)
        kept += found.strength is None
        whole = learn_head(world.features, said, world.start, 5.0)
        assert whole.agreed < 0.2, "one in eight by chance"
    assert kept >= 2


@pytest.mark.parametrize("answers", [0, FOLDS - 1])
def test_too_few_answers_leave_the_matrix_as_it_is(answers: int) -> None:
    world = World(10, 5)
    found = learn_head(world.features[:answers], world.said[:answers], world.start, 5.0)
    assert found.matrix is world.start
    assert (found.strength, found.answers, found.left_out) == (None, answers, 0)


def test_a_class_that_no_answer_names_is_kept() -> None:
    world = World(600, 6)
    others = world.said != 3
    found = learn_head(world.features[others], world.said[others], world.start, 20.0)
    assert found.strength is not None
    moved = np.linalg.norm(found.matrix - world.start, axis=1)
    assert 0 < moved[3] < moved.max()
    assert np.isfinite(found.matrix).all()


def test_the_minimum_is_that_of_another_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a matrix of zeros it is logistic regression with an L2 penalty."""
    world = World(300, 7)
    monkeypatch.setattr(head, "STRENGTHS", (1e-2,))
    monkeypatch.setattr(head, "_LESS_SURE", np.ones(1))
    found = learn_head(world.features, world.said, np.zeros_like(world.start), 1.0)
    assert found.strength == 1e-2
    other = LogisticRegression(C=1 / (1e-2 * 300), fit_intercept=False, tol=1e-8, max_iter=1000)
    other.fit(world.features, world.said)
    assert found.matrix * found.scale == pytest.approx(other.coef_, abs=1e-3)
    assert np.linalg.norm(found.matrix, axis=1).mean() == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(
        (world.features @ found.matrix.T).argmax(axis=1), other.predict(world.features)
    )


def test_chunks_and_a_single_fold_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(500, 8)
    whole = learn_head(world.features, world.said, world.start, 20.0)
    monkeypatch.setattr(head, "_CHUNK", 64 * CLASSES)
    chunked = learn_head(world.features, world.said, world.start, 20.0)
    assert chunked.strength == whole.strength
    assert chunked.matrix == pytest.approx(whole.matrix, abs=1e-2)
    monkeypatch.setattr(head, "ENOUGH", 100)
    once = learn_head(world.features, world.said, world.start, 20.0)
    assert (once.answers, once.left_out) == (500, 100)
    assert world.right(once.matrix) == pytest.approx(world.right(whole.matrix), abs=0.05)


def test_of_very_many_classes_fewer_answers_are_learned_from() -> None:
    assert most_answers(1000) == MOST
    assert 0 < most_answers(21_000) < MOST
