"""Who is asked about: never more than allowed, the same in any order, ties by id."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from methods.cascade.choosing import affordable, at_random, choose, ranked, shuffled, spread

ROWS = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    unique_by=lambda row: row[0],
    max_size=30,
)


def columns(rows: list[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    ids = np.array([row[0] for row in rows], np.int64)
    return ids, np.array([row[1] for row in rows], np.float64)


@given(ROWS, st.integers(0, 40), st.randoms())
def test_as_many_as_allowed_whatever_the_order(
    rows: list[tuple[int, float]], most: int, mixed: object
) -> None:
    ids, doubts = columns(rows)
    chosen = choose(ids, doubts, most)
    assert chosen.sum() == min(most, len(ids))
    if 0 < chosen.sum() < len(ids):
        assert doubts[chosen].min() >= doubts[~chosen].max()
    again = list(rows)
    mixed.shuffle(again)  # type: ignore[attr-defined]
    other_ids, other_doubts = columns(again)
    picked = other_ids[choose(other_ids, other_doubts, most)]
    assert set(picked.tolist()) == set(ids[chosen].tolist())


@given(ROWS, st.integers(0, 40), st.integers(0, 30))
def test_a_larger_budget_asks_about_the_same_and_more(
    rows: list[tuple[int, float]], most: int, more: int
) -> None:
    ids, doubts = columns(rows)
    assert not (choose(ids, doubts, most) & ~choose(ids, doubts, most + more)).any()


def test_ties_go_to_the_smaller_id() -> None:
    ids = np.array([5, -3, 9, 2], np.int64)
    assert ids[choose(ids, np.full(4, 0.5), 2)].tolist() == [-3, 2]
    assert ids[ranked(ids, np.array([0.1, 0.1, 0.9, 0.1]))].tolist() == [9, -3, 2, 5]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=20),
    st.integers(1, 2),
)
def test_lost_calls_are_made_up_for(images: list[tuple[int, int, bool]], each: int) -> None:
    """What is made and what is left is never more than was allowed before calls were lost."""
    ids, doubts = np.arange(len(images)), np.linspace(1, 0, len(images))
    made = np.array([made for made, _, _ in images], np.int64)
    answered = np.minimum([answered for _, answered, _ in images], np.minimum(made, each))
    done = np.array([done for _, _, done in images], bool) & (made >= each)
    left = np.where(done, 0, each - answered).astype(np.int64)
    most = max(each * len(images), int(made.sum()))
    kept = affordable(ids, doubts, made, left, each, most)
    assert kept[left == 0].all()
    assert (made + np.where(kept, left, 0)).sum() <= most
    if (made <= answered).all():
        assert kept.all()


def test_the_least_uncertain_make_room() -> None:
    ids, doubts = np.arange(5), np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    made, left = np.array([1, 1, 1, 0, 0]), np.array([0, 1, 1, 1, 1])  # two answers were lost
    assert affordable(ids, doubts, made, left, 1, 5).tolist() == [True, True, True, False, False]
    # a description that came, and a choice that was lost: one call of two is to be made again
    made, left = np.array([2, 0, 0, 0, 0]), np.array([1, 2, 2, 2, 2])
    assert affordable(ids, doubts, made, left, 2, 10).tolist() == [True] * 4 + [False]


def test_what_was_asked_counts() -> None:
    ids, doubts = np.arange(6), np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    chosen = choose(ids, doubts, 3, asked=np.array([0, 1]))
    assert ids[chosen].tolist() == [0, 1, 5]
    with pytest.raises(ValueError, match="2 images were asked about and 1 may be"):
        choose(ids, doubts, 1, asked=np.array([0, 1]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_no_place(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        choose(np.arange(2), np.array([0.5, bad]), 1)


@given(st.integers(1, 200), st.integers(0, 250))
def test_a_pilot_is_spread_over_the_confidence(images: int, count: int) -> None:
    confidence = np.linspace(0, 1, images)
    places = spread(np.arange(images), confidence, count)
    assert len(set(places.tolist())) == min(images, count)
    if 0 < count < images:
        gaps = np.diff(places)
        assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
        assert abs(confidence[places].mean() - 0.5) <= 1 / count


def test_choices_are_shuffled_by_image_and_seed_alone() -> None:
    choices = np.tile(np.arange(5, dtype=np.int32), (4000, 1))
    ids = np.arange(4000) * 7919 - 10**6
    mixed = shuffled(choices, ids, seed=0)
    assert (np.sort(mixed, axis=1) == choices).all()
    first = np.bincount(mixed[:, 0], minlength=5) / len(ids)
    assert np.abs(first - 0.2).max() < 0.03  # no place is the best class's
    some = np.array([17, 3, 999])
    assert (shuffled(choices[some], ids[some], seed=0) == mixed[some]).all()
    assert (shuffled(choices, ids, seed=1) != mixed).any()


def test_a_random_order_is_of_seed_and_id_alone() -> None:
    ids = np.arange(-5000, 5000, dtype=np.int64)
    numbers = at_random(ids, 7)
    assert np.array_equal(numbers[::-1], at_random(ids[::-1].copy(), 7))
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert len(np.unique(numbers)) == len(ids)
    assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(1000, abs=120)
    assert abs(np.corrcoef(ids, numbers)[0, 1]) < 0.05
    other = at_random(ids, 8)
    assert abs(np.corrcoef(other, numbers)[0, 1]) < 0.05
    first, second = (set(ids[ranked(ids, each)[:1000]].tolist()) for each in (numbers, other))
    assert len(first & second) == pytest.approx(100, abs=50), "a tenth of a tenth by chance"
