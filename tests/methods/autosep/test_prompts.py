"""What is filled in stays as it is; the prompts that come with the method hold what they must."""

from __future__ import annotations

import pytest

from methods.autosep.instance import InstanceObjective
from methods.autosep.objective import ErrorShown, numbered
from methods.autosep.parsing import rewritten_prompts
from methods.autosep.prompts import OPTIONAL, PLACEHOLDERS, PromptTexts
from methods.autosep.search import Search
from methods.prompt import default_prompt
from tests.helpers.stub_mllm import CLASSES, WORDING, Scripted, Wrong, search, settings

HOSTILE = "# Task {classes} {prompt} {{x}} {% if %} {first} \\1 \\g<0> %s {0} {count} {category}"


def default_wording() -> PromptTexts:
    prompts = {
        name: default_prompt("autosep", name, must, OPTIONAL[name])
        for name, must in PLACEHOLDERS.items()
    }
    return PromptTexts("bird", CLASSES, prompts)


@pytest.mark.parametrize("wording", [WORDING, default_wording()], ids=["short", "default"])
def test_learned_text_comes_through_unchanged(wording: PromptTexts) -> None:
    errors = numbered([ErrorShown(1, HOSTILE), ErrorShown(2, "{reason}")])
    for text in (
        wording.compare(HOSTILE, "x"),
        wording.compare("x", HOSTILE),
        wording.reflect(HOSTILE, ["x"]),
        wording.reflect("x", errors),
        wording.modify(HOSTILE, ["x"], "x", 1),
        wording.modify("x", errors, "x", 1),
        wording.modify("x", ["x"], HOSTILE, 1),
        wording.paraphrase(HOSTILE),
        wording.classify(HOSTILE),
    ):
        assert text.count(HOSTILE) == 1
    for text in (wording.reflect("x", errors), wording.modify("x", errors, "y", 1)):
        assert "Image 1\n" + HOSTILE + "\n\nImage 2\n{reason}" in text


def test_hostile_classes_and_categories_are_values_too() -> None:
    names = ("{description}", "{category}", "A")
    wording = PromptTexts("{classes}", names, default_wording().prompts)
    assert "A. {description}\nB. {category}\nC. A" in wording.classify("seen")
    assert "Which kind of {classes} is shown" in wording.vanilla()
    assert "{classes}" in wording.initial()


def test_a_learned_prompt_is_asked_as_it_is() -> None:
    learned = rewritten_prompts(f"<START>{HOSTILE}<END>", 2000)[0]
    assert learned == HOSTILE
    mllm = Scripted({"modify": f"<START>{HOSTILE}<END>", "compare": "first"})
    history = search(mllm, range(8), rounds=2, paraphrases=1)
    asked = [question.text for question in mllm.of("describe", "round_1")]
    assert asked.count(HOSTILE) == 8
    assert any(each.text == HOSTILE for each in history.prompts.values())


@pytest.mark.parametrize("reply", [HOSTILE, "None", "first", "<START>Say no more<END>", "a || b"])
def test_a_description_is_compared_and_shown_as_it_is(reply: str) -> None:
    mllm = Wrong()
    mllm.describe = lambda question: f"d{question.images[0]} {reply}"  # type: ignore[method-assign]
    mllm.compare = lambda question: "hm"  # type: ignore[method-assign]
    search(mllm, range(6), rounds=1)
    (one, *_) = mllm.of("compare")
    assert one.text.count(reply) == 2
    for question in (*mllm.of("reflect"), *mllm.of("modify")):
        assert question.text.count(reply) == 2 * len(question.images)
        for image in question.images:
            assert f'Correct description: "d{image} {reply}"' in question.text


def test_the_default_prompts_hold_what_they_must() -> None:
    wording = default_wording()
    assert wording.initial().startswith("Describe the bird in detail")
    assert "<START> and <END>" in wording.modify("p", ["e"], "r", 2)
    assert "Write 2 improved prompts" in wording.modify("p", ["e"], "r", 2)
    assert not rewritten_prompts(wording.modify("p", ["e"], "r", 2), 2000), "an echo is no prompt"
    both = wording.compare("ONE", "TWO")
    assert both.index("ONE") < both.index("TWO")
    for text in (wording.reflect("p", ["e"]), wording.modify("p", ["e"], "r", 1)):
        assert "A. Zorblax\nB. Quimby\nC. Vantor" in text
        assert '"p"' in text
    for text in (wording.initial(), wording.compare("x", "y"), wording.paraphrase("x")):
        assert not any(name in text for name in CLASSES)


def test_errors_are_numbered_as_the_images_are_shown() -> None:
    mllm = Wrong()
    how = settings(rounds=1, errors_shown=3)
    objective = InstanceObjective(mllm, range(9), WORDING, how)
    Search(mllm, objective, range(9), (), WORDING, how).run()
    for question in (*mllm.of("reflect"), *mllm.of("modify")):
        assert len(question.images) == 3
        for place, image in enumerate(question.images, start=1):
            assert f'Image {place}\nCorrect description: "d{image} ' in question.text
        assert "Image 4" not in question.text
