"""What comes of answers: well-formed, dressed up, cut, and hostile."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from methods.data_free.answers import parse_relations, parse_sentences

TWO = ("a photo of a boat.", "we see a boat and a fish.")
JSON = json.dumps({"sentences": TWO})
NAMES = [["boat"], ["fish"], ["hot dog", "frankfurter"], ["tv monitor"]]


@pytest.mark.parametrize(
    "answer",
    [
        JSON,
        f"```json\n{JSON}\n```",
        f"```\n{JSON}```",
        f"Here are {{2}} sentences [as asked]:\n{JSON}\nI hope this helps!",
        json.dumps({"sentences": TWO}, indent=2),
        json.dumps(list(TWO)),
        json.dumps({"captions": TWO}),
        json.dumps({"n": 2, "sentences": [{"sentence": text} for text in TWO]}),
        json.dumps([{"caption": text} for text in TWO]),
        JSON[:-1],
        JSON[:-2],
        JSON[:-2] + ', "a photo that is cut in the mid',
        JSON.replace("]}", ",]}"),
        f"1. {TWO[0]}\n2) {TWO[1]}\n",
        f'Sentences:\n\n- {TWO[0]}\n* "{TWO[1]}"',
        f"Here are two:\n\u2022 {TWO[0]}\n\u2022  {TWO[1]}\nLet me know if you need more.",
        f"{TWO[0]}\n{TWO[1].replace(' ', '  ')}",
        f"{JSON}\n{JSON}",
    ],
)
def test_both_sentences_are_found(answer: str) -> None:
    assert parse_sentences(answer).kept == TWO


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("As an AI language model, I cannot see photos.", "refusal"),
        ("", "nothing"),
        (None, "nothing"),
        ('{"sentences": []}', "nothing"),
        ('{"sentences": ["..."]}', "short"),
        ('{"items": [{"name": "boat", "score": 2}]}', "echo"),
        ('{"sentences": ["boat, fish and hot dog"]}', "echo"),
        ('{"sentences": ["a ship."]}', "short"),
        (json.dumps({"sentences": ["a boat " * 40]}), "long"),
        ('{"sentences": ["I cannot describe a person here."]}', "refusal"),
        ('{"sentences": ["Here are the sentences you wanted"]}', "meta"),
    ],
)
def test_reasons(answer: str | None, reason: str) -> None:
    found = parse_sentences(answer, names=NAMES)
    assert found.kept == ()
    assert reason in found.dropped


def test_each_once_in_nfc() -> None:
    answer = json.dumps({"sentences": ["A cafe\u0301\u200b by\nthe sea", "a CAF\u00c9 by the sea"]})
    found = parse_sentences(answer)
    assert found.kept == ("A caf\u00e9 by the sea",)
    assert found.dropped == Counter(duplicate=1)


def test_captions_that_sound_like_talk_are_kept() -> None:
    texts = [
        "Here is a dog on a beach.",
        "Sure-footed goats on a hill.",
        "The following car is red.",
    ]
    assert list(parse_sentences(json.dumps(texts)).kept) == texts


def test_relations() -> None:
    items = [
        {"name": "Fish", "score": 2},
        {"name": "a hot-dog", "score": "3"},
        {"name": "frankfurter", "score": 1},
        {"name": "boat", "score": 3},
        {"name": "tree", "score": 3},
        {"name": "tv monitor", "score": 7},
    ]
    expected = {1: 2.0, 2: 3.0}
    text = json.dumps({"items": items})
    for answer in (text, f"Sure!\n```json\n{text}\n```", json.dumps(items), text[:-2], text[:-1]):
        found = parse_relations(answer, NAMES, itself=0)
        assert found.kept == expected
        assert found.dropped == Counter(duplicate=1, itself=1, unknown=1, no_score=1)


@pytest.mark.parametrize(
    "answer",
    [
        '{"fish": 2, "hot dog": 3}',
        "- fish: 2\n- hot dog: 3",
        "1. fish (2)\n2. hot dog (3)",
        '{"items": [["fish", 2], ["hot dog", 3]]}',
        '{"items": [{"name": "fish", "score": 2}, {"name": "hot dog", "score": 3}, {"name": "tv',
    ],
)
def test_relations_in_other_forms(answer: str) -> None:
    assert parse_relations(answer, NAMES, itself=0).kept == {1: 2.0, 2: 3.0}


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-1", "true", "null", '"high"', "1" * 5000])
def test_bad_scores(score: str) -> None:
    found = parse_relations(f'{{"items": [{{"name": "fish", "score": {score}}}]}}', NAMES, itself=0)
    assert found.kept == {}
    assert found.dropped


def test_refusals_give_no_relations() -> None:
    found = parse_relations("I'm sorry, I can't do that.", NAMES, itself=0)
    assert found.kept == {}
    assert found.dropped == Counter(refusal=1)
    assert parse_relations(None, NAMES, itself=0).dropped == Counter(nothing=1)


HOSTILE = [
    "[" * 100_000,
    "{" * 100_000,
    '{"a":' * 50_000,
    '"' * 100_000,
    '{"sentences": "' + "\\" * 50_001,
    "- " * 50_000,
    " " * 100_000 + "1",
    "```" * 30_000,
    '{"sentences": ["\\ud800 a lone surrogate here"]}',
    '{"sentences": [null, 1, {"x": 2}, ["a"], true]}',
    '{"sentences": {"sentences": {"sentences": 1}}}',
    '{"items": [{"name": null, "score": []}, {"name": {}}, 3, [[], []]]}',
    "\x00\x01\x02 three \x07 four words",
    "9" * 100_000,
    "a\u0301" * 50_000,
    "x-" * 50_000 + "3",
]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.timeout(20)
def test_hostile_answers(answer: str) -> None:
    for sentence in parse_sentences(answer, names=NAMES).kept:
        sentence.encode()
        assert sentence.isprintable()
    parse_relations(answer, NAMES, itself=0)


def test_random_cuts_and_noise() -> None:
    rng = random.Random(0)
    text = f"Here:\n```json\n{JSON}\n```\n- fish: 2"
    for _ in range(2000):
        broken = list(text[: rng.randrange(len(text))])
        for _ in range(rng.randrange(6)):
            broken.insert(rng.randrange(len(broken) + 1), rng.choice('{}[]",:\\\n-1a\u00e9 '))
        answer = "".join(broken)
        for sentence in parse_sentences(answer, names=NAMES).kept:
            assert 3 <= len(sentence.split()) <= 60
        parse_relations(answer, NAMES, itself=0)
