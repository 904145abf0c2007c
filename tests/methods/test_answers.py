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
    "I'm sorry, but I can't identify people in images.",
    "I'm not able to see the image you mention.",
    "Unfortunately, I can't tell what this is.",
    "As an AI developed by Alibaba, I can't view images.",
    "I apologize, but I am unable to process this image.",
    "No image provided.",
    "It seems there is no image attached to your message. Could you upload it?",
    "I can't provide a description of this image.",
    "The image is not available.",
    "It is not possible to identify the object.",
    "I'm unable to determine that.",
    "Please provide an image.",
    "I need more information to answer.",
    "Cannot determine.",
    "Can't say.",
    "It's unclear what is shown.",
    "Unable to identify.",
    "I do not have enough information to identify this bird.",
    "Insufficient information.",
    "This content violates our policy.",
    "I won't be able to help with that.",
    "I am not sure what this is.",
    "Not applicable.",
    "N/A.",
    "Sorry, I don't know which species this is.",
    "Error: image could not be loaded",
    "I don't see any image.",
    "Without an image I cannot answer.",
    "undefined",
    "I'm just a text-based assistant and cannot see pictures.",
    "Apologies, I cannot comply.",
    "My apologies, but I can't help with this one.",
    "I regret that I cannot identify it.",
    "Could not identify the species.",
    "The picture quality is too low to identify the bird.",
    "There isn't enough detail to say which species it is.",
    "There is not enough information in the image.",
    "It's difficult to determine the species from this image alone.",
    "Species cannot be determined.",
    "No bird is visible.",
    "No match.",
    "I would need a clearer image to identify it.",
    "The provided image is too dark.",
    "The image appears to be corrupted.",
    "I can't see the picture you mentioned, please upload it again.",
    "Can you provide more details?",
    "Could you please upload the image again?",
    "What would you like to know about the image?",
    "Sorry, I can only answer in text.",
    "This question cannot be answered.",
    "I have no idea.",
    "Hmm, I really don't know.",
    "I am afraid I don't know.",
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
    "A dog that cannot be seen well behind a fence.",
    "I'm unable to name the exact model, but it is a red sports car.",
    "Sorry cat lying on a sofa.",
    "Unfortunately shaped carrot.",
    "An image of a sign that says 'No entry'.",
    "The image shows a man who is unable to walk, in a wheelchair.",
    "No Parking sign",
    "A screen showing 'N/A'.",
    "None pizza with left beef",
    "An unknown soldier's tomb",
    "The Unknown Pleasures cover",
    "I think it is a wren.",
    "Although the picture is dark, a black cat is visible.",
    "It might be a heron.",
    "A blurry photo of a bird.",
    "There is no dog in the image, only a red bicycle.",
    "It is hard to tell, but this may be a grequul.",
    "The image is too bright. A white swan on a lake.",
    "I am not sure, but I would say it's a Volvo.",
    "I don't know the breed; it is a small brown dog.",
    "No smoking sign on a wall.",
    "No image noise is visible; a cat.",
    "A photo that cannot be opened icon.",
    "Error message on a computer screen",
    "Please do not disturb sign",
    "This image is not a photo but a painting of a dog.",
    "The image is not sharp, yet it shows a kingfisher.",
    "It is difficult to ride this horse.",
    "It was hard work: two men digging.",
    "I need space, says the sign.",
    "Without a doubt a zebra.",
    "Not enough mustard hot dog",
    "The photo is very blurry but there is a train.",
    "I see no people, just an empty street.",
    "None of them wears a hat: three men on a bench.",
    "The picture was taken at night in a city.",
    "This image is of a kitchen.",
    "The image can be described as a beach scene.",
    "The link fence surrounds a yard.",
    "I have a dream poster.",
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
