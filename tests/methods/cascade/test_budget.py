"""Budgets: read, and never more images than they allow."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from methods.cascade.budget import Budget, parse_budget


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("20%", "share", 20),
        (" 0.5 % ", "share", Fraction(1, 2)),
        ("5000", "calls", 5000),
        ("2h", "hours", 2),
        (".25h", "hours", Fraction(1, 4)),
        ("+3", "calls", 3),
    ],
)
def test_three_forms(text: str, unit: str, amount: Fraction) -> None:
    assert parse_budget(text) == Budget(unit, Fraction(amount))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0", "0%", "-5", "-20%", "-2h", "0.0h"])
def test_nothing_and_less_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a budget is above 0, a share .* label zero_shot"):
        parse_budget(text)


@pytest.mark.parametrize("text", ["", "nan", "inf", "20 %%", "1e3", "5,000", "2d", "%", "h"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a budget is a share of the images \(20%\)"):
        parse_budget(text)


def test_a_share_without_its_sign_is_told() -> None:
    with pytest.raises(ValueError, match=r"a number of calls is whole"):
        parse_budget("0.2")


def test_images_of_each_form() -> None:
    assert parse_budget("29%").images(100) == 29  # in floating point 28.999999999999996
    assert parse_budget("1%").images(48) == 0
    assert parse_budget("150%").images(48) == 48
    assert parse_budget("7").images(48, calls_each=2) == 3
    assert parse_budget("5000").images(48) == 48
    assert parse_budget("2h").images(48, in_an_hour=10.9) == 21
    with pytest.raises(ValueError, match="only by a rate"):
        parse_budget("2h").images(48)
    with pytest.raises(ValueError, match="only by a rate"):
        parse_budget("2h").images(48, in_an_hour=math.nan)


@given(
    st.decimals(min_value="0.001", max_value="200", places=3),
    st.integers(0, 10**9),
)
def test_a_share_is_never_exceeded(percent: object, images: int) -> None:
    allowed = parse_budget(f"{percent}%").images(images)
    assert 0 <= allowed <= images
    assert Fraction(allowed) <= images * Fraction(str(percent)) / 100
    if allowed < images:
        assert Fraction(allowed + 1) > images * Fraction(str(percent)) / 100
