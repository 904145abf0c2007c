"""Golden values and invariants of SLAC and TLAC (cleaning, scoring)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from methods.class_matching import class_list, display_name, normalise
from methods.prompt import default_prompt
from methods.slac_tlac import clean_answer, shortlist, text_scores


@pytest.mark.parametrize(
    ("stage", "text", "cleaned"),
    [
        (1, "A red\nsports car.", "A redsports car"),
        (1, "St. Bernard", "St Bernard"),
        (1, "golden_retriever", "golden_retriever"),
        (2, "golden_retriever.\n", "golden retriever"),
    ],
)
def test_upstream_cleaning_is_reproduced(stage: int, text: str, cleaned: str) -> None:
    assert clean_answer(text, stage=stage, upstream_compat=True) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("A red\nsports car.", "A red sports car"),
        ("St. Bernard", "St. Bernard"),
        ("golden_retriever.\n", "golden retriever"),
        ('  "**Arctic tern**."  ', "Arctic tern"),
        ("1.6", "1.6"),
        ("Well...", "Well..."),
        ("`tern`", "tern"),
        ("", ""),
    ],
)
def test_our_cleaning_joins_no_words_and_damages_no_names(text: str, cleaned: str) -> None:
    assert clean_answer(text, stage=1) == clean_answer(text, stage=2) == cleaned


def test_a_name_said_exactly_always_wins() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, 16)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    scores = text_scores(features, features)
    assert (scores.argmax(axis=1) == np.arange(6)).all()
    assert scores.diagonal() == pytest.approx(1)
    assert scores.min() >= -1
    assert scores.max() <= 1


def test_permuting_classes_permutes_predictions_and_more_classes_lower_no_score() -> None:
    rng = np.random.default_rng(1)
    answers, matrix = (rng.normal(size=(n, 8)).astype(np.float32) for n in (20, 5))
    answers /= np.linalg.norm(answers, axis=1, keepdims=True)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    before = text_scores(answers, matrix)
    order = rng.permutation(5)
    assert (order[text_scores(answers, matrix[order]).argmax(1)] == before.argmax(1)).all()
    assert np.allclose(text_scores(answers, np.vstack([matrix, matrix[:1]]))[:, :5], before)


def test_the_shortlist_holds_the_closest_names_in_the_order_of_the_list() -> None:
    matrix = np.eye(4, dtype=np.float32)
    answers = np.array([[0.1, 0.9, 0.2, 0.8], [0.5, 0.5, 0.5, 0.5]], np.float32)
    assert shortlist(answers, matrix, 2).tolist() == [[1, 3], [0, 1]]
    assert shortlist(answers, matrix, 9).tolist() == [[0, 1, 2, 3]] * 2


def test_the_default_prompts_leak_nothing_and_put_the_classes_first() -> None:
    from fieldguide.world import ATTRIBUTES, NAMES

    recognise = default_prompt("tlac", "recognise").text.lower()
    choose = default_prompt("tlac", "choose", ("classes", "answer"))
    words = {"bird", "species", *itertools.chain(*(name.split() for name in NAMES))}
    words |= {*ATTRIBUTES} - {"body"}
    for prompt in (recognise, choose.text.lower()):
        assert not words & set(normalise(prompt).split())
    filled = choose.fill(classes=class_list(["{answer}", "b"]), answer="{classes}")
    assert filled.index("- {answer}\n- b") < filled.index("{classes}")
    assert display_name("a_b") == "a b"
