"""Names in prose: what sentences say that the thing shown is."""

from __future__ import annotations

import pytest

from methods.answers import AnswerError
from methods.discovered_names import parse_name
from methods.prose_lines import final_answer, is_sentence, whole_part
from methods.prose_names import name_in_prose


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
        ("It is an Amanitaceae, specifically in the genus *Amanita*.", "Amanita"),
        ("It is a Russula. Its colours suggest it could be Russula emetica.", "Russula emetica"),
        ("The image shows a young Bolete, likely of the species *Boletus edulis*.",
         "Boletus edulis"),
        ("It belongs to Amanita, and is most likely *A. muscaria*.", "Amanita muscaria"),
        ("The mushroom in the image is **Boletus edulis**, commonly known as the Penny Bun.",
         "Penny Bun"),
        ("The mushroom in the image is **Boletus edulis**, commonly known as penny bun or cep.",
         "Boletus edulis"),
        ("It looks like a Bolete. However, given its smell it is more likely a **Death Cap**.",
         "Death Cap"),
        ("The image shows a species of mushroom known as Penny Bun or Cep.", "Penny Bun"),
        ("The specific form is likely a cultivar called 'Snow'. It is an Oyster Mushroom.",
         "Oyster Mushroom"),
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


@pytest.mark.parametrize(
    ("category", "text", "name"),
    [
        ("car", "The car is a red Ferrari 458 Italia.", "Ferrari 458 Italia"),
        ("car", "I can't tell the year, but this looks like a Ford F-150.", "Ford F-150"),
        ("aircraft", "This is a Bombardier CRJ-700 series aircraft.", "Bombardier CRJ-700"),
        ("aircraft", "Step 1: It has two engines.\nFinal answer: Boeing 737-700", "Boeing 737-700"),
        ("dish", "The image depicts a delicious plate of nachos with cheese.", "nachos"),
        ("dish", "The food in the image is baklava, a sweet pastry.", "baklava"),
        ("dish", "The dish in the image is spaghetti carbonara.", "spaghetti carbonara"),
        ("pet", "The pet in the image is a dog that appears to be a Staffordshire Bull Terrier.",
         "Staffordshire Bull Terrier"),
        ("pet", "1. It has a curly coat.\n\nConclusion: Miniature Poodle", "Miniature Poodle"),
    ],
)  # fmt: skip
def test_names_of_other_kinds(category: str, text: str, name: str) -> None:
    assert parse_name(text, "stop", category, None) == name


@pytest.mark.parametrize(
    ("category", "text", "name"),
    [
        ("tree", "Silver birch. The white, peeling bark is characteristic of it.", "Silver birch"),
        ("tree", "Mt. Fuji cherry. It flowers early in spring.", "Mt. Fuji cherry"),
        ("bird", "Great crested grebe \u2013 black crest, chestnut ruff", "Great crested grebe"),
        ("bird", "Dunlin; the black belly gives it away.", "Dunlin"),
        ("car", "Tesla Model S - the door handles sit flush with the body.", "Tesla Model S"),
        ("dish", "Pho: Vietnamese noodle soup", "Pho"),
        ("dish", "Paella, as it has saffron rice and mussels", "Paella"),
        ("flower", "Forget-me-not, a small blue flower with a yellow eye", "Forget-me-not"),
        ("car", "Land Rover - Range Rover Sport", "Land Rover - Range Rover Sport"),
        ("dish", "Fish and chips", "Fish and chips"),
        ("fish", "Blue tang. It is often confused with the powder blue tang.", "Blue tang"),
        ("fish", "Beautiful fish! I'd say it's a lionfish.", "lionfish"),
        ("fish", "Clearly a lionfish.", "lionfish"),
        ("insect", "Insect: Seven-spot ladybird", "Seven-spot ladybird"),
        ("insect", "Most likely species: European mantis, female", "European mantis"),
        ("object", "a photo of a coffee mug", "coffee mug"),
        ("object", "I can see a slice of tiramisu on a plate.", "tiramisu"),
        ("animal", "You are looking at two zebras grazing.", "zebra"),
        ("plant", "It has needles in pairs, so I'd go with Scots pine.", "Scots pine"),
        ("plant", "This one goes by the name of bird of paradise.", "bird of paradise"),
        ("sign", "No parking", "No parking"),
    ],
)  # fmt: skip
def test_names_without_a_sentence_or_before_one(category: str, text: str, name: str) -> None:
    assert parse_name(text, "stop", category, None) == name


@pytest.mark.parametrize(
    "text",
    [
        "None of the visible features allow me to name it.",
        "More details would help to name it.",
        "No idea.",
        "As you can see, the bird has a long bill.",
        "Unfortunately, the quality of it is too low.",
    ],
)
def test_what_names_nothing_is_no_name(text: str) -> None:
    with pytest.raises(AnswerError):
        parse_name(text, "stop", "bird", None)


def test_a_sentence_that_names_nothing_is_no_name() -> None:
    for text in (
        "The image is too blurry to tell which aircraft it is.",
        "Without more information, I cannot say which breed this is.",
        "Unfortunately, the image does not provide enough detail to identify the dish.",
        "It is not possible to determine the exact model from this image.",
    ):
        assert is_sentence(text)
        for category in ("aircraft", "dish"):
            with pytest.raises(AnswerError):
                parse_name(text, "stop", category, None)
    assert not is_sentence("Bird of Paradise")
    assert final_answer("Fly Agaric\nIt is red.") == "Fly Agaric\nIt is red."


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
