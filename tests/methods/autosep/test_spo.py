"""SPO, the baseline that keeps whichever of two prompts a judge prefers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest

from methods.autosep.history import History
from methods.autosep.requests import RequestKind, SearchRequest
from methods.autosep.spo import PreferenceSearch
from tests.helpers.stub_mllm import WORDING, Planted, Scripted, StubMllm, settings, sides


class Liking(Planted):
    """Prefers the description of the better prompt; of equal ones, the first text."""

    def prefer(self, question: SearchRequest) -> str | None:
        good = [int(text.split()[1]) for text in sides(question)]
        return f"<choose>{'Second' if good[1] > good[0] else 'First'}</choose>"


class Worse(Liking):
    """Always prefers the worse one."""

    def prefer(self, question: SearchRequest) -> str | None:
        liked = super().prefer(question) or ""
        return "the first" if "Second" in liked else "the second"


def run(mllm: StubMllm, images: Sequence[int] = range(20), **changes: object) -> History:
    small = {"minibatch": 7, "errors_shown": 3, **changes}
    return PreferenceSearch(mllm, images, WORDING, settings(objective="spo", **small)).run()


def test_a_round_looks_at_a_minibatch_and_asks_for_a_reason_and_a_prompt() -> None:
    mllm = StubMllm()
    history = run(mllm, rounds=4)
    assert not mllm.kinds("round_0")
    batches = []
    for number in range(1, 5):
        asked = mllm.kinds(f"round_{number}")
        assert (asked["reflect"], asked["modify"], asked["prefer"]) == (1, 1, 7)
        assert 7 <= asked["describe"] <= 14, "what is known is not described again"
        batches.append({q.images for q in mllm.of("prefer", f"round_{number}")})
    assert len(batches[0] | batches[1]) > 7, "another minibatch each round"
    assert len(history.prompts) == 5
    assert [each.prompts for each in history.rounds] == [0, 1, 1, 1, 1]
    assert all(len(each.beam) == 1 for each in history.rounds)
    for question in mllm.of("prefer"):
        one, other = (text.split() for text in sides(question))
        assert one[0] == other[0] == f"d{question.images[0]}", "both are of the image shown"
        assert one[1] != other[1]


def test_the_preferred_prompt_is_kept() -> None:
    mllm = Liking(seed=2)
    history = run(mllm, rounds=14)
    kept = [Planted.quality(history.prompts[each.beam[0]].text) for each in history.rounds]
    assert kept == sorted(kept)
    assert kept[-1] >= 3
    assert history.chosen == history.rounds[-1].beam[0]
    for one, after in itertools.pairwise(history.rounds):
        children = [each for each in history.prompts.values() if each.round == after.round]
        assert len(children) == after.prompts
        for child in children:
            assert (child.parent, child.origin) == (one.beam[0], "spo")
            value = child.scores[0]["value"]
            assert after.beam == ([child.id] if value > 0.5 else one.beam)
    best = history.prompts[history.chosen]
    assert history.final == {
        "stage": "search",
        "value": best.scores[-1]["value"],
        "comparisons": 7,
    }


def test_a_prompt_that_is_not_preferred_is_dropped() -> None:
    mllm = Worse(seed=2)
    history = run(mllm, rounds=8)
    kept = [Planted.quality(history.prompts[each.beam[0]].text) for each in history.rounds]
    assert kept == [0] * 9
    assert any(Planted.quality(each.text) for each in history.prompts.values())


def test_the_order_of_texts_is_random() -> None:
    history = run(StubMllm(), range(300), rounds=1, minibatch=300)
    (_, child) = history.prompts.values()
    assert abs(child.scores[0]["value"] - 0.5) < 3 * 0.5 / 300**0.5


@pytest.mark.parametrize("reply", ["neither", "", "first second", "<choose>both</choose>"])
def test_without_a_readable_preference_the_old_prompt_stays(reply: str) -> None:
    history = run(Scripted({"prefer": reply}))
    assert {each.beam[0] for each in history.rounds} == {history.chosen}
    child = list(history.prompts.values())[1]
    assert child.scores[0]["value"] is None
    assert (child.scores[0]["comparisons"], child.scores[0]["unparsable"]) == (0, 7)
    assert history.final["value"] is None


@pytest.mark.parametrize(
    "reply", [None, "", "no tags", f"<START>{WORDING.initial()}<END>", "<START><END>"]
)
def test_without_a_new_prompt_nothing_is_compared(reply: str | None) -> None:
    mllm = Scripted({"modify": reply})
    history = run(mllm)
    asked = mllm.kinds()
    assert (asked["reflect"], asked["modify"]) == (3, 3)
    assert set(asked) == {"describe", "reflect", "modify"}
    assert list(history.prompts) == [history.chosen]
    assert all(each.notes == ["no new prompt was written"] for each in history.rounds[1:])


@pytest.mark.parametrize("reason", [None, " "])
def test_without_a_reason_no_prompt_is_asked_for(reason: str | None) -> None:
    mllm = Scripted({"reflect": reason})
    history = run(mllm)
    assert list(history.prompts) == [history.chosen]
    assert "modify" not in mllm.kinds()


def test_the_writer_sees_three_images_with_their_descriptions() -> None:
    mllm = StubMllm()
    run(mllm, rounds=3)
    shown = [question.images for question in mllm.of("modify")]
    assert [len(images) for images in shown] == [3, 3, 3]
    assert len(set(shown)) > 1
    assert shown == [question.images for question in mllm.of("reflect")]
    for question in mllm.of("modify"):
        assert "## reason 0." in question.text
        for place, image in enumerate(question.images, start=1):
            assert f'Image {place}\nDescription: "d{image} ' in question.text
    few = StubMllm()
    run(few, [4], rounds=1)
    assert few.of("modify")[0].images == (4,)


class Blind(StubMllm):
    """Describes images of even id only."""

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        usual = super().generate(stage, kind, requests)
        if kind != "describe":
            return usual
        pairs = zip(usual, requests, strict=True)
        return [None if q.images[0] % 2 else reply for reply, q in pairs]


def test_images_without_a_description_are_missing_and_never_shown() -> None:
    mllm = Blind()
    history = run(mllm, rounds=1)
    odd = 7 - len(mllm.of("prefer"))
    assert 0 < odd < 7
    assert list(history.prompts.values())[1].scores[0]["missing"] == odd
    assert all(q.images[0] % 2 == 0 for q in mllm.of("prefer"))
    assert not any("None" in question.text for _, _, question in mllm.asked)


def test_the_same_seed_gives_the_same_search() -> None:
    def record(images: Sequence[int], seed: int) -> str:
        return json.dumps(run(Liking(), images, seed=seed, rounds=5).record())

    assert record(range(20), 0) == record(list(reversed(range(20))), 0)
    assert record(range(20), 0) != record(range(20), 1)


def test_learned_text_comes_through_unchanged() -> None:
    text = "# Task {classes} {{x}} {% if %} {reason}"
    mllm = Scripted({"modify": f"<START>{text}<END>", "prefer": "first"})
    run(mllm, rounds=1)
    asked = [q.text for q in mllm.of("describe", "round_1")]
    assert asked == [WORDING.initial()] * 7 + [text] * 7


def test_a_comparison_without_an_answer_is_missing() -> None:
    child = list(run(Scripted({"prefer": None}), rounds=1).prompts.values())[1]
    assert (child.scores[0]["unparsable"], child.scores[0]["missing"]) == (0, 7)


def test_a_rounds_best_is_the_score_of_the_prompt_it_keeps() -> None:
    history = run(Worse(seed=2), rounds=8)
    pairs = itertools.pairwise(history.rounds)
    rejected = [after for one, after in pairs if after.prompts and after.beam == one.beam]
    assert rejected
    for round_ in rejected:
        child = next(each for each in history.prompts.values() if each.round == round_.round)
        assert round_.best is None or round_.best != child.scores[0]["value"]
