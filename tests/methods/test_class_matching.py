"""Which class an answer names."""

from __future__ import annotations

import pytest

from methods.class_matching import ClassMatcher, class_list, normalise
from methods.errors import InputError

BIRDS = ("golden_retriever", "St. Bernard", "tern", "Arctic tern", "Ménage, à trois", "赤い鳥")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("golden retriever", ("golden_retriever", "exact")),
        ("St. Bernard", ("St. Bernard", "exact")),
        ("st bernard", ("St. Bernard", "normalised")),
        ("ARCTIC-TERN", ("Arctic tern", "normalised")),
        ("It is an Arctic tern, I think", ("Arctic tern", "normalised")),
        ("a tern", ("tern", "normalised")),
        ("ménage à trois", ("Ménage, à trois", "normalised")),
        ("赤い鳥", ("赤い鳥", "exact")),
        ("a tern or an Arctic tern", None),  # two classes in one answer
        ("St. Bernard or golden retriever", None),
        ("a pattern", None),
        ("a penguin", None),
        ("鳥", None),
        ("", None),
    ],
)
def test_what_an_answer_names(answer: str, found: tuple[str, str] | None) -> None:
    matched = ClassMatcher(BIRDS).match(answer, inside=True)
    named = matched and (BIRDS[matched[0]], matched[1])
    assert named == found


DISHES = ("fish and chips", "hot dog", "spring rolls", "crème brûlée", "great grey owl", "pho",
          "ramen", "T-shirt", "glass", "glasses", "heron", "cherry pie", "cookies")  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Fish & Chips", "fish and chips"),
        ("a hotdog", "hot dog"),
        ("one spring roll on a plate", "spring rolls"),
        ("Creme brulee.", "crème brûlée"),
        ("Great Gray Owls", "great grey owl"),
        ("tshirt", "T-shirt"),
        ("two cherry pies", "cherry pie"),
        ("cherries pie", "cherry pie"),
        ("ice-cream sandwiches and a cookie", "cookies"),
        ("It's not pho, it is ramen.", "ramen"),
        ("ramen rather than pho", "ramen"),
        ("this is not pho", None),
        ("glasses", "glasses"),  # what is a name itself is no plural of another
        ("the mark on her on the left", None),
        ("spring", None),
    ],
)
def test_names_are_found_in_other_spellings_and_not_where_they_are_denied(
    answer: str, name: str | None
) -> None:
    matched = ClassMatcher(DISHES).match(answer, inside=True)
    assert (matched and DISHES[matched[0]]) == name


def test_a_name_among_other_words_counts_only_where_asked_for() -> None:
    assert ClassMatcher(BIRDS).match("It is an Arctic tern", inside=False) is None


def test_names_that_only_punctuation_tells_apart_match_exactly_or_not_at_all() -> None:
    matcher = ClassMatcher(["C", "C++", "C#"])
    assert matcher.match("C++", inside=True) == (1, "exact")
    assert matcher.match("c", inside=True) is None


def test_names_that_differ_in_underscores_only_are_refused() -> None:
    with pytest.raises(InputError, match="differ in underscores only"):
        ClassMatcher(["red bird", "red_bird"])


def test_normalising_keeps_letters_and_digits_of_any_script() -> None:
    assert normalise("  Boeing\u00a0737-800_X! ") == "boeing 737 800 x"
    assert normalise("…") == ""


def test_classes_of_one_name_are_one_answer_and_the_first_stands_for_it() -> None:
    matcher = ClassMatcher(["tench", "missile", "missile"])
    assert matcher.match("missile", inside=False) == (1, "exact")
    assert matcher.match("Missile!", inside=False) == (1, "normalised")
    assert matcher.match("that is a missile", inside=True) == (1, "normalised")
    matcher = ClassMatcher(["missile", "missile"], [["dart"], ["dart", "rocket"]])
    assert matcher.match("rocket", inside=False) == (1, "exact"), "another name tells them apart"
    assert matcher.match("dart", inside=False) == (0, "exact")
    assert class_list(["tench", "missile", "missile"]) == "- tench\n- missile"


def test_other_names_are_answers_too() -> None:
    matcher = ClassMatcher(
        ["motor bike", "aeroplane", "crane", "car"],
        [["motorcycle", "bike"], ["jet"], ["bird"], ["Car", "bike", "Aeroplane"]],
    )
    assert matcher.match("motorcycle", inside=False) == (0, "exact")
    assert matcher.match("a Jet on the ground", inside=True) == (1, "normalised")
    assert matcher.match("bike", inside=True) is None, "the word of two classes decides nothing"
    assert matcher.match("aeroplane", inside=False) == (1, "exact"), "names come first"
    assert matcher.match("a motorcycle and a jet", inside=True) is None
    assert matcher.match("a motorcycle, that is a motor bike", inside=True) == (0, "normalised")
