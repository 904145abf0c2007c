"""Class names from text."""

from __future__ import annotations

import pytest

from methods.class_names import parse_class_names
from methods.errors import InputError


def test_names_keep_their_order_and_lose_blanks() -> None:
    assert parse_class_names("\ufeff b \na\r\n\n\n", "f") == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no class names"),
        ("\n \n", "no class names"),
        ("a\n\nb\n", "line 2 is empty"),
        ("a\nb\na\n", "'a' twice, in lines 1 and 3"),
        ("é\ne\u0301\n", "twice"),
    ],
)
def test_bad_names_are_told_with_their_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_class_names(text, "classes.txt")
