"""Class names from text."""

from __future__ import annotations

import pytest

from methods.class_names import (
    ClassNames,
    classes_of_identity,
    parse_class_names,
    parse_classes,
)
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
        ("great white\ngreat\u00a0white\n", "lines 1 and 2: the two look the same"),
        ("tench\nten\u200bch\n", "look the same"),
        ("tench\n\uff54ench\n", "look the same"),
        ("a\tcat\na\u00ad\tdog\n", "'a' twice"),
    ],
)
def test_bad_names_are_told_with_their_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_class_names(text, "classes.txt")


def test_what_cannot_be_seen_around_a_name_is_dropped() -> None:
    text = "\u200eb\u200f\ncaf\u00e9\u200b\n\ufeffa\n"
    assert parse_class_names(text, "f") == ["b", "caf\u00e9", "a"]
    assert parse_class_names("x2\nx\u00b2\n\u2460\n1\n", "f") == ["x2", "x\u00b2", "\u2460", "1"]


def test_ids_names_and_other_names() -> None:
    text = "n01\tmissile\tprojectile | rocket|missile\r\nn02\tmissile\nplain\nn03\ta\tb\tc|d\n"
    classes = parse_classes(text, "f")
    assert classes.ids == ("n01", "n02", "plain", "n03")
    assert classes.names == ("missile", "missile", "plain", "a")
    assert classes.others == (("projectile", "rocket"), (), (), ("b", "c", "d"))
    assert classes_of_identity(classes.identity()) == classes
    assert not classes.is_plain


def test_a_plain_file_is_its_names() -> None:
    classes = parse_classes("b\na\n", "f")
    assert classes == ClassNames.plain(["b", "a"])
    assert classes.identity() == {"classes": ["b", "a"]}, "runs of before go on"
    assert classes_of_identity({"classes": ["b", "a"]}) == classes
    assert classes_of_identity({}) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a\nb\na\n", r"in lines 1 and 3; .* ID<TAB>NAME"),
        ("n01\ta\nn02\tb\nn01\tc\n", "'n01' twice, in lines 1 and 3"),
        ("n01\ta\n\tb\n", "line 2 lacks an id or a name"),
        ("n01\ta\nn02\t\tb\n", "line 2 lacks an id or a name"),
        ("n|1\ta\n", "holds a |"),
    ],
)
def test_ids_that_cannot_work(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem.replace("|,", r"\|,").replace("a |", r"a \|")):
        parse_classes(text, "f")
