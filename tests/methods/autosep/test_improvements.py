"""Planted quality: what the search finds, with each departure from the paper and with all."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from methods.autosep.history import History
from methods.autosep.requests import SearchRequest
from methods.autosep.settings import IMPROVEMENTS
from tests.helpers.stub_mllm import Coin, Planted, search, sides

CASES = [(), *((name,) for name in IMPROVEMENTS), IMPROVEMENTS]


class Dull(Planted):
    """Describes images alike as long as the prompt is bad, so that there are ties."""

    def describe(self, question: SearchRequest) -> str | None:
        usual = super().describe(question)
        assert usual
        image, good, mark = usual.split()
        return f"d{int(image[1:]) % (4 + 3 * int(good))} {good} {mark}"

    def true_side(self, question: SearchRequest) -> int:
        good = int(sides(question)[0].split()[1])
        own = f"d{question.images[0] % (4 + 3 * good)}"
        return 1 if sides(question)[0].split()[0] == own else 2


class Biased(Planted):
    """Favours the first text, and tells by the picture alone what to say otherwise."""

    def compare(self, question: SearchRequest) -> str | None:
        image = question.images[0]
        return "first" if image % 3 else ("", "first", "second")[self.true_side(question)]


def quality(history: History, round_: int) -> float:
    """Mean planted quality of a round's beam."""
    beam = history.rounds[round_].beam
    return statistics.mean(Planted.quality(history.prompts[id_].text) for id_ in beam)


@pytest.mark.slow
@pytest.mark.parametrize("names", CASES, ids=lambda names: "+".join(names) or "plain")
def test_scores_and_planted_quality_rise(names: tuple[str, ...]) -> None:
    gains, ends = [], []
    for seed in range(3):
        held = range(40, 60) if "held_out" in names else ()
        history = search(
            Planted(seed), range(40), held, seed=seed, rounds=6, beam=3, reflections=4,
            minibatch=20, improvements=frozenset(names),
        )  # fmt: skip
        course = [quality(history, number) for number in range(7)]
        assert course[0] == 0
        assert course[6] > course[1], course
        best = [each.best or 0.0 for each in history.rounds]
        assert best[6] > best[0] + 0.1
        ends.append(Planted.quality(history.prompts[history.chosen].text))
        gains.append(history.final["value"] - best[0])
    assert statistics.mean(ends) >= 3
    assert statistics.mean(gains) > 0.1


def test_ties_are_not_asked_about() -> None:
    plain, less = Dull(), Dull()
    search(plain, range(16), rounds=0)
    history = search(less, range(16), rounds=0, improvements=frozenset({"ties"}))
    (first,) = history.prompts.values()
    ties = first.scores[0]["ties"]
    assert ties > 0
    assert less.kinds()["compare"] == plain.kinds()["compare"] - ties == 32 - ties
    plain, less = Dull(), Dull()
    for mllm, names in ((plain, ()), (less, ("ties",))):
        search(mllm, range(16), rounds=3, improvements=frozenset(names), minibatch=16)
    assert less.kinds()["compare"] < plain.kinds()["compare"]


def test_ties_are_errors_to_reflect_on() -> None:
    names = frozenset({"ties", "reuse"})
    mllm = Dull()
    history = search(mllm, range(16), rounds=1, errors_shown=99, improvements=names)
    first = next(iter(history.prompts.values())).scores[0]
    wrong = first["comparisons"] - first["right"] + first["ties"] / 2
    assert history.rounds[1].errors_found == wrong
    assert all(len(question.images) == wrong for question in mllm.of("reflect"))


def test_paired_prompts_differ_less_by_chance_and_cost_the_same() -> None:
    """A judge that goes by the order alone cannot tell paired prompts apart."""
    spreads, asked = {}, {}
    for names in ((), ("paired",)):
        mllm = Biased()
        history = search(
            mllm, range(30), rounds=1, reflections=8, improvements=frozenset({"reuse", *names})
        )
        values = [each.scores[0]["value"] for each in history.prompts.values() if each.round]
        spreads[names] = statistics.pstdev(values)
        asked[names] = mllm.kinds("round_1")["compare"] / len(values)
    assert spreads["paired",] == 0 < spreads[()]
    assert asked["paired",] == asked[()] == 60


def test_all_together_ask_much_less() -> None:
    plain, less = Dull(), Dull()
    how = {"rounds": 4, "beam": 4, "reflections": 4, "minibatch": 40}
    counts = []
    for mllm, names in ((plain, ()), (less, IMPROVEMENTS)):
        history = search(mllm, range(40), **how, improvements=frozenset(names))
        counts.append(len(mllm.of("compare")) / len(history.prompts))
    assert counts[1] < 0.85 * counts[0]


def test_rescored_prompts_of_the_beam_meet_the_pairs_of_their_rivals() -> None:
    for names in (set(), {"rescored"}):
        history = search(Dull(), range(20), rounds=3, improvements=frozenset({"reuse", *names}))
        for before, round_ in pairwise(history.rounds):
            if not round_.prompts:
                continue
            again = {
                score["comparisons"]
                for id_ in before.beam
                for score in history.prompts[id_].scores
                if score["round"] == round_.round
            }
            # as many as a new prompt: on this round's pairs and on no others
            assert again == ({40} if names else set()), (names, round_.round)


def test_a_lucky_score_does_not_last_when_prompts_are_rescored() -> None:
    """A judge by coin flips: what is best in the end was not best for ever."""
    ages = {}
    for names in ((), ("rescored",)):
        ages[names] = []
        for seed in range(6):
            how = {"rounds": 6, "beam": 1, "reflections": 4, "seed": seed}
            kept = frozenset({"reuse", *names})
            history = search(Coin(), range(20), **how, improvements=kept)
            beams = [round_.beam[0] for round_ in history.rounds]
            ages[names].append(sum(a == b for a, b in pairwise(beams)))
    assert statistics.mean(ages["rescored",]) < statistics.mean(ages[()])
