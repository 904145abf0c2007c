"""The pairwise objective: pairs, verdicts, and what becomes of odd replies."""

from __future__ import annotations

import math
import random

import pytest

from methods.autosep import instance
from methods.autosep.history import Tally
from methods.autosep.instance import InstanceObjective
from methods.autosep.requests import SearchRequest
from tests.helpers.stub_mllm import (
    WORDING,
    First,
    Scripted,
    StubMllm,
    Uneven,
    Wrong,
    settings,
    sides,
)

PROMPT, OTHER = "Describe it", "Describe it well"


class Coarse(StubMllm):
    """Describes only which third of the images one is of; the judge finds what differs."""

    def describe(self, question: SearchRequest) -> str | None:
        return f"d{question.images[0] % 3}"

    def compare(self, question: SearchRequest) -> str | None:
        own = f"d{question.images[0] % 3}"
        return "first" if sides(question)[0] == own else "second"


class Unsure(StubMllm):
    """Cannot decide on images whose id is even; wrong on the rest."""

    def compare(self, question: SearchRequest) -> str | None:
        if question.images[0] % 2 == 0:
            return "neither of them"
        return ("", "second", "first")[self.true_side(question)]


def objective(mllm: StubMllm, n: int, **changes: object) -> InstanceObjective:
    return InstanceObjective(mllm, range(n), WORDING, settings(**changes))


def score(mllm: StubMllm, n: int, **changes: object) -> Tally:
    return objective(mllm, n, **changes).score(0, "round_0", [PROMPT], range(n))[PROMPT]


@pytest.mark.parametrize(("n", "k"), [(3, 2), (2, 1), (9, 3), (40, 2)])
def test_an_oracle_is_always_right_and_an_adversary_never(n: int, k: int) -> None:
    assert score(StubMllm(), n, negatives=k) == Tally(n * k, n * k)
    assert score(StubMllm(), n, negatives=k).value == 1
    assert score(Wrong(), n, negatives=k).value == 0


def test_always_first_and_equal_descriptions_are_right_by_half() -> None:
    n, k = 150, 2
    bound = 3 * math.sqrt(0.25 / (k * n))
    for mllm in (First(), Scripted({"describe": "a bird"})):
        for seed in (0, 1):
            value = score(mllm, n, negatives=k, seed=seed).value
            assert value is not None
            assert abs(value - 0.5) < bound
            mllm.stages.clear()


def test_each_image_is_set_against_k_others_on_its_own_picture() -> None:
    mllm = StubMllm()
    score(mllm, 12, negatives=3)
    compared: dict[int, list[str]] = {}
    for question in mllm.of("compare"):
        (image,) = question.images
        own, other = sorted(sides(question), key=lambda text: text.split()[0] != f"d{image}")
        assert own.split()[0] == f"d{image}"
        assert other.split()[0] != f"d{image}"
        compared.setdefault(image, []).append(other)
    assert set(compared) == set(range(12))
    assert all(len(set(others)) == len(others) == 3 for others in compared.values())


@pytest.mark.parametrize(("n", "k"), [(2, 2), (1, 1), (0, 1), (3, 7)])
def test_too_few_images_are_refused(n: int, k: int) -> None:
    with pytest.raises(ValueError, match="too few"):
        objective(StubMllm(), n, negatives=k)


def test_swapping_all_orders_leaves_every_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    before = score(Uneven(), 40)
    tossed = instance.coin
    monkeypatch.setattr(instance, "coin", lambda *what: not tossed(*what))
    swapped = Uneven()
    assert score(swapped, 40) == before
    assert 0.4 < (before.value or 0) < 0.8
    monkeypatch.undo()
    kept = Uneven()
    score(kept, 40)
    pairs = zip(kept.of("compare"), swapped.of("compare"), strict=True)
    assert all(sides(one) == sides(other)[::-1] for one, other in pairs)


def test_prompts_of_a_round_share_their_pairs_and_paired_ones_the_order_too() -> None:
    for improvements, same in (((), False), (("paired",), True)):
        mllm = StubMllm()
        judged = objective(mllm, 20, improvements=frozenset(improvements))
        judged.score(1, "round_1", [PROMPT, OTHER], range(20))
        seen = [(q.images, tuple(text.split()[0] for text in sides(q))) for q in mllm.of("compare")]
        assert [(i, set(t)) for i, t in seen[:40]] == [(i, set(t)) for i, t in seen[40:]]
        assert (seen[:40] == seen[40:]) is same


def test_another_round_draws_other_pairs() -> None:
    mllm = StubMllm()
    judged = objective(mllm, 20)
    for round_, prompt in ((1, PROMPT), (2, OTHER)):
        judged.score(round_, f"round_{round_}", [prompt], range(20))
    drawn = [
        {(q.images, frozenset(text.split()[0] for text in sides(q))) for q in mllm.of("compare", r)}
        for r in ("round_1", "round_2")
    ]
    assert drawn[0] != drawn[1]


def test_images_in_parts_give_the_same_number_of_pairs_and_ask_once() -> None:
    mllm = StubMllm()
    judged = objective(mllm, 20)
    for stage, images in (("a", range(5)), ("b", range(11)), ("c", range(20))):
        tally = judged.score(1, stage, [PROMPT], images)[PROMPT]
        assert tally == Tally(2 * len(images), 2 * len(images))
    assert mllm.kinds() == {"describe": 20, "compare": 40}


def test_ties_are_half_right_and_not_asked() -> None:
    plain, ties = Coarse(), Coarse()
    assert score(plain, 30).ties == 0
    tally = score(ties, 30, improvements=frozenset({"ties"}))
    assert 0 < tally.ties < 60
    assert tally.comparisons == 60
    assert tally.right == 60 - tally.ties / 2, "the judge finds what differs"
    assert ties.kinds()["compare"] == 60 - tally.ties < plain.kinds()["compare"] == 60


def test_three_states_leave_out_what_cannot_be_read() -> None:
    plain = score(Unsure(), 20)
    assert (plain.right, plain.comparisons, plain.unparsable) == (0, 40, 20)
    apart = score(Unsure(), 20, improvements=frozenset({"three_states"}))
    assert (apart.right, apart.comparisons, apart.unparsable) == (0, 20, 20)
    none = score(Scripted({"compare": "hm"}), 20, improvements=frozenset({"three_states"}))
    assert none.value is None
    assert score(Scripted({"compare": "hm"}), 20).value == 0


@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_three_states_offer_nothing_unreadable_to_a_reflection(reuse: bool, apart: bool) -> None:
    names = frozenset(["reuse"] * reuse + ["three_states"] * apart)
    judged = objective(Unsure(), 20, minibatch=20, improvements=names)
    judged.score(0, "round_0", [PROMPT], range(20))
    errors = judged.mine(1, "mine", [PROMPT])[PROMPT]
    assert len(errors) == (20 if apart else 40)
    assert {error.image % 2 for error in errors} == ({1} if apart else {0, 1})
    assert all(error.text.startswith(f'Correct description: "d{error.image} ') for error in errors)


def test_mining_asks_about_a_minibatch_and_reuse_asks_nothing() -> None:
    for minibatch, asked in ((5, 10), (20, 40), (99, 40)):
        mllm = Wrong()
        judged = objective(mllm, 20, minibatch=minibatch)
        judged.score(0, "round_0", [PROMPT], range(20))
        assert len(judged.mine(1, "mine", [PROMPT])[PROMPT]) == asked
        assert mllm.kinds("mine") == {"compare": asked}
    mllm = Wrong()
    judged = objective(mllm, 20, improvements=frozenset({"reuse"}))
    judged.score(0, "round_0", [PROMPT], range(20))
    assert len(judged.mine(1, "mine", [PROMPT])[PROMPT]) == 40
    assert not mllm.kinds("mine")


def test_mining_draws_the_others_from_the_minibatch() -> None:
    mllm = Wrong()
    judged = objective(mllm, 60, minibatch=5)
    judged.score(0, "round_0", [PROMPT], range(60))
    judged.mine(1, "mine", [PROMPT])
    batch = {f"d{question.images[0]}" for question in mllm.of("compare", "mine")}
    shown = {text.split()[0] for q in mllm.of("compare", "mine") for text in sides(q)}
    assert len(batch) == 5
    assert shown == batch


def test_the_choice_is_made_on_pairs_that_the_search_has_not_drawn() -> None:
    mllm = StubMllm()
    judged = objective(mllm, 12, choice_negatives=4)
    judged.score(0, "search", [PROMPT], range(12))
    judged.choose("choice", [PROMPT], range(12))
    drawn = [
        {(q.images, frozenset(text.split()[0] for text in sides(q))) for q in mllm.of("compare", s)}
        for s in ("search", "choice")
    ]
    assert not drawn[0] & drawn[1]


def test_the_choice_draws_other_pairs_than_the_search_and_tosses_anew() -> None:
    mllm = StubMllm()
    judged = objective(mllm, 30, choice_negatives=2)
    judged.score(0, "search", [PROMPT], range(30))
    judged.choose("choice", [PROMPT], range(30))
    search, choice = ({q.text for q in mllm.of("compare", stage)} for stage in ("search", "choice"))
    assert len(search & choice) < 15
    shuffled = objective(StubMllm(), 30)
    images = random.Random(0).sample(range(30), 30)
    assert shuffled.score(0, "search", [PROMPT], images) == {PROMPT: Tally(60, 60)}


def test_the_choice_compares_with_its_own_number_of_others_at_most_all() -> None:
    mllm = StubMllm()
    judged = objective(mllm, 6, choice_negatives=4)
    assert judged.choose("choice", [PROMPT], range(6))[PROMPT].comparisons == 24
    assert judged.choose("few", [OTHER], range(3))[OTHER].comparisons == 6
    assert judged.choose("one", [OTHER], [5])[OTHER].value is None
