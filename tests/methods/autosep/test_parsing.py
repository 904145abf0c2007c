"""What comparisons say, in both readings."""

from __future__ import annotations

import pytest

from methods.autosep.parsing import Verdict, judge, read_side

TABLE = "| attribute | first | second |\n|---|---|---|\n| bill | yellow | black |\n"


@pytest.mark.parametrize(
    ("reply", "final", "published"),
    [
        ("first", 1, 1),
        ("second", 2, 2),
        ("FIRST", 1, 1),
        ("Second.", 2, 2),
        ("The **first**", 1, 1),
        ("  The SECOND text. \n", 2, 2),
        ("Text 1", 1, None),
        ("text 2.", 2, None),
        ("**Text 2**", 2, None),
        ("1", 1, None),
        ("2.", 2, None),
        ("", None, None),
        (" \n\t\n", None, None),
        ("neither", None, None),
        ("3", None, None),
        ("12", None, None),
        ("Text 10", None, None),
        ("first and second", None, None),
        ("Both the first and the second fit.", None, None),
        ("I am sorry, I cannot help with that.", None, None),
        ("firsthand", None, 1),
        ("two seconds", None, 2),
        ("Answer: 1", 1, None),
        ("Answer: **Second**", 2, 2),
        ("The answer is the second text", 2, 2),
        ("The correct answer is: first", 1, 1),
        ("Answer: first\nOn second thought,\nAnswer: second", 2, None),
        (TABLE + "\nAnswer: second", 2, None),
        (TABLE + "\n**Answer: First**", 1, None),
        (TABLE + "\nThe first.", 1, None),
        (TABLE + "\nThe second text describes it better.\n\n", 2, None),
        (TABLE + "\n2", 2, None),
        (TABLE, None, None),
        ("The first has a red crown.\nThe second has none.\nSo I choose the first.", 1, None),
        ("The text that fits is the first.\nIts bill is black.", 1, 1),
    ],
)
def test_a_comparison_in_both_readings(
    reply: str, final: int | None, published: int | None
) -> None:
    assert read_side(reply) == read_side(reply, "final") == final
    assert read_side(reply, "published") == published


@pytest.mark.parametrize("reading", ["final", "published"])
def test_swapping_order_and_reply_leaves_the_verdict(reading: str) -> None:
    for reply, other in (("The first.", "The second."), ("neither", "neither"), ("", "")):
        for side in (1, 2):
            kept = judge(reply, side, reading)  # type: ignore[arg-type]
            assert kept is judge(other, 3 - side, reading)  # type: ignore[arg-type]


def test_verdicts() -> None:
    assert judge("first", 1) is judge("second", 2) is Verdict.RIGHT
    assert judge("first", 2) is judge("second", 1) is Verdict.WRONG
    for reply in (None, "", "neither", "first, second"):
        assert judge(reply, 1) is judge(reply, 2) is Verdict.UNPARSABLE
    assert judge("Text 1", 1) is Verdict.RIGHT
    assert judge("Text 1", 1, "published") is Verdict.UNPARSABLE


@pytest.mark.parametrize(
    ("reply", "side"),
    [
        ("Text 1 is correct. Text 2 shows another bird.", 1),
        ("The first text is correct. The second describes another bird.", 1),
        ("First is right. Incorrect: second.", 1),
        ("Before I answer: first, the bill is black.\nThe second text fits.", 2),
        ("To find the answer. First, the bill is black.\nThe second text fits.", 2),
        ("| first | correct |\n| second | incorrect |\nI choose the first.", 1),
        ("Answer (first or second): second", 2),
        ("Answer: first or second? I cannot tell.", None),
        ("Answer: 1/2", None),
        ("Not the first.", 2),
        ("The answer is not the second.", 1),
        ("Second.\nThe first has a red crown, which is not there.", 2),
    ],
)
def test_the_final_reading_is_right_or_gives_up(reply: str, side: int | None) -> None:
    assert read_side(reply) in (side, None)
