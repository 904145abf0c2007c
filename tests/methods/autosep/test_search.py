"""The search: its beam, determinism, children, and that labels cannot matter."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Sequence
from dataclasses import fields

import pytest

from methods.autosep.history import History
from methods.autosep.instance import InstanceObjective
from methods.autosep.requests import RequestKind, SearchRequest
from methods.autosep.search import Search
from methods.autosep.settings import IMPROVEMENTS, SearchSettings
from methods.autosep.spo import PreferenceSearch
from tests.helpers.stub_mllm import (
    CLASSES,
    WORDING,
    Coin,
    Planted,
    Scripted,
    StubMllm,
    Wrong,
    search,
    settings,
)

ALL = frozenset(IMPROVEMENTS)


@pytest.mark.parametrize("improvements", [frozenset(), ALL], ids=["plain", "improved"])
def test_the_same_seed_gives_the_same_search_and_another_seed_another(
    improvements: frozenset[str],
) -> None:
    def run(order: Sequence[int], held: Sequence[int], seed: int) -> str:
        how = {"paraphrases": 1, "max_children": 2, "improvements": improvements}
        return json.dumps(search(Planted(), order, held, seed=seed, **how).record())

    images, held = list(range(100, 114)), list(range(200, 208))
    first = run(images, held, 0)
    assert run(images, held, 0) == first
    for seed in range(3):
        random.Random(seed).shuffle(images)
        random.Random(seed).shuffle(held)
        assert run(images, held, 0) == first, "the order of the images means nothing"
    assert run(images, held, 1) != first


class Shuffled(Planted):
    """Answers questions in another order, as replicas do."""

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        order = random.Random(stage).sample(range(len(requests)), len(requests))
        replies = super().generate(stage, kind, [requests[place] for place in order])
        found = dict(zip(order, replies, strict=True))
        return [found[place] for place in range(len(requests))]


def test_the_order_in_which_answers_come_means_nothing() -> None:
    assert search(Shuffled(), range(12)).record() == search(Planted(), range(12)).record()


@pytest.mark.parametrize("names", [(), ("halving",), ("reuse", "paired"), ("fresh_choice",)])
def test_the_beam_never_gets_worse_and_is_ranked(names: tuple[str, ...]) -> None:
    history = search(Coin(), range(14), rounds=4, beam=3, improvements=frozenset(names))
    best = [each.best or 0.0 for each in history.rounds]
    assert best == sorted(best)
    assert best[-1] > best[0]
    for round_ in history.rounds:
        scores = [value(history, id_) for id_ in round_.beam]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] == round_.best
        assert len(set(round_.beam)) == len(round_.beam) <= 3
        others = [id_ for id_, each in history.prompts.items() if each.round <= round_.round]
        scored = [id_ for id_ in others if value(history, id_) is not None]
        assert max(value(history, id_) for id_ in scored) == round_.best
    if "fresh_choice" not in names:
        assert history.chosen == history.rounds[-1].beam[0]
        assert history.final["value"] == best[-1]


def value(history: History, id_: str) -> float:
    """The frozen score of a prompt."""
    whole = [each["value"] for each in history.prompts[id_].scores if each["stage"] == "search"]
    return whole[0] if whole else -1.0


def test_children_are_cut_at_random_and_none_is_its_parent() -> None:
    history = search(Wrong(), range(10), rounds=2, reflections=3, paraphrases=1, max_children=3)
    made: dict[tuple[int, str | None], int] = {}
    for each in history.prompts.values():
        made[each.round, each.parent] = made.get((each.round, each.parent), 0) + 1
        assert each.parent != each.id
    assert made == {(0, None): 1} | {key: 3 for key in made if key != (0, None)}
    origins = [
        tuple(each.origin for each in search(
            Wrong(), range(6), seed=seed, rounds=1, reflections=3, paraphrases=1, max_children=3
        ).prompts.values())
        for seed in range(12)
    ]  # fmt: skip
    assert len(set(origins)) > 1, "not always the same kind is kept"


def test_what_led_to_a_prompt_is_on_record() -> None:
    history = search(Wrong(), range(9), rounds=1, paraphrases=1)
    first, *children = history.prompts.values()
    assert (first.origin, first.round, first.parent) == ("initial", 0, None)
    for each in children:
        assert each.parent == first.id
        assert each.reason.startswith("reason ") or each.origin == "paraphrase"
        assert len(each.shown) == (4 if each.origin == "modify" else 0)
    assert any(each.origin == "paraphrase" for each in children)
    assert json.loads(json.dumps(history.record())) == history.record()
    assert [each["id"] for each in history.record()["prompts"]] == list(history.prompts)


def test_several_prompts_of_one_reply_are_all_children() -> None:
    reply = "<START>Prompt number one<END> <START>Prompt number two<END>"
    mllm = Scripted({"modify": reply, "compare": "first"})
    history = search(mllm, range(8), rounds=1, prompts_per_reflection=2)
    assert history.rounds[1].prompts == 2
    assert all("## 2" in question.text for question in mllm.of("modify"))


def test_each_round_is_watched_with_the_history_so_far() -> None:
    seen: list[tuple[int, str]] = []
    mllm, how = Wrong(), settings(rounds=2)
    objective = InstanceObjective(mllm, range(8), WORDING, how)
    watch = lambda history: seen.append((len(history.rounds), history.chosen))  # noqa: E731
    history = Search(mllm, objective, range(8), (), WORDING, how, watch).run()
    assert seen == [(1, ""), (2, ""), (3, ""), (3, history.chosen)]


def test_no_rounds_score_the_first_prompt_alone() -> None:
    history = search(StubMllm(), range(8), rounds=0)
    assert history.final == {"value": 1.0, "stage": "search", "comparisons": 16}
    assert history.rounds[0].best == 1.0
    fresh = search(StubMllm(), range(8), rounds=0, improvements=frozenset({"fresh_choice"}))
    assert fresh.final == {"value": 1.0, "stage": "choice", "comparisons": 32}


class Relapsing(StubMllm):
    """Is wrong about the first prompt in the search, and about all others in the choice."""

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        usual = super().generate(stage, kind, requests)
        if kind != "compare":
            return usual
        first = self.asked[0][2].text
        mark = StubMllm.describe(self, SearchRequest(first, (0,))).split()[1]
        late = "choice" in stage or "final" in stage
        wrong = [(mark in question.text) is not late for question in requests]
        said = zip(usual, wrong, strict=True)
        return [{"first": "second", "second": "first"}[r] if bad else r for r, bad in said]


@pytest.mark.parametrize("name", ["fresh_choice", "held_out"])
def test_the_first_prompt_stands_beside_the_last_beam_and_may_win(name: str) -> None:
    mllm = Relapsing()
    held = range(10, 16) if name == "held_out" else ()
    history = search(mllm, range(10), held, rounds=1, improvements=frozenset({name}))
    first = next(iter(history.prompts))
    assert first not in history.rounds[-1].beam
    assert history.chosen == first
    assert history.final == {"value": 1.0, "stage": "choice", "comparisons": 4 * (len(held) or 10)}
    assert mllm.kinds("round_1_choice")["compare"] == 3 * history.final["comparisons"]
    plain = search(Relapsing(), range(10), rounds=1)
    assert plain.chosen == plain.rounds[-1].beam[0] != first


def test_as_few_images_as_an_image_needs_others() -> None:
    for names in (frozenset(), ALL):
        history = search(Wrong(), range(3), (3, 4, 5), negatives=2, improvements=names)
        assert history.final["value"] == 0.0
        assert history.final["comparisons"] == 6


def test_a_search_cannot_see_labels() -> None:
    """No argument takes them, and no question tells images apart but by their ids."""
    given = {
        name
        for what in (Search, InstanceObjective, PreferenceSearch)
        for name in inspect.signature(what).parameters
    } | {each.name for each in fields(SearchSettings)}
    known = {"objective"}  # whose values name the baselines with labels
    assert not {name for name in given - known if "label" in name or "truth" in name}
    assert [each.name for each in fields(SearchRequest)] == ["text", "images", "draw"]
    mllm = Planted()
    search(mllm, range(12), paraphrases=1, improvements=ALL)
    whole = "A. Zorblax\nB. Quimby\nC. Vantor"
    for _, kind, question in mllm.asked:
        named = [name for name in CLASSES if name in question.text]
        if kind in ("reflect", "modify"):
            assert question.text.count(whole) == 1, "the same list for all images"
            assert not any(name in question.text.replace(whole, "") for name in CLASSES)
        else:
            assert not named


def test_permuted_ids_permute_the_draws_only() -> None:
    """Under an oracle and an adversary who an image is changes nothing."""
    for judge, expected in ((StubMllm, 1.0), (Wrong, 0.0)):
        for start in (0, 1000):
            history = search(judge(), range(start, start + 10), rounds=1)
            assert history.final["value"] == expected


def test_a_prompt_with_half_a_character_is_one_like_others() -> None:
    mllm = Scripted({"modify": "<START>Describe the bird \ud83d<END>", "compare": "first"})
    assert len(search(mllm, range(8), rounds=1).prompts) in (1, 2)
