"""The baselines with labels: random ones, those of a majority, and accuracy against them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from methods.autosep.history import Tally
from methods.autosep.labels import LabelObjective, MajorityObjective, majority, random_labels
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import SearchRequest
from methods.autosep.search import Search
from tests.helpers.stub_mllm import CLASSES, WORDING, Planted, Scripted, StubMllm, settings

PROMPT, OTHER = "Describe it", "Describe it well"


class Voting(StubMllm):
    """Votes by a script: image id, then what each vote says."""

    def __init__(self, says: Mapping[int, Sequence[str | None]]) -> None:
        super().__init__()
        self.says = says

    def vote(self, question: SearchRequest) -> str | None:
        return self.says[question.images[0]][int(question.draw.split()[1])]


class Naming(Planted):
    """Gives an image the class of its id, more often the better the prompt."""

    def classify(self, question: SearchRequest) -> str | None:
        description = question.text.split(" ~~ ")[1]
        good, image = int(description.split()[1]), question.images[0]
        right = self.chance(question) < 0.4 + 0.08 * good
        return CLASSES[(image if right else image + 1) % 3]


def objective(mllm: StubMllm, labels: Mapping[int, int], **changes: object) -> LabelObjective:
    return LabelObjective(mllm, labels, WORDING, settings(**changes))


def test_random_labels_are_uniform_and_belong_to_the_image() -> None:
    labels = random_labels(range(3000), 3, 0)
    counts = Counter(labels.values())
    assert set(counts) == {0, 1, 2}
    assert all(abs(count - 1000) < 4 * math.sqrt(3000 * 2 / 9) for count in counts.values())
    assert random_labels([7, 3], 3, 0) == {image: labels[image] for image in (7, 3)}
    assert random_labels(range(3000), 3, 1) != labels
    assert set(random_labels(range(50), 1, 0).values()) == {0}
    assert random_labels([], 3, 0) == {}


def test_of_equal_votes_the_class_that_comes_first_wins() -> None:
    assert majority({2: 2, 1: 2, 0: 1}) == 1
    assert majority({1: 1, 0: 1, 2: 1}) == 0
    assert majority({2: 3, 0: 2}) == 2
    assert majority({2: 1}) == 2


def majority_of(mllm: StubMllm, images: Sequence[int], **changes: object) -> MajorityObjective:
    return MajorityObjective(mllm, images, WORDING, settings(**changes))


def test_majority_labels_are_voted_with_the_best_prompt_s_descriptions() -> None:
    says: dict[int, list[str | None]] = {
        3: ["C", "A", "Vantor", "c. vantor", "A"],
        5: ["B", "A", "A", "The answer is B", "?"],
        8: [None, "", "?", "Zorblax or Quimby", None],
        9: [None, None, None, None, "Quimby"],
    }
    mllm = Voting(says)
    judged = majority_of(mllm, list(says), votes=5)
    assert judged.settle(0, "round_0_votes", PROMPT), "scores of before no longer hold"
    assert judged._labels == {3: 2, 5: 0, 9: 1}, "an image without any vote is left out"
    asked = mllm.of("vote")
    assert len(asked) == len(set(asked)) == 20
    assert all(f"d{question.images[0]} " in question.text for question in asked)


def test_votes_are_asked_anew_and_an_image_without_one_keeps_its_label() -> None:
    mllm = Voting({1: ["A"], 2: ["B"]})
    judged = majority_of(mllm, [1, 2], votes=1)
    judged.settle(0, "round_0_votes", PROMPT)
    mllm.says = {1: ["C"], 2: ["?"]}
    judged.settle(1, "round_1_votes", PROMPT)
    assert judged._labels == {1: 2, 2: 1}
    assert mllm.kinds("round_1") == {"vote": 2}, "the prompt's descriptions are known"
    assert not set(mllm.of("vote", "round_0")) & set(mllm.of("vote", "round_1"))


class Drifting(Naming):
    """Votes for a class that each prompt moves on by one, and classifies by the image's id."""

    def vote(self, question: SearchRequest) -> str | None:
        good = int(question.text.split(" ~~ ")[1].split()[1])
        return CLASSES[(question.images[0] + good) % 3]


def test_a_search_by_majorities_scores_its_beam_by_the_labels_of_now() -> None:
    how, mllm = settings(rounds=4, beam=2, minibatch=12, votes=3), Drifting()
    judged = MajorityObjective(mllm, range(12), WORDING, how)
    history = Search(mllm, judged, range(12), (), WORDING, how).run()
    assert mllm.kinds("round_0") == {"describe": 12, "vote": 36, "classify": 12}
    for number in (1, 2, 3):
        assert mllm.kinds(f"round_{number}_votes") == {"vote": 36}
    assert not mllm.of("vote", "round_4"), "after the last round nothing is scored"
    for before, round_ in zip(history.rounds[1:], history.rounds[2:], strict=False):
        for parent in before.beam:
            rounds = [score["round"] for score in history.prompts[parent].scores]
            assert round_.round in rounds, "the beam is scored again"
    asked = [q for q in mllm.of("classify")]
    assert len(asked) == len(set(asked)), "without asking again"


def test_accuracy_is_the_share_that_is_given_its_label() -> None:
    labels = {image: (0, 1, 2, 0)[image % 4] for image in range(20)}
    tally = objective(StubMllm(), labels).score(0, "round_0", [PROMPT], range(20))[PROMPT]
    assert tally == Tally(10, 20)
    unread = objective(Scripted({"classify": "no idea"}), labels)
    assert unread.score(0, "r", [PROMPT], range(20))[PROMPT] == Tally(0, 20, 20)
    blind = objective(Scripted({"describe": None}), labels)
    assert blind.score(0, "r", [PROMPT], range(20))[PROMPT] == Tally(missing=20)


def test_images_without_a_label_are_not_asked_about() -> None:
    mllm = StubMllm()
    judged = objective(mllm, {1: 0, 2: 1})
    assert judged.score(0, "round_0", [PROMPT], range(9))[PROMPT] == Tally(1, 2)
    assert mllm.kinds() == {"describe": 2, "classify": 2}
    nothing = objective(StubMllm(), {})
    assert nothing.score(0, "round_0", [PROMPT], range(9))[PROMPT].value is None
    assert nothing.mine(1, "mine", [PROMPT]) == {PROMPT: []}


def test_errors_name_both_classes_and_mining_asks_nothing() -> None:
    mllm = StubMllm()
    judged = objective(mllm, {1: 0, 2: 1, 3: 2}, minibatch=99)
    judged.score(0, "round_0", [PROMPT], [1, 2, 3])
    before = len(mllm.asked)
    found = judged.mine(1, "mine", [PROMPT])[PROMPT]
    assert [error.image for error in found] == [2, 3]
    assert found[0].text.startswith('Description: "d2 ')
    assert found[0].text.endswith("Correct class: Quimby\nPredicted class: Zorblax")
    assert len(mllm.asked) == before
    unread = objective(Scripted({"classify": "no idea"}), {1: 0})
    unread.score(0, "round_0", [PROMPT], [1])
    assert "Predicted class: none of the classes" in unread.mine(1, "m", [PROMPT])[PROMPT][0].text


def test_mining_sees_a_minibatch() -> None:
    judged = objective(StubMllm(), dict.fromkeys(range(20), 2), minibatch=6)
    judged.score(0, "round_0", [PROMPT, OTHER], range(20))
    one, two = (judged.mine(number, "", [PROMPT, OTHER]) for number in (1, 2))
    assert len(one[PROMPT]) == len(two[PROMPT]) == 6
    images = [[error.image for error in found[PROMPT]] for found in (one, two)]
    assert images[0] != images[1], "another one each round"
    assert images[0] == [error.image for error in one[OTHER]], "the same for all parents"


def test_the_choice_asks_only_for_what_is_not_known() -> None:
    mllm = StubMllm()
    judged = objective(mllm, dict.fromkeys(range(12), 0))
    judged.score(0, "round_0", [PROMPT], range(8))
    assert judged.choose("choice", [PROMPT], range(8))[PROMPT] == Tally(8, 8)
    assert not mllm.kinds("choice")
    assert judged.choose("held", [PROMPT], range(8, 12))[PROMPT] == Tally(4, 4)
    assert mllm.kinds("held") == {"describe": 4, "classify": 4}


@pytest.mark.parametrize("names", [(), ("halving",), ("fresh_choice",), ("held_out", "reuse")])
def test_a_search_by_labels_learns_from_good_ones(names: tuple[str, ...]) -> None:
    how = settings(rounds=5, beam=3, reflections=4, minibatch=20, improvements=frozenset(names))
    mllm, images = Naming(), range(60)
    judged = LabelObjective(mllm, {image: image % 3 for image in images}, WORDING, how)
    history = Search(mllm, judged, range(40), range(40, 60), WORDING, how).run()
    assert "compare" not in mllm.kinds()
    assert Planted.quality(history.prompts[history.chosen].text) >= 2
    best = [each.best or 0.0 for each in history.rounds]
    assert best == sorted(best)
    assert best[-1] > best[0] + 0.1
    if "halving" not in names:
        assert mllm.kinds("round_1") == {
            "reflect": 4, "modify": 4,
            "describe": 40 * history.rounds[1].prompts, "classify": 40 * history.rounds[1].prompts,
        }  # fmt: skip


def test_an_answer_that_does_not_come_is_missing() -> None:
    judged = objective(Scripted({"classify": None}), dict.fromkeys(range(6), 0))
    tally = judged.score(0, "round_0", [PROMPT], range(6))[PROMPT]
    assert (tally.comparisons, tally.unparsable, tally.missing) == (0, 0, 6)


def test_the_minibatch_is_one_of_the_images_of_the_search() -> None:
    judged = objective(StubMllm(), dict.fromkeys(range(30), 2), minibatch=20)
    judged.score(0, "round_0", [PROMPT], range(20))
    assert len(judged.mine(1, "mine", [PROMPT])[PROMPT]) == 20


def test_errors_name_classes_as_the_list_does() -> None:
    wording = PromptTexts("bird", ("red_wren", "blue_wren"), WORDING.prompts)
    judged = LabelObjective(StubMllm(), {1: 1}, wording, settings())
    judged.score(0, "round_0", [PROMPT], [1])
    text = judged.mine(1, "mine", [PROMPT])[PROMPT][0].text
    assert text.endswith("Correct class: blue wren\nPredicted class: red wren")
