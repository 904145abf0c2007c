"""A refusal says nothing of what is shown; a hedge says something all the same."""

from __future__ import annotations

import pytest

from methods.answers import AnswerError, usable_text
from methods.refusals import is_refusal, opens_declining

HEDGES = [
    "I'm unable to determine the exact breed, but this looks like a Lakeland Terrier.",
    "I cannot definitively identify the species, but the bird has a red crown and white bars.",
    "Unfortunately, I can't tell the exact model, but it appears to be a Boeing 737-800.",
    "I'm not able to identify people, but the action is archery.",
    "Sorry, I can\u2019t identify people. The image shows a dark-haired man in a suit.",
    "I can't say for certain which soup this is. It resembles a bouillabaisse.",
    "I'm sorry, I cannot read the badge. However, the car is a red convertible from the sixties.",
    "I cannot be sure, I think it is a beagle.",
    "I couldn't identify the exact dish; my best guess is a beef rendang.",
    "As an AI I have no taste, but that is a plate of ramen.",
    "I cannot identify the person, but I can see a woman who is playing the violin.",
]
REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I'm sorry, but I can't identify or describe people in images.",
    "I cannot see any image. Please upload one and I will describe what it shows.",
    "I'm sorry, but the image is too blurry to identify the bird.",
    "I'm unable to view images, but if you describe it, I can help you find out what it is.",
    "As an AI language model, I cannot see pictures, but I'd be happy to help if you describe it.",
    "I'm sorry, but as the image shows a real person, I can't say who it is.",
    "I can't tell which of the two breeds this is.",
    "I'm unable to determine the exact species, as it is difficult to tell from a photo.",
    "I cannot identify this aircraft. More information about its markings would be needed.",
    "I can't name the dish. It is not possible to determine it from this angle.",
    "I can't help with that; it is against my guidelines.",
    "Unfortunately, I cannot determine the species. There are many species that look alike.",
    "I'm sorry. The species cannot be determined.",
    "I can't identify it. The exact model is not visible in this photo.",
]


@pytest.mark.parametrize("text", HEDGES)
def test_a_hedge_is_an_answer(text: str) -> None:
    assert opens_declining(text)
    assert usable_text(text, "stop") == text


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_none_however_long(text: str) -> None:
    assert is_refusal(text)
    with pytest.raises(AnswerError, match="refusal"):
        usable_text(text, "stop")


def test_what_does_not_begin_with_a_refusal_is_none() -> None:
    assert not opens_declining("A bird that cannot fly.")
    assert not is_refusal("The dish cannot be named.")
