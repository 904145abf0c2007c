"""How many questions a search asks: the published loop's formulas, and what improvements save."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.helpers.stub_mllm import Planted, StubMllm, Wrong, search

PUBLISHED: dict[str, Any] = {
    "rounds": 6, "beam": 4, "negatives": 2, "reflections": 4, "minibatch": 50,
}  # fmt: skip


def total(mllm: StubMllm, start: str) -> int:
    return mllm.kinds(start).total()


@pytest.mark.slow
def test_the_published_loop_asks_30993_questions() -> None:
    mllm = Wrong()
    history = search(mllm, range(90), **PUBLISHED, paraphrases=1, max_children=5)
    # the first prompt's score is round 1's in the published loop, and ours before it
    assert mllm.kinds("round_0") == {"describe": 90, "compare": 180}
    assert mllm.kinds("round_1") == {
        "compare": 100 + 900, "reflect": 4, "modify": 4, "paraphrase": 5, "describe": 450,
    }  # fmt: skip
    assert total(mllm, "round_1") + 180 == 1643
    for number in range(2, 7):
        assert mllm.kinds(f"round_{number}_mine") == {"compare": 400}
        assert mllm.kinds(f"round_{number}") == {
            "compare": 4000, "reflect": 16, "modify": 16, "paraphrase": 20, "describe": 1800,
        }  # fmt: skip
        assert total(mllm, f"round_{number}") == 5852
    assert len(mllm.asked) == 30_993
    assert len(history.prompts) == 106
    assert [each.prompts for each in history.rounds] == [0, 5, 20, 20, 20, 20, 20]
    assert [len(each.beam) for each in history.rounds] == [1, 4, 4, 4, 4, 4, 4]
    assert [each.errors_found for each in history.rounds] == [0, 100, 400, 400, 400, 400, 400]


@pytest.mark.parametrize("most", [5, None])
def test_without_paraphrases_and_with_60_images(most: int | None) -> None:
    mllm = Wrong()
    changes = {**PUBLISHED, "rounds": 3}
    history = search(mllm, range(60), **changes, max_children=most)
    assert total(mllm, "round_0") == 60 + 120
    assert total(mllm, "round_1") + 120 == 948
    assert [total(mllm, f"round_{number}") for number in (2, 3)] == [3312, 3312]
    assert [each.prompts for each in history.rounds] == [0, 4, 16, 16]
    assert "paraphrase" not in mllm.kinds()


@pytest.mark.parametrize(
    ("n", "k", "beam", "reasons", "batch", "extra", "most"),
    [
        (3, 2, 1, 1, 50, 0, None),
        (7, 3, 2, 3, 4, 2, None),
        (5, 1, 3, 2, 5, 1, 4),
        (9, 8, 2, 2, 1, 0, 1),
    ],
)
def test_any_settings_follow_the_formulas(
    n: int, k: int, beam: int, reasons: int, batch: int, extra: int, most: int | None
) -> None:
    mllm = Wrong()
    search(
        mllm, range(n), rounds=2, beam=beam, negatives=k, reflections=reasons, minibatch=batch,
        paraphrases=extra, max_children=most,
    )  # fmt: skip
    born = reasons + extra * (reasons + 1)
    children = born if most is None else min(born, most)
    parents = 1
    for number in (1, 2):
        new = parents * children
        assert mllm.kinds(f"round_{number}_mine") == {"compare": parents * min(batch, n) * k}
        assert mllm.kinds(f"round_{number}_") == Counter(
            {
                "compare": parents * min(batch, n) * k + new * n * k,
                "reflect": parents * reasons,
                "modify": parents * reasons,
                "describe": new * n,
                "paraphrase": parents * extra * (reasons + 1),
            }
        )
        parents = min(beam, parents + new)


def test_the_choice_costs_its_comparisons_and_held_out_images_their_descriptions() -> None:
    fresh, held, both = Wrong(), Wrong(), Wrong()
    search(fresh, range(20), rounds=1, improvements=frozenset({"fresh_choice"}))
    assert fresh.kinds("round_1_choice") == {"compare": 2 * 20 * 4}
    names = frozenset({"held_out"})
    history = search(held, range(20), range(20, 28), rounds=1, improvements=names)
    assert held.kinds("round_1_choice") == {"describe": 2 * 8, "compare": 2 * 8 * 4}
    assert history.final["comparisons"] == 32
    assert not [
        q
        for stage, _, q in held.asked
        if not {"choice", "final"} & set(stage.split("_")) and max(q.images, default=0) > 19
    ]
    # the winner is the first prompt here: it is scored once more, and nobody beside it
    assert held.kinds("round_1_final")["compare"] in (8 * 4, 2 * 8 * 4)
    everything = frozenset({"held_out", "fresh_choice"})
    search(both, range(20), range(20, 28), rounds=1, improvements=everything)
    assert both.kinds() == held.kinds()


@pytest.mark.parametrize(
    ("name", "kind"), [("reuse", "compare"), ("halving", "compare"), ("halving", "describe")]
)
def test_reuse_and_halving_ask_less(name: str, kind: str) -> None:
    plain, less = Planted(), Planted()
    how = {"rounds": 2, "reflections": 4, "minibatch": 16}
    search(plain, range(16), **how)
    history = search(less, range(16), **how, improvements=frozenset({name}))
    assert less.kinds()[kind] < plain.kinds()[kind]
    assert less.kinds("round_1_reflect") == plain.kinds("round_1_reflect") == {"reflect": 4}
    if name == "reuse":
        assert not less.kinds("round_1_mine")
        assert less.kinds()["compare"] == 32 * len(history.prompts)


def test_halving_scores_on_a_quarter_and_a_half_before_all() -> None:
    mllm = Wrong()
    history = search(
        mllm, range(40), rounds=1, beam=2, reflections=8, improvements=frozenset({"halving"})
    )
    assert mllm.kinds("round_1_part_1") == {"describe": 8 * 10, "compare": 8 * 20}
    assert mllm.kinds("round_1_part_2") == {"describe": 4 * 10, "compare": 4 * 20}
    assert mllm.kinds("round_1_score") == {"describe": 2 * 20, "compare": 2 * 40}
    stages = [
        [(score["stage"], score["comparisons"]) for score in each.scores]
        for each in history.prompts.values()
    ]
    parts = [("part", 20), ("part", 40), ("search", 80)]
    assert sorted(stages) == sorted([[parts[2]], *[parts] * 2, *[parts[:2]] * 2, *[parts[:1]] * 4])


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_halving_of_few_images_leaves_each_its_others(n: int) -> None:
    mllm = Wrong()
    history = search(mllm, range(n), negatives=1, improvements=frozenset({"halving"}))
    for each in history.prompts.values():
        assert all(score["comparisons"] for score in each.scores)
        if each.scores[-1]["stage"] == "search":
            assert each.scores[-1]["comparisons"] == n
