"""Questions, label sets, and which sentences are kept."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from fieldguide.mllm_tasks import scene_texts
from methods.data_free.balance import balanced, rarest_classes, scarce_classes, template_items
from methods.data_free.label_sets import label_sets
from methods.data_free.questions import KINDS, OPTIONAL, PLACEHOLDERS, Questions
from methods.errors import InputError
from methods.prompt import default_prompt, parse_prompt

NAMES = ("boat", "fish", "lighthouse", "car")
WORDINGS = {
    "characteristics": scene_texts.CHARACTERISTICS,
    "contexts": scene_texts.SURROUNDINGS,
    "cooccurrence": scene_texts.TOGETHER,
    "attributes": scene_texts.ALIKE,
}


@pytest.fixture(scope="module")
def questions() -> Questions:
    prompts = {
        kind: default_prompt("data_free", kind, PLACEHOLDERS[kind], OPTIONAL[kind])
        for kind in KINDS
    }
    return Questions(NAMES, (("boat", "ship"), (), (), ("car", "auto")), prompts)


def test_the_wordings_that_the_field_guide_knows(questions: Questions) -> None:
    for kind, wording in WORDINGS.items():
        expected = wording.format(name="fish", count=3, others="boat, lighthouse, car")
        assert questions.of_class(kind, 1, 3) == expected
    expected = scene_texts.CAPTIONS.format(names="car, boat and fish", count=2)
    assert questions.of_scene((3, 0, 1), 2) == expected
    assert "containing boat." in questions.of_scene((0,), 2)
    assert "containing boat and car." in questions.of_scene((0, 3), 2)


def test_prompts_of_ones_own(questions: Questions) -> None:
    text = 'Say {count} things of a {class} ({synonyms}), as {"sentences": [{"a": "b"}]}.'
    holds, may_hold = PLACEHOLDERS["characteristics"], OPTIONAL["characteristics"]
    prompt = parse_prompt(text, "mine.txt", holds, may_hold)
    asked = Questions(NAMES, questions.synonyms, {**questions.prompts, "characteristics": prompt})
    assert asked.of_class("characteristics", 0, 5) == (
        'Say 5 things of a boat (ship), as {"sentences": [{"a": "b"}]}.'
    )
    hostile = Questions(("{others}", "b"), ((), ()), questions.prompts)
    assert "{others}" in hostile.of_class("cooccurrence", 0, 1)
    with pytest.raises(InputError, match=r"mine.txt: the prompt must hold \{class\}"):
        parse_prompt("Say something.", "mine.txt", PLACEHOLDERS["contexts"], OPTIONAL["contexts"])
    with pytest.raises(InputError, match=r"\{others\} means nothing here"):
        parse_prompt("A {class} and {others}.", "mine.txt", holds, may_hold)


def test_label_sets() -> None:
    names = [f"class {number:02}" for number in range(20)]
    relation = np.zeros((20, 20))
    relation[:10, :10] = 2
    found = label_sets(names, relation, 12, seed=3)
    assert label_sets(names, relation, 12, seed=3) == found
    assert label_sets(names, relation, 12, seed=4) != found
    sets = [frozenset(each.members) for each in found]
    assert len(set(sets)) == len(sets)
    assert all(len(own) == len(each.members) for own, each in zip(sets, found, strict=True))
    sizes = np.bincount([len(each) for each in sets], minlength=6)
    assert sizes[0] == 0
    assert len(sizes) == 6
    assert sizes[1] <= 20
    assert (sizes[2:] > 20).all()
    assert np.bincount([each.members[0] for each in found], minlength=20).min() == 12
    graph = [each for each in found if each.origin == "graph"]
    assert 0.4 < sum(each.members[0] < 10 for each in graph) / 120 < 0.6
    for each in graph:  # a walk stays among related classes; those without any are alone
        assert max(each.members) < 10 or len(each.members) == 1
    pairs = {pair for own in sets for pair in combinations(sorted(own), 2)}
    assert any(one < 10 <= other for one, other in pairs)


def test_label_sets_do_not_depend_on_class_order() -> None:
    names = [f"class {number:02}" for number in range(9)]
    rng = np.random.default_rng(0)
    relation = rng.random((9, 9))
    relation = relation + relation.T
    order = rng.permutation(9)
    found = label_sets(names, relation, 6)
    shuffled = [names[at] for at in order]
    permuted = label_sets(shuffled, relation[np.ix_(order, order)], 6)
    assert [[names[at] for at in each.members] for each in found] == [
        [shuffled[at] for at in each.members] for each in permuted
    ]


def test_label_sets_of_few_classes() -> None:
    assert [each.members for each in label_sets(["a"], np.zeros((1, 1)), 5)] == [(0,)]
    found = label_sets(["a", "b"], np.zeros((2, 2)), 20)
    assert {frozenset(each.members) for each in found} <= {
        frozenset({0}),
        frozenset({1}),
        frozenset({0, 1}),
    }
    with pytest.raises(ValueError, match="differ"):
        label_sets(["a", "a"], np.zeros((2, 2)), 1)


def test_balance() -> None:
    labels = np.array([[1, 0, 1]] * 3 + [[1, 0, 0]] * 5 + [[0, 0, 0]] + [[1, 1, 0]], bool)
    texts = [f"text {number}" for number in range(10)]
    assert rarest_classes(labels).tolist() == [2] * 3 + [0] * 5 + [-1] + [1]
    kept = balanced(texts, labels, 2)
    assert np.bincount(rarest_classes(labels)[kept]).tolist() == [2, 1, 2]
    order = np.random.default_rng(0).permutation(10)
    assert (balanced([texts[at] for at in order], labels[order], 2) == kept[order]).all()
    assert any((balanced(texts, labels, 2, seed=seed) != kept).any() for seed in (1, 2, 3))
    assert balanced(texts, labels, 100).sum() == 9
    assert scarce_classes(labels, 3).tolist() == [1]


def test_templates() -> None:
    texts, labels = template_items(["cat", "dog"], ["a photo of a {}.", "a {} at sea."], repeats=2)
    assert texts[:4] == ["a photo of a cat."] * 3 + ["a cat at sea."]
    assert labels.sum(axis=1).tolist() == [1] * 8
    assert labels[:, 1].tolist() == [False] * 4 + [True] * 4
    assert len(template_items(["cat"])[0]) == 10
    many = ["a drawing of a {}.", "a photo of a {}."]
    assert template_items(["cat"], many, repeats=2)[0].count("a photo of a cat.") == 3
