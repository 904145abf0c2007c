"""What is wrong with an answer is found and named."""

from __future__ import annotations

import pytest

from methods.answers import AnswerError, usable_text
from methods.json_answers import json_field
from methods.refusals import is_refusal

REFUSALS = [
    "I cannot tell from this image.",
    "I can't help with identifying people.",
    "I\u2019m sorry, but I can\u2019t assist with that.",
    "Sorry, no.",
    "I am unable to view images.",
    "As an AI language model, I do not see pictures.",
    "As a large language model ...",
    "Unfortunately I am not able to determine the species.",
    "There is no image in this conversation.",
    "I don't know.",
    "unknown",
    "N/A",
    '"I\'m afraid I could not say."',
]
ANSWERS = [
    "A lissick tarrow, a red bird.",
    "Unknown Pleasures, an album cover.",
    "I see a bird that cannot fly.",
    "A sorry sight: a wet dog.",
    "None other than the great auk.",
    "赤い鳥",
    "As an airport terminal, it is large.",
    "No image noise is visible; a cat.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_are_recognised(text: str) -> None:
    assert is_refusal(text)
    with pytest.raises(AnswerError) as error:
        usable_text(text, "stop")
    assert error.value.code == "refusal"


@pytest.mark.parametrize("text", ANSWERS)
def test_answers_are_no_refusals(text: str) -> None:
    assert usable_text(f" {text}\n", "stop") == text


@pytest.mark.parametrize(
    ("text", "reason", "code"),
    [
        ("", "stop", "empty_answer"),
        (None, "stop", "empty_answer"),
        (" \n\t", "length", "cut_answer"),
        ("A bird with a", "length", "cut_answer"),
    ],
)
def test_empty_and_cut_answers(text: str | None, reason: str, code: str) -> None:
    with pytest.raises(AnswerError) as error:
        usable_text(text, reason)
    assert error.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        '{"class": "tern"}',
        '```json\n{"class": "tern"}\n```',
        "{'class': 'tern'}",
        'Here it is: {"class": "tern"}. Anything else?',
        '{"reason": "a {fork} of a tail", "class": "tern",}',
        '{\n  class: "tern", // by its tail\n  sure: 0.9\n}',
        '[{"class": "tern"}]',
        '{"Class": ["tern"]}',
        '<json>{"class": \u201ctern\u201d}</json>',
        '{"class": "tern"} or, again, {"class": "tern"}',
        '{"why": {"tail": "forked"}, "class": "tern"}',
    ],
)
def test_a_json_field_is_read(text: str) -> None:
    assert json_field(text, "class") == "tern"


@pytest.mark.parametrize(
    "text",
    [
        "tern",
        '{"class": 3}',
        '["tern"]',
        '{"name": "tern"}',
        '{"class"',
        '{"class": "ter',
        '{"class": "tern"} {"class": "gull"}',
        '{"class": ["tern", "gull"]}',
        "{" * 20_000,
    ],
)
def test_json_asked_for_and_not_given(text: str) -> None:
    with pytest.raises(AnswerError, match="not_json"):
        json_field(text, "class")
