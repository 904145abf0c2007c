"""Names: parsing of answers, keys, vocabulary, merging, the table a person edits."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from methods.answers import AnswerError
from methods.class_matrix import unit_rows
from methods.discovered_names import (
    NOT_A_NAME,
    Vocabulary,
    build_vocabulary,
    merge_similar,
    parse_name,
    read_names,
    write_names,
)
from methods.errors import ANSWER_CODES, InputError
from methods.name_spelling import name_key, tidy_name


@pytest.mark.parametrize(
    "spelling",
    [
        "Black-tailed Gull",
        "black tailed gull",
        "The Black-Tailed Gull.",
        "a black-tailed gull",
        "**Black-tailed Gull**",
        '"Black-tailed gull"',
        "\u201cThe Black-tailed gull\u201d",
        "`Black_tailed_Gull`",
        "```\nBlack-tailed Gull\n```",
        "Black-tailed Gull (Larus crassirostris)",
        "Black-tailed Gull (*Larus crassirostris*).",
        "- Black-tailed Gull",
        "1. Black-tailed  Gull",
        "### Black-tailed\u00a0Gull",
        "\uff22lack-tailed Gull",
        '"**The Black-tailed Gull**"',
    ],
)
def test_spellings_of_one_name_share_a_key(spelling: str) -> None:
    assert name_key(spelling) == "black tailed gull"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BMW 3 Series (2012)", "BMW 3 Series (2013)"),
        ("2012 BMW M3", "2013 BMW M3"),
        ("Robin", "Robin (juvenile)"),
        ("Mercedes-Benz A-Class", "Mercedes-Benz C-Class"),
        ("Audi A4", "Audi 4"),
    ],
)
def test_different_names_keep_different_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize(
    "text", ["A-Class", "The A", "(Larus canus)", "", "...", "stra\u00dfe", "A"]
)
def test_a_key_is_its_own_key_and_a_tidy_name_its_own_tidy_name(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)
    assert tidy_name(tidy_name(text)) == tidy_name(text)


def test_an_apostrophe_is_an_apostrophe() -> None:
    assert name_key("Brewer\u2019s Blackbird") == name_key("Brewer's blackbird")


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ('{"name": "Red-headed woodpecker"}', "Red-headed woodpecker"),
        ('```json\n{"name": "The Robin."}\n```', "Robin"),
        ("\n\n**American Robin**\nIt has a red breast.", "American Robin"),
        ("Here is the name:\nAmerican Robin", "American Robin"),
        ("---\nAmerican Robin (Turdus migratorius)", "American Robin"),
        ("2012 BMW M3 Coupe", "2012 BMW M3 Coupe"),
        ("Black_footed_Albatross", "Black footed Albatross"),
        ("possibly a Robin", "Robin"),
        ("**Most likely an American Robin**", "American Robin"),
        ('{"name": "Perhaps: house finch"}', "house finch"),
        ("Some kind of sparrow", "sparrow"),
        ("maybe a type of gull (Larus canus)", "gull"),
        ("American Robin, probably", "American Robin"),
        ("house finch (uncertain)", "house finch"),
        ("Likelihood wren", "Likelihood wren"),
        ("Kindred owl", "Kindred owl"),
        ("\u65e5\u672c\u306e\u9ce5", "\u65e5\u672c\u306e\u9ce5"),
    ],
)
def test_a_name_is_read(answer: str, name: str) -> None:
    assert parse_name(answer, "stop", "bird") == name


@pytest.mark.parametrize(
    ("answer", "finish_reason", "code"),
    [
        (None, "stop", "empty_answer"),
        ("  \n", "stop", "empty_answer"),
        ('{"name": " "}', "stop", "empty_answer"),
        ("I'm sorry, I cannot tell.", "stop", "refusal"),
        ('{"name": "unknown"}', "stop", "refusal"),
        ("**Unknown**", "stop", "refusal"),
        ("American Rob", "length", "cut_answer"),
        ('{"name": "American Rob', "length", "cut_answer"),
        ('{"name": "American Rob', "stop", "not_json"),
        ('{"bird": "American Robin"}', "stop", "not_json"),
        ('{"name": 3}', "stop", "not_json"),
        ("one two three four five six seven eight nine ten eleven twelve thirteen", "stop",
         NOT_A_NAME),
        ("Bird", "stop", NOT_A_NAME),
        ("A bird.", "stop", NOT_A_NAME),
        ('{"name": "the BIRD"}', "stop", NOT_A_NAME),
        ("Birds", "stop", NOT_A_NAME),
        ("Unidentified bird", "stop", NOT_A_NAME),
        ("Unknown bird species", "stop", NOT_A_NAME),
        ("Possibly some kind of bird", "stop", NOT_A_NAME),
        ("Maybe", "stop", NOT_A_NAME),
        ("12345", "stop", NOT_A_NAME),
        ("?!", "stop", NOT_A_NAME),
        ("The name is:", "stop", NOT_A_NAME),
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(answer: str | None, finish_reason: str, code: str) -> None:
    with pytest.raises(AnswerError) as error:
        parse_name(answer, finish_reason, "bird")
    assert error.value.code == code
    assert code in ANSWER_CODES
    assert error.value.detail


def test_a_name_may_hold_the_category_and_it_may_have_several_words() -> None:
    assert parse_name("Tropical bird of paradise", "stop", "bird") == "Tropical bird of paradise"
    assert parse_name("Rose", "stop", "flowering plant") == "Rose"
    with pytest.raises(AnswerError, match="no more than the category"):
        parse_name("a flowering plant", "stop", "flowering_plant")


def test_twelve_words_are_a_name_and_json_is_read_only_where_it_was_asked_for() -> None:
    twelve = "one two three four five six seven eight nine ten eleven twelve"
    assert parse_name(twelve, "stop", "bird") == twelve
    assert parse_name('{broken "Robin', "stop", "bird", None).endswith("Robin")


ANSWERS = {
    "a": "American Robin", "b": "american robin", "c": "american robin", "d": None,
    "e": "Crow", "f": "The Crow", "g": "Gray Gull", "h": "Grey gull", "i": "Grey gull",
}  # fmt: skip


def test_a_vocabulary_counts_names_by_key() -> None:
    vocabulary, labels = build_vocabulary(list(ANSWERS.values()))
    assert vocabulary.keys == ("american robin", "crow", "gray gull", "grey gull")
    assert vocabulary.forms == ("american robin", "Crow", "Gray Gull", "Grey gull")
    assert vocabulary.votes == (3, 2, 1, 2)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 0, 0, -1, 1, 1, 2, 3, 3]


def test_permuting_images_permutes_labels_and_ties_between_forms_go_by_text() -> None:
    names = ["Robin", "ROBIN", None, "Crow", "robin", "ROBIN", "Robin"]
    vocabulary, labels = build_vocabulary(names)
    assert vocabulary.forms == ("Crow", "ROBIN")
    order = np.random.default_rng(1).permutation(len(names))
    other, permuted = build_vocabulary([names[i] for i in order])
    assert other == vocabulary
    assert (permuted == labels[order]).all()


def test_no_name_at_all_and_one_name_for_all() -> None:
    vocabulary, labels = build_vocabulary([None, None, "..."])
    assert vocabulary == Vocabulary((), (), ())
    assert labels.tolist() == [-1, -1, -1]
    assert build_vocabulary(["Robin"] * 5)[0] == Vocabulary(("robin",), ("Robin",), (5,))
    assert len(build_vocabulary([f"bird {i}" for i in range(7)])[0].keys) == 7


def test_merges_rename_unite_and_set_aside() -> None:
    names = list(ANSWERS.values())
    vocabulary, labels = build_vocabulary(names, {"gray gull": "grey gull", "crow": ""})
    assert vocabulary.keys == ("american robin", "grey gull")
    assert vocabulary.forms == ("american robin", "Grey gull"), "a key is shown as answers wrote it"
    assert vocabulary.votes == (3, 3)
    assert labels.tolist() == [0, 0, 0, -1, -1, -1, 1, 1, 1]
    swapped, _ = build_vocabulary(names, {"crow": "Grey gull", "grey gull": "Carrion Crow"})
    assert swapped.keys == ("american robin", "carrion crow", "gray gull", "grey gull")
    assert swapped.forms == ("american robin", "Carrion Crow", "Gray Gull", "Grey gull")
    assert swapped.votes == (3, 2, 1, 2), "applied once, not to its own result"


def vocabulary_of(votes: dict[str, int]) -> Vocabulary:
    keys = tuple(sorted(votes))
    return Vocabulary(keys, keys, tuple(votes[key] for key in keys))


def test_similar_names_merge_into_the_one_with_most_votes() -> None:
    vocabulary = vocabulary_of({"a": 2, "b": 5, "c": 1, "d": 5, "e": 9})
    degrees = np.radians([0, 10, 20, 90, 180])
    features = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    near = float(np.cos(np.radians(11)))
    # c is too far from a, but both are near b
    assert merge_similar(vocabulary, features, near) == {"a": "b", "c": "b"}
    assert merge_similar(vocabulary, features, near, block=2) == {"a": "b", "c": "b"}
    assert merge_similar(vocabulary, features, 1.1) == {}
    assert merge_similar(vocabulary, features, -1.1) == dict.fromkeys("abcd", "e")
    tied = vocabulary_of({"a": 1, "b": 1})
    assert merge_similar(tied, np.ones((2, 1), np.float32), 0.9) == {"b": "a"}
    assert merge_similar(Vocabulary((), (), ()), np.zeros((0, 4), np.float32), 0.9) == {}


def test_merging_does_not_depend_on_the_order_of_images() -> None:
    names = [f"bird {i % 30}" for i in range(200)]
    vocabulary, _ = build_vocabulary(names)
    other, _ = build_vocabulary(names[::-1])
    rows = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    merges = merge_similar(vocabulary, unit_rows(rows), 0.95)
    assert merges
    assert merges == merge_similar(other, unit_rows(rows), 0.95)
    assert not set(merges) & set(merges.values()), "nothing is merged into what is merged itself"
    assert len(build_vocabulary(names, merges)[0].keys) == 30 - len(merges)


def test_the_table_of_names_comes_back_as_it_was() -> None:
    names = [*ANSWERS.values(), 'Cook\'s "petrel", pale', "A, B\nC"]
    text = write_names(names)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["answer", "key", "name", "votes"]
    assert ["american robin", "american robin", "american robin", "2"] in rows
    assert ["The Crow", "crow", "Crow", "1"] in rows
    vocabulary, labels = build_vocabulary(names)
    again, labels_again = build_vocabulary(names, read_names(text))
    assert again == vocabulary
    assert (labels_again == labels).all()


def test_an_edited_table_counts() -> None:
    names = list(ANSWERS.values())
    text = write_names(names).replace("gray gull,Gray Gull", "gray gull,European Gull")
    text = text.replace("crow,Crow", "crow,")
    vocabulary, labels = build_vocabulary(names, read_names("\ufeff" + text))
    assert vocabulary.forms == ("american robin", "European Gull", "Grey gull")
    assert labels.tolist() == [0, 0, 0, -1, -1, -1, 1, 2, 2]
    merges = read_names(text)
    assert read_names(write_names(names, merges)) == merges


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks the column key and name"),
        ("answer,key\nx,y\n", "lacks the column name"),
        ("answer,key,name,votes\nA,a,B,1\nThe A,a,C,1\n", "calls 'a' both 'B' and 'C'"),
        ("answer,key,name,votes\nA,a\n", "line 2 of the table of names is too short"),
    ],
)
def test_a_broken_table_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_names(text)
