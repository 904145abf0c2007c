"""Draws by counter: fair, distinct, and by what is drawn for only."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from methods.autosep.seeded_choice import choose, coin, others, uniform


def test_others_are_distinct_and_never_the_item() -> None:
    for n in range(2, 9):
        for k in range(1, n):
            for item in range(n):
                found = others(range(n), item, k, 3, "score", 1)
                assert len(found) == len(set(found)) == k
                assert item not in found
                assert set(found) <= set(range(n))


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 3), (5, 9)])
def test_more_others_than_there_are_cannot_be_drawn(n: int, k: int) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        others(range(n), 0, k, 0)


def test_all_others_are_equally_likely() -> None:
    counts = Counter(other for seed in range(3000) for other in others(range(7), 2, 2, seed))
    assert set(counts) == {0, 1, 3, 4, 5, 6}
    expected = 3000 * 2 / 6
    assert all(abs(count - expected) < 5 * math.sqrt(expected) for count in counts.values())


def test_a_draw_depends_on_what_it_is_for_and_on_nothing_else() -> None:
    assert choose([5, 1, 9, 3], 2, 0, "x") == choose([9, 5, 3, 1], 2, 0, "x")
    assert others([4, 2, 8, 6], 2, 2, 0, "x") == others([8, 6, 4, 2], 2, 2, 0, "x")
    assert uniform(0, "ab", "c") == uniform(0, "ab", "c") != uniform(0, "a", "bc")
    assert uniform(0, 1) != uniform(0, "1"), "a number is not its text"
    assert len({uniform(seed, "x") for seed in range(100)}) == 100
    assert {coin(0, place) for place in range(50)} == {True, False}


def test_draws_do_not_change_with_the_version() -> None:
    """Golden values: kept answers of an interrupted search are found by them."""
    assert uniform(0, "a") == pytest.approx(0.96482482893681, abs=1e-15)
    assert choose(range(10), 4, 7, "minibatch", 2) == [7, 2, 1, 3]
    assert [int(coin(1, "order", place)) for place in range(12)] == [
        0,
        0,
        0,
        1,
        1,
        1,
        0,
        0,
        1,
        0,
        1,
        0,
    ]


def test_coins_are_fair_and_independent() -> None:
    tosses = [coin(0, "order", place) for place in range(4000)]
    assert abs(sum(tosses) - 2000) < 4 * math.sqrt(1000)
    repeats = sum(a == b for a, b in itertools.pairwise(tosses))
    assert abs(repeats - 2000) < 4 * math.sqrt(1000)
    assert abs(sum(uniform(0, place) for place in range(4000)) / 4000 - 0.5) < 0.02


def test_choosing_more_than_there_are_gives_all_and_none_gives_none() -> None:
    assert sorted(choose([3, 1, 2], 50, 0)) == [1, 2, 3]
    assert choose([3, 1, 2], 0, 0) == []
    assert choose([], 4, 0) == []


def test_a_uniform_number_is_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("methods.autosep.seeded_choice._hash", lambda seed, what: 2**64 - 1)
    assert uniform(0) < 1
