"""Alignment of predictions with the frequencies of labels."""

from __future__ import annotations

import numpy as np
import pytest

from methods.near.candidates import CandidateSets, candidate_sets, nearest_neighbours
from methods.near.frequency_alignment import align


def sets_of(rows: list[list[int]]) -> CandidateSets:
    """Candidate sets from lists."""
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return CandidateSets(offsets, np.array([each for row in rows for each in row], np.int32))


def test_without_rounds_each_image_sums_to_one() -> None:
    sets = sets_of([[0, 1], [1], [0, 2]])
    found = align(np.array([0.1, 0.3, 0.2, 0, 0], np.float32), np.array([0, 1, -1]), sets, 0)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([0.25, 0.75, 1, 0, 0])


def test_a_name_given_too_often_gives_way_to_one_given_too_seldom() -> None:
    """Four labels of each of two names; predictions prefer the first for all images."""
    sets, labels = sets_of([[0, 1]] * 8), np.array([0] * 4 + [1] * 4)
    share = np.array([0.9] * 4 + [0.6] * 4)
    given = np.stack([share, 1 - share], axis=1).ravel().astype(np.float32)
    # by hand: 0.75 of all is given to the first and 0.5 wanted, so odds fall to a third
    once = align(given, labels, sets, 1).reshape(8, 2)
    odds = share / (1 - share) / 3
    assert np.allclose(once[:, 0], odds / (1 + odds), atol=1e-3)
    found = align(given, labels, sets, 50).reshape(8, 2)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-6)
    assert found[:, 0].mean() == pytest.approx(0.5, abs=0.01)
    assert (found[:4, 0] > 0.5).all()
    assert (found[4:, 0] < 0.5).all()


def test_frequencies_that_fit_change_nothing() -> None:
    sets, labels = sets_of([[0, 1]] * 4), np.array([0, 0, 1, 1])
    given = np.array([0.9, 0.1, 0.8, 0.2, 0.2, 0.8, 0.1, 0.9], np.float32)
    assert np.allclose(align(given, labels, sets, 3), given, atol=1e-6)


def test_a_name_of_one_image_is_left_alone() -> None:
    """It is given too seldom, and is not pushed."""
    sets, labels = sets_of([[0, 1], [0], [0]]), np.array([1, 0, 0])
    given = np.array([0.9, 0.1, 1, 1], np.float32)
    found = align(given, labels, sets, 1)
    odds = 9 * (2 / 3) / (2.9 / 3)
    assert found[0] == pytest.approx(odds / (1 + odds), abs=1e-3), "only the other's ratio counts"


def test_what_is_out_of_the_question_stays_so_and_names_may_be_permuted() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 5, 30)
    sets = candidate_sets(
        labels, nearest_neighbours(rng.standard_normal((30, 4)).astype(np.float32), 3)
    )
    given = rng.random(len(sets.classes)).astype(np.float32)
    given[::5] = 0
    found = align(given, labels, sets, 3)
    assert not found[::5].any()
    assert np.isfinite(found).all()
    assert align(given, np.full(30, -1), sets, 3).shape == found.shape
