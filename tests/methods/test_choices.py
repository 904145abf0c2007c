"""Class lists with marks, and which class an answer chooses: strictly, and as published."""

from __future__ import annotations

import pytest

from methods.choices import ChoiceReader, marked, marks, published_choice
from methods.errors import InputError

CUCKOOS = ("Black-billed Cuckoo", "Mangrove Cuckoo", "Yellow-billed_Cuckoo")
MANY = tuple(f"Kind{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(30))


def test_marks_are_letters_and_beyond_26_numbers() -> None:
    assert marks(3) == ["A", "B", "C"]
    assert marks(1) == ["A"]
    assert marks(26)[-1] == "Z"
    assert marks(27) == [str(n) for n in range(1, 28)]
    assert marked(CUCKOOS) == "A. Black-billed Cuckoo\nB. Mangrove Cuckoo\nC. Yellow-billed Cuckoo"
    assert marked(MANY).splitlines()[29] == "30. Kindbd"


@pytest.mark.parametrize(
    ("answer", "choice"),
    [
        ("I'd choose C", 2),
        ("I would go with option B", 1),
        ("It is C, not B.", 2),
        ("Between A and C, C fits the bill better.", 2),
        ("B is the most likely choice", 1),
        ("The bird matches description C.", 2),
        ("c", 2),
        ("b)", 1),
        ("\\boxed{B}", 1),
        ("The final answer is $\\boxed{\\text{C}}$.", 2),
        ("<answer>B</answer>", 1),
        ("B\n\nOption A has another bill, option C a yellow one.", 1),
        ("Mangrove Cuckoo is not what is shown; it is a Black-billed Cuckoo.", 0),
        ("Description A is closer than description C", None),
        ("no", None),
    ],
)
def test_choices_in_the_words_of_models(answer: str, choice: int | None) -> None:
    assert ChoiceReader(CUCKOOS).read(answer) == choice


@pytest.mark.parametrize(
    ("answer", "strict", "published"),
    [
        ("A", 0, 0),
        ("B.", 1, 1),
        ("**B**", 1, 1),
        ("(C)", 2, 2),
        ("C \n", 2, 2),
        ("Answer: B", 1, 1),
        ("C ", 2, None),
        ("B)", 1, None),
        ("B, because of the bill", 1, None),
        ("Option B", 1, None),
        ('"B"', 1, None),
        ("'B'", 1, None),
        ("`C`", 2, None),
        ("[C]", 2, None),
        ("The answer is C", 2, None),
        ("The correct option is (B).", 1, 1),
        ("It's B", 1, None),
        ("Mangrove Cuckoo", 1, None),
        ("mangrove cuckoo", 1, None),
        ("YELLOW BILLED CUCKOO.", 2, None),
        ("Yellow-billed_Cuckoo", 2, None),
        ("The bird is a Mangrove Cuckoo.", 1, None),
        ("B. Mangrove Cuckoo", 1, 1),
        ("C: Yellow-billed Cuckoo", 2, None),
        ("B Mangrove Cuckoo", 1, None),
        ("A Mangrove Cuckoo is shown", 1, None),
        ("Not A. It is B.", 1, 0),
        ("Not option A, surely", None, None),
        ("This is not (A) but (B)", 1, 0),
        ("The answer is: Black-billed Cuckoo", 0, 1),
        ("Prediction: Claudina Crescent", None, 2),
        ("A. Mangrove Cuckoo", None, 0),
        ("Mangrove Cuckoo or Black-billed Cuckoo", None, None),
        ("It is no Mangrove Cuckoo but a Black-billed Cuckoo", None, None),
        ("", None, None),
        (" \n", None, None),
        ("D", None, None),
        ("D. Blue Jay", None, None),
        ("Blue jay", None, None),
        ("A or B", None, None),
        ("Both (A) and (C) fit", None, 0),
        ("I cannot tell", None, None),
        ("Because of the bill I cannot tell", None, None),
        ("Certainly!", None, None),
        ("A bird", None, None),
    ],
)
def test_an_answer_in_both_readings(answer: str, strict: int | None, published: int | None) -> None:
    assert ChoiceReader(CUCKOOS).read(answer) == strict
    assert published_choice(answer) == published


def test_no_answer_is_no_class_as_published() -> None:
    assert published_choice(None) is None
    assert published_choice("C. or rather A.") == 0, "letters are tried in their order"


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        ("12", 11),
        ("30.", 29),
        ("3) Kindac", 2),
        ("Answer: 12", 11),
        ("The answer is (7).", 6),
        ("Class 27", 26),
        ("**5**", 4),
        ("Kindba", 26),
        ("1. Kindaa", 0),
        ("2. Kindaa", None),
        ("31", None),
        ("0", None),
        ("012", None),
        ("Answer: 125", None),
        ("Answer: 3rd", None),
        ("A", None),
    ],
)
def test_more_than_26_classes_have_numbers(answer: str, index: int | None) -> None:
    assert ChoiceReader(MANY).read(answer) == index


def test_one_class_and_names_that_are_marks_themselves() -> None:
    one = ChoiceReader(["Wren"])
    assert [one.read(text) for text in ("A", "wren", "B", "It is a bird")] == [0, 0, None, None]
    swapped = ChoiceReader(["B", "A"])
    assert swapped.read("A") == 1, "answers are names: a name said alone is that name"
    assert swapped.read("B. A") is not None
    with pytest.raises(InputError, match="underscores only"):
        ChoiceReader(["a_b", "a b"])


LIST = "A. Black-billed Cuckoo\nB. Mangrove Cuckoo\nC. Yellow-billed Cuckoo\n"


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        (LIST + "The answer is C.", 2),
        (LIST, None),
        ("A) has a black bill, B) a buff belly. The answer is C.", 2),
        ("Option A: no. Option B: no. Answer: C", 2),
        ("A, B or C: I cannot tell.", None),
        ("A, B", None),
        ("Answer: A small cuckoo", None),
    ],
)
def test_an_answer_is_read_rightly_or_not_at_all(answer: str, index: int | None) -> None:
    assert ChoiceReader(CUCKOOS).read(answer) in (index, None)


def test_an_article_before_a_name_is_no_mark() -> None:
    assert ChoiceReader(CUCKOOS).read("Answer: A Mangrove Cuckoo") == 1


@pytest.mark.parametrize("answer", ["It is a bird.", "That is all I can say."])
def test_words_of_a_sentence_are_no_class(answer: str) -> None:
    assert ChoiceReader(["A", "I", "O"]).read(answer) is None


@pytest.mark.parametrize(
    ("names", "answer", "index"),
    [
        (MANY[:12], "I, for one, cannot tell.", None),
        (MANY, "2.5 inches long, so class 7", 6),
        (MANY, "10,000 of them live here.", None),
    ],
)
def test_what_begins_a_sentence_is_no_mark(
    names: tuple[str, ...], answer: str, index: int | None
) -> None:
    assert ChoiceReader(names).read(answer) in (index, None)


def test_the_published_reading_knows_no_numbers() -> None:
    assert published_choice("Answer: 12", 30) is None
