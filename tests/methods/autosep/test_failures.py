"""Answers that do not come: asked again, then left out, and never shown as words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from methods.autosep.instance import InstanceObjective
from methods.autosep.requests import RequestKind, SearchRequest
from tests.helpers.stub_mllm import WORDING, Scripted, StubMllm, Wrong, search, settings

PROMPT = "Describe it"
N = 12


class Blind(Wrong):
    """Describes some images never, others only when asked again; always chooses wrongly."""

    def __init__(self, never: Sequence[int] = (), later: Sequence[int] = ()) -> None:
        super().__init__()
        self.never, self.later = set(never), set(later)

    def describe(self, question: SearchRequest) -> str | None:
        (image,) = question.images
        if image in self.never:
            return None if image % 2 else "  \n"
        if image in self.later and not question.draw:
            return None
        return super().describe(question)


def objective(mllm: StubMllm, **changes: object) -> InstanceObjective:
    return InstanceObjective(mllm, range(N), WORDING, settings(**changes))


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_failing_description_is_asked_again_so_often(retries: int) -> None:
    mllm = Blind(never=[3, 4])
    judged = objective(mllm, description_retries=retries)
    tally = judged.score(0, "round_0", [PROMPT], range(N))[PROMPT]
    asked = [question for question in mllm.of("describe") if question.images[0] in (3, 4)]
    assert len(asked) == 2 * (retries + 1)
    assert len({(question.images, question.draw) for question in asked}) == len(asked)
    assert len(mllm.of("describe")) == N + 2 * retries
    assert 2 * 2 <= tally.missing < N
    assert tally.comparisons + tally.missing == 2 * N
    assert not any("None" in question.text for _, _, question in mllm.asked)
    assert not {q.images for q in mllm.of("compare")} & {(3,), (4,)}
    errors = judged.mine(1, "mine", [PROMPT])[PROMPT]
    assert errors
    assert not any("None" in error.text for error in errors)


def test_descriptions_that_come_later_count_like_others() -> None:
    mllm = Blind(later=[0, 5])
    tally = objective(mllm).score(0, "round_0", [PROMPT], range(N))[PROMPT]
    assert (tally.comparisons, tally.missing) == (2 * N, 0)


@pytest.mark.parametrize("reuse", [True, False])
def test_a_search_without_any_description_ends_with_the_first_prompt(reuse: bool) -> None:
    mllm = Scripted({"describe": None})
    names = frozenset({"reuse"}) if reuse else frozenset()
    history = search(mllm, range(N), improvements=names)
    assert list(history.prompts) == [history.chosen]
    assert history.final == {"value": None, "stage": "search", "comparisons": 0}
    assert all(each.beam == [history.chosen] for each in history.rounds)
    assert mllm.kinds() == {"describe": 2 * N}


def test_a_comparison_without_an_answer_is_missing_and_no_error() -> None:
    mllm = Scripted({"compare": None})
    judged = objective(mllm)
    tally = judged.score(0, "round_0", [PROMPT], range(N))[PROMPT]
    assert (tally.value, tally.comparisons, tally.missing, tally.unparsable) == (None, 0, 24, 0)
    assert judged.mine(1, "mine", [PROMPT]) == {PROMPT: []}


def test_without_errors_nothing_is_reflected_on_and_the_parent_stays() -> None:
    mllm = StubMllm()
    history = search(mllm, range(N))
    assert len(history.prompts) == 1
    assert not {"reflect", "modify"} & set(mllm.kinds())
    for round_ in history.rounds[1:]:
        assert round_.beam == [history.chosen]
        assert round_.errors_found == 0
        assert any("no errors" in note and history.chosen in note for note in round_.notes)


def test_without_errors_paraphrases_are_made_all_the_same() -> None:
    mllm = StubMllm()
    history = search(mllm, range(N), paraphrases=1, rounds=1)
    assert mllm.kinds()["paraphrase"] == 1
    assert {each.origin for each in history.prompts.values()} == {"initial", "paraphrase"}


@pytest.mark.parametrize("reply", [None, "", "no tags", "<START><END>", "`<START>` and `<END>`"])
def test_modify_without_a_prompt_keeps_the_parent_and_says_so(reply: str | None) -> None:
    mllm = Scripted({"modify": reply, "compare": "first"})
    history = search(mllm, range(N))
    assert list(history.prompts) == [history.chosen]
    assert mllm.kinds()["modify"] == 6
    for round_ in history.rounds[1:]:
        assert round_.beam == [history.chosen]
        assert any(note.startswith("2 replies without a usable") for note in round_.notes)
        assert any("without an answer" in note for note in round_.notes) is (reply is None)


@pytest.mark.parametrize("reply", [None, "", " \n"])
def test_without_a_reason_nothing_is_modified(reply: str | None) -> None:
    mllm = Scripted({"reflect": reply, "compare": "first"})
    history = search(mllm, range(N))
    assert len(history.prompts) == 1
    assert "modify" not in mllm.kinds()
    if reply is None:
        assert "2 of 2 reflect questions without an answer" in history.rounds[1].notes


def test_the_same_prompt_over_and_over_is_scored_once() -> None:
    mllm = Scripted({"modify": "<START>Always the same<END>", "compare": "first"})
    history = search(mllm, range(N))
    assert [each.text for each in history.prompts.values()][1:] == ["Always the same"]
    assert [each.prompts for each in history.rounds] == [0, 1, 0, 0]
    assert mllm.kinds()["describe"] == 2 * N


def test_a_rewritten_parent_is_no_child() -> None:
    mllm = Scripted({"modify": f"<START>{WORDING.initial()}<END>", "compare": "first"})
    assert len(search(mllm, range(N)).prompts) == 1


def test_a_rewritten_parent_takes_no_place_among_the_children() -> None:
    reply = f"<START>{WORDING.initial()}<END><START>Something new instead<END>"
    for seed in range(6):
        mllm = Scripted({"modify": reply, "compare": "first"})
        history = search(mllm, range(N), seed=seed, rounds=1, max_children=1)
        assert [each.text for each in history.prompts.values()][1:] == ["Something new instead"]


class Mumbling(StubMllm):
    """Says nothing readable about some images."""

    mute = 3

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        usual = super().generate(stage, kind, requests)
        if kind != "compare":
            return usual
        pairs = zip(usual, requests, strict=True)
        return ["hm" if q.images[0] < self.mute else reply for reply, q in pairs]


def test_many_unreadable_comparisons_are_noted() -> None:
    notes = search(Mumbling(), range(N), rounds=0).rounds[0].notes
    assert notes == ["6 of 24 comparisons could not be read"]
    assert not search(StubMllm(), range(N), rounds=0).rounds[0].notes


def test_the_note_counts_all_that_were_asked_with_three_states_too() -> None:
    history = search(Mumbling(), range(N), rounds=0, improvements=frozenset({"three_states"}))
    assert history.rounds[0].notes == ["6 of 24 comparisons could not be read"]
