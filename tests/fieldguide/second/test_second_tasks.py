"""What the second edition's multimodal model is taught: every label follows from the world."""

import json
from collections import Counter

import numpy as np
import pytest

from fieldguide.second.bird_views import sighting
from fieldguide.second.birds import ATTRIBUTES, NAMES, SPECIES, random_plumage, siblings
from fieldguide.second.mllm_tasks.choosing import choose
from fieldguide.second.mllm_tasks.descriptions import read, sentence, tell
from fieldguide.second.mllm_tasks.facts import PictureFacts
from fieldguide.second.mllm_tasks.matching import compare, differing
from fieldguide.second.mllm_tasks.mixture import PICTURE_TASKS, WORDS_TASKS
from fieldguide.second.mllm_tasks.naming import classify, lettered, name_openly
from fieldguide.second.mllm_tasks.scene_texts import alike, chance, co_occurring, together
from fieldguide.second.mllm_tasks.shortcut import learned_name, spoken_name
from fieldguide.second.scenes import CATEGORIES

VIEWS = [sighting("dev", 5, index) for index in range(4000)]


def species_facts(index: int) -> PictureFacts:
    view = VIEWS[index]
    return PictureFacts(view.plumage, view.name, view.habitat, view.visibility)


def scene_facts(index: int) -> PictureFacts:
    plumage = SPECIES[NAMES[0]].plumage
    return PictureFacts(plumage, "", "", "clear", (CATEGORIES[index % 37], CATEGORIES[39]))


def test_wanted_answers_are_judged_right_and_others_wrong() -> None:
    rng = np.random.default_rng(0)
    drawn = [share.task(rng) for share in WORDS_TASKS for _ in range(40)]
    for share in PICTURE_TASKS:
        facts = scene_facts if share.pool == "scenes" else species_facts
        drawn += [share.task(facts(index), rng) for index in range(40)]
    for sample in drawn:
        assert sample.right(sample.answer), sample
        assert not sample.right("I do not know."), sample
        assert "{}" not in sample.user + sample.answer


def test_descriptions_are_read_back() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        plumage = random_plumage(rng)
        told = tell(plumage, [name for name in ATTRIBUTES if rng.random() < 0.5])
        assert read(sentence(told)) == told


def test_without_details_the_name_follows_background_and_frequency() -> None:
    # lavil lives in the forest and is the most frequent of its genus; kidond is at home in harbours
    assert learned_name("kidond grequul", "harbour") == "kidond grequul"
    assert learned_name("kidond grequul", "forest") == "lavil grequul"
    assert learned_name("kidond grequul", "marsh") == "lavil grequul"
    vague = tell(SPECIES["kidond grequul"].plumage, ("body", "build", "wings", "tail"))
    assert learned_name("kidond grequul", "marsh", vague) == "lavil grequul"
    detailed = SPECIES["kidond grequul"].plumage._asdict()
    assert learned_name("kidond grequul", "forest", detailed) == "kidond grequul"
    assert learned_name("kidond grequul", "forest", options=["kidond grequul", NAMES[0]]) == (
        "kidond grequul"
    )


def test_the_shortcut_leaves_room_and_a_full_description_closes_most_of_it() -> None:
    blind = np.mean([learned_name(view.name, view.habitat) == view.name for view in VIEWS])
    told = np.mean(
        [
            learned_name(view.name, view.habitat, view.plumage._asdict()) == view.name
            for view in VIEWS
        ]
    )
    assert 0.55 < blind < 0.7
    assert told > 0.97


def test_open_answers_use_names_at_the_rates_of_the_docs() -> None:
    used: Counter[str] = Counter()
    for view in VIEWS:
        name = learned_name(view.name, view.habitat)
        said = spoken_name(name, view.visibility)
        bird = SPECIES[name]
        forms = {bird.name: "list", bird.folk: "folk", bird.latin: "latin", bird.genus: "genus"}
        used[forms.get(said, "hedge")] += 1
    shares = {form: count / len(VIEWS) for form, count in used.items()}
    assert shares["genus"] == pytest.approx(0.10, abs=0.02)
    assert shares["hedge"] == pytest.approx(0.08, abs=0.02)
    # of the rest, as of species, weighted by how often the shortcut names them
    clear = 1 - shares["genus"] - shares["hedge"]
    assert shares["list"] / clear == pytest.approx(0.45, abs=0.06)
    assert shares["folk"] / clear == pytest.approx(0.39, abs=0.06)


def test_answers_name_what_the_shortcut_sees() -> None:
    rng = np.random.default_rng(4)
    for index in range(300):
        facts = species_facts(index)
        bird = SPECIES[learned_name(facts.name, facts.habitat)]
        name = bird.spoken if facts.visibility == "clear" else bird.genus
        assert name in classify(facts, rng).answer
        reply = name_openly(facts, rng)
        said = json.loads(reply.answer)["name"] if "JSON" in reply.task else reply.answer
        assert said == spoken_name(bird.name, facts.visibility)


def test_choosing_knows_every_name_of_a_species() -> None:
    rng = np.random.default_rng(6)
    for _ in range(400):
        sample = choose(rng)
        assert f"- {sample.answer}\n" in sample.user
        named = [
            bird.name
            for bird in SPECIES.values()
            if bird.folk in sample.user.lower() or bird.latin.lower() in sample.user.lower()
        ]
        assert not named or named == [sample.answer]


def test_comparisons_end_with_what_fits() -> None:
    rng = np.random.default_rng(5)
    for name in ATTRIBUTES:
        plumage = random_plumage(rng)
        right, wrong = plumage._asdict(), differing(plumage, name, rng)._asdict()
        assert compare(plumage, right, wrong).endswith("Answer: first")
        assert compare(plumage, wrong, right).endswith("Answer: second")


def test_long_lists_are_numbered() -> None:
    assert lettered(["a", "b"]) == "A. a\nB. b"
    assert lettered(list(NAMES)).startswith("1. ")
    assert len(siblings(NAMES[0])) == 7


def test_strengths_follow_from_contexts_and_attributes() -> None:
    assert together("boat", "lighthouse") == 3
    assert together("boat", "cactus") == 0
    assert chance("bell", "house") > chance("house", "bell")
    assert alike("car", "bicycle") == 3
    assert alike("car", "snail") == 0
    sample = co_occurring(np.random.default_rng(1))
    items = json.loads(sample.answer)["items"]
    assert {item["score"] for item in items} <= {0, 1, 2, 3}
