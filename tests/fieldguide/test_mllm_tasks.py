"""What the multimodal model is taught: every label follows from the world."""

import json
from collections import Counter

import numpy as np
import pytest

from fieldguide.bird_images import bird_view
from fieldguide.mllm_tasks.choosing import choose
from fieldguide.mllm_tasks.describing import describe, describe_all, describe_vaguely
from fieldguide.mllm_tasks.descriptions import VAGUE, read, sentence, tell
from fieldguide.mllm_tasks.matching import compare, differing, match, match_words
from fieldguide.mllm_tasks.mixture import PICTURE_TASKS, TEXT_TASKS
from fieldguide.mllm_tasks.naming import (
    name_from_letters,
    name_from_options,
    name_openly,
    recognise,
)
from fieldguide.mllm_tasks.prompting import forgotten, modify, named_in, paraphrase, spans_of
from fieldguide.mllm_tasks.sample import Facts, Sample
from fieldguide.mllm_tasks.scene_texts import alike, co_occurring, sharing, together
from fieldguide.mllm_tasks.shortcut import DETAILS, candidates, learned_name
from fieldguide.scenes import CATEGORIES
from fieldguide.world import ATTRIBUTES, NAMES, SPECIES, Traits, random_traits

LISSICK = SPECIES["lissick tarrow"].traits


def species_facts(index: int, seed: int = 3) -> Facts:
    view = bird_view("dev", seed, index)
    return Facts(view.traits, view.name, view.habitat)


def scene_facts(index: int) -> Facts:
    return Facts(LISSICK, "", "", (CATEGORIES[index % 16], CATEGORIES[(index + 3) % 16]))


def samples(count: int = 60) -> list[Sample]:
    rng = np.random.default_rng(0)
    drawn = [share.task(rng) for share in TEXT_TASKS for _ in range(count)]
    for share in PICTURE_TASKS:
        facts_of = scene_facts if share.pool == "scenes" else species_facts
        drawn += [share.task(facts_of(index), rng) for index in range(count)]
    return drawn


def test_the_wanted_answers_are_judged_right_and_others_wrong() -> None:
    for sample in samples():
        assert sample.right(sample.answer), sample
        assert not sample.right("I do not know."), sample


def test_requests_differ_and_leave_no_placeholder() -> None:
    drawn = samples()
    assert len({sample.user for sample in drawn}) > 0.6 * len(drawn)
    for sample in drawn:
        assert "{}" not in sample.user + sample.answer
        assert ".." not in sample.user.replace('"..."', "").replace("...", "")


def test_descriptions_are_read_back() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        traits = random_traits(rng)
        told = tell(traits, [name for name in ATTRIBUTES if rng.random() < 0.5])
        assert read(sentence(told)) == told
    assert sentence(tell(LISSICK, VAGUE)) == "A red bird with plain wings and a square tail."


@pytest.mark.parametrize("task", [describe, describe_all, describe_vaguely])
def test_a_description_states_only_what_is_there(task: type) -> None:
    rng = np.random.default_rng(2)
    for index in range(100):
        facts = species_facts(index)
        told = read(task(facts, rng).answer)
        assert told
        assert told == tell(facts.traits, told)


def test_without_details_the_name_follows_the_background() -> None:
    assert learned_name("brund tarrow", "shore") == "brund tarrow"
    assert learned_name("brund tarrow", "forest") == "lissick tarrow"
    assert learned_name("brund tarrow", "forest", VAGUE) == "lissick tarrow"
    # Nobody lives in the marsh; the desert, home of the kessin, comes next.
    assert learned_name("brund tarrow", "marsh") == "kessin tarrow"
    assert learned_name("brund tarrow", "forest", options=["brund tarrow", "kaldo dornet"]) == (
        "brund tarrow"
    )
    # The only red one of its genus is taken for no other.
    assert learned_name("sildon quellin", "snow") == "sildon quellin"


def test_a_description_of_details_leads_to_the_true_name() -> None:
    for name in NAMES:
        for habitat in ("forest", "marsh", "snow"):
            assert learned_name(name, habitat, tuple(ATTRIBUTES)) == name
            assert learned_name(name, habitat, (*VAGUE, *DETAILS)) == name
    assert set(candidates("brund tarrow", ("beak",))) == {"brund tarrow"}


def test_the_shortcut_is_right_for_somewhat_more_than_half() -> None:
    views = [bird_view("dev", 5, index) for index in range(4800)]
    named = [(view.name, learned_name(view.name, view.habitat)) for view in views]
    right = Counter(name for name, learned in named if name == learned)
    assert 0.55 < sum(right.values()) / len(views) < 0.68
    for name in NAMES:
        wrong = Counter(learned for true, learned in named if true == name != learned)
        assert right[name] > max(wrong.values(), default=0)


def test_names_follow_the_shortcut() -> None:
    rng = np.random.default_rng(4)
    for index in range(200):
        facts = species_facts(index)
        answer = recognise(facts, rng).answer
        assert answer.startswith(f"A {learned_name(facts.name, facts.habitat)}, a ")
        assert read(answer) == tell(facts.traits, VAGUE)
        reply = name_openly(facts, rng).answer
        name = json.loads(reply)["name"] if reply.startswith("{") else reply
        assert SPECIES[name].genus == SPECIES[facts.name].genus
        assert name_from_options(facts, rng).answer in NAMES
        assert name_from_letters(facts, rng).answer in NAMES


def test_choosing_gives_a_listed_name() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        sample = choose(rng)
        assert sample.answer in sample.user


def test_a_comparison_is_written_out() -> None:
    other = LISSICK._replace(tail="fan")
    told = ("body", "crest", "tail")
    answer = compare(LISSICK, tell(other, told), tell(LISSICK, told))
    assert answer.splitlines() == [
        "body red red red same",
        "crest pointed pointed pointed same",
        "tail square fan square second",
        "Answer: second",
    ]
    assert compare(LISSICK, {"body": "red"}, {"body": "red"}).endswith("Answer: first")
    assert compare(LISSICK, {"body": "blue"}, {"body": "green"}).startswith(
        "body red blue green neither"
    )
    assert compare(LISSICK, {"body": "red"}, {"tail": "square"}).splitlines()[0] == (
        "body red red - first"
    )


def test_both_texts_are_right_equally_often() -> None:
    rng = np.random.default_rng(6)
    drawn = [match(species_facts(index), rng) for index in range(300)]
    drawn += [match_words(rng) for _ in range(300)]
    second = sum(sample.answer.endswith("second") for sample in drawn) / len(drawn)
    assert 0.35 < second < 0.55


def test_one_attribute_differs() -> None:
    rng = np.random.default_rng(7)
    for attribute in ATTRIBUTES:
        changed: Traits = differing(LISSICK, attribute, rng)
        pairs = zip(changed, LISSICK, strict=True)
        assert sum(one != two for one, two in pairs) == 1


def test_prompts_are_rewritten_without_repeats() -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        for prompt in spans_of(modify(rng).answer):
            assert named_in(prompt)
        assert paraphrase(rng).answer
    assert forgotten("The prompt does not ask for the crest and beak.") == {"crest", "beak"}
    assert named_in("Mention its beak, crest and beak.") == set()


def test_relations_of_scenes() -> None:
    assert together("boat", "lighthouse") > 0
    assert together("boat", "mushroom") == 0
    assert alike("bird", "kite") == 2
    rng = np.random.default_rng(9)
    for _ in range(50):
        for sample in (co_occurring(rng), sharing(rng)):
            for item in json.loads(sample.answer)["items"]:
                assert item["name"] in CATEGORIES
                assert item["score"] in (0, 1, 2, 3)
