"""Names in prose: what sentences say that the thing shown is."""

from __future__ import annotations

import pytest

from methods.answers import AnswerError
from methods.discovered_names import parse_name
from methods.prose_names import name_in_prose, whole_part


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The mushroom in the image is a Fly Agaric (Amanita muscaria).", "Fly Agaric"),
        ("This appears to be a **Fly Agaric** (*Amanita muscaria*). It has warts.", "Fly Agaric"),
        ("The mushroom shown is most likely the **Fly Agaric**, given its red cap.", "Fly Agaric"),
        ("The mushroom in the picture is *Amanita muscaria*, commonly known as fly agaric.",
         "Amanita muscaria"),
        ("The mushroom in the picture is a fly agaric, a common species.", "fly agaric"),
        ("These mushrooms appear to be Penny Buns. Penny Buns are eaten.", "Penny Bun"),
        ("The image shows two mushrooms that appear to be **Fairy Inkcaps**.", "Fairy Inkcap"),
        ("To tell the species, let's look at it:\n\n1. **Cap**: It is red with white warts.\n"
         "2. **Gills**: They are white.\n\nGiven these features, this is a **Fly Agaric**.",
         "Fly Agaric"),
        ("Species: Fly Agaric", "Fly Agaric"),
        ("**Identification:** Fly Agaric", "Fly Agaric"),
        ("It is an Amanita. Specifically, it is an Amanita muscaria.", "Amanita muscaria"),
        ("The mushroom is a **Bolete**, specifically a **Bitter Bolete**.", "Bitter Bolete"),
        ("It resembles a Penny Bun rather than a Bitter Bolete.", "Penny Bun"),
        ("This is not a Penny Bun. It is a Bitter Bolete.", "Bitter Bolete"),
        ("It is a young St. George's Mushroom, which fruits in spring.", "St. George's Mushroom"),
        ("The mushroom belongs to the family Amanitaceae. It is likely a Death Cap.", "Death Cap"),
        ("It's a May Apple Fungus.", "May Apple Fungus"),
    ],
)  # fmt: skip
def test_what_a_text_says_that_the_thing_is(text: str, name: str) -> None:
    assert name_in_prose(text, "mushroom") == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The mushroom is red and has white warts.",
        "It is not possible to tell the species from this image.",
        "The image shows a mushroom.",
        "This is a young mushroom of an unknown species.",
        "A closer picture would help.",
    ],
)
def test_a_text_that_names_nothing(text: str) -> None:
    assert name_in_prose(text, "mushroom") is None


def test_a_refusal_is_no_name_and_a_hedge_is_one() -> None:
    hedge = "I'm unable to say which one for sure, but this looks like a Fly Agaric."
    assert parse_name(hedge, "stop", "mushroom") == "Fly Agaric"
    for refusal in (
        "I'm sorry, I can't help with that.",
        "I cannot identify this mushroom. Mushrooms like the Fly Agaric are poisonous.",
        "I'm unable to view images. If you describe it, I can tell whether it is edible.",
        "As an AI, I do not see pictures, such as those of a Penny Bun.",
    ):
        with pytest.raises(AnswerError) as declined:
            parse_name(refusal, "stop", "mushroom")
        assert declined.value.code == "refusal"


def test_an_answer_that_is_cut_behind_its_name_is_read() -> None:
    cut = "The mushroom is a Fly Agaric (Amanita musc"
    assert parse_name(cut, "length", "mushroom") == "Fly Agaric"
    assert parse_name("It is a Fly Agaric. Its cap is re", "length", "mushroom") == "Fly Agaric"
    with pytest.raises(AnswerError) as error:
        parse_name("The mushroom in the image is a Fly Aga", "length", "mushroom")
    assert error.value.code == "cut_answer"
    assert whole_part("no stop") == ""


def test_a_name_alone_stays_as_it_is() -> None:
    for name in ("Fly Agaric", "Bird of Paradise", "Love-lies-bleeding", "2012 BMW M3 Coupe"):
        assert parse_name(name, "stop", "mushroom") == name
    assert parse_name("**Fly Agaric**\nIt is a red mushroom.", "stop", "mushroom") == "Fly Agaric"
