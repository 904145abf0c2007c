"""Prompts that replies hold: between tags, and as paraphrases."""

from __future__ import annotations

import pytest

from methods.autosep.parsing import paraphrased_prompt, rewritten_prompts

ONE, TWO = "Describe the bill closely.", "Describe the wings closely."


@pytest.mark.parametrize(
    ("reply", "prompts"),
    [
        (None, []),
        ("", []),
        (ONE, []),
        (f"<START>{ONE}<END>", [ONE]),
        (f"Sure!\n1. <START> {ONE}\n<END>\n2. <START>{TWO}<END> Done.", [ONE, TWO]),
        (f"<START>{TWO}<END><START>{ONE}<END><START>{TWO}<END>", [TWO, ONE]),
        (f"<START>{ONE}", []),
        (f"<START>{ONE}</START>", []),
        (f"{ONE}<END>", []),
        (f"<END>{ONE}<START>", []),
        (f"<start>{ONE}<end>", []),
        ("<START><END>", []),
        ("<START> \n <END>", []),
        ("<START>***<END>", []),
        ("wrapped in <START> and <END>", []),
        (f"wrapped in <START> and <END>: <START>{ONE}<END>", [ONE]),
        (f"wrapped in `<START>` and `<END>`: <START>{ONE}<END>", [ONE]),
        (f'wrapped in "<START>" and "<END>":\n<START>"{ONE}"<END>', [ONE]),
        (f"<START>`{ONE}`<END>", [ONE]),
        (f"<START>**{ONE}**<END>", [ONE]),
        (f"<START>{ONE} <START>{TWO}<END>", [TWO]),
        (f"<START><START>{ONE}<END><END>", [ONE]),
        (f"<START>\u201c{ONE}\u201d<END>", [ONE]),
        (
            "<START>Describe:\n- the bill\r\n\n- the wing<END>",
            ["Describe:\n- the bill\n\n- the wing"],
        ),
        ("<START># Task\nDescribe  the bill <END>", ["# Task\nDescribe the bill"]),
        ("<START>Describe {{x}} {% if %} {classes}<END>", ["Describe {{x}} {% if %} {classes}"]),
        ("<START>Two words<END>", []),
        ("<START>Three short words<END>", ["Three short words"]),
    ],
)
def test_rewritten_prompts(reply: str | None, prompts: list[str]) -> None:
    assert rewritten_prompts(reply, 2000) == prompts


def test_over_long_prompts_are_dropped_and_never_cut() -> None:
    exact = "a b " + "c" * 96
    reply = f"<START>{exact}<END> <START>{exact}d<END> <START>{ONE}<END>"
    assert rewritten_prompts(reply, 100) == [exact, ONE]
    assert paraphrased_prompt(exact, 100) == exact
    assert paraphrased_prompt(exact + "d", 100) is None
    assert paraphrased_prompt(exact * 100, 0) == exact * 100, "0 is no limit"


@pytest.mark.parametrize(
    ("reply", "prompt"),
    [
        (None, None),
        ("", None),
        ('"" ', None),
        ("Yes.", None),
        (ONE, ONE),
        (f"## Variation: {ONE}", ONE),
        (f"## variation:\n\n`{ONE}`", ONE),
        (f"Variation: {ONE}", ONE),
        (f'Output: "{ONE}"', ONE),
        (f'"{ONE}"\n', ONE),
        ("Describe\n  the bill\n\n\n\nclosely.", "Describe\nthe bill\n\nclosely."),
        ("Describe {classes} and {{x}} # Task", "Describe {classes} and {{x}} # Task"),
    ],
)
def test_paraphrases(reply: str | None, prompt: str | None) -> None:
    assert paraphrased_prompt(reply, 2000) == prompt


@pytest.mark.parametrize(
    "prompt", ['Describe the bird\'s "crown"', "**Bill first.** Then describe the wings"]
)
def test_marks_that_do_not_wrap_a_prompt_stay(prompt: str) -> None:
    assert rewritten_prompts(f"<START>{prompt}<END>", 2000) == [prompt]
    assert paraphrased_prompt(prompt, 2000) == prompt


@pytest.mark.parametrize("heading", ["**Variation:**", "**Output:**", "### Variation:"])
def test_a_heading_in_markdown_is_none_of_the_paraphrase(heading: str) -> None:
    assert paraphrased_prompt(f"{heading} {ONE}", 2000) == ONE


def test_a_prompt_in_a_script_without_blanks_is_a_prompt() -> None:
    prompt = "\u8be6\u7ec6\u63cf\u8ff0\u8fd9\u53ea\u9e1f\u7684\u5599\u548c\u7fc5\u8180\u3002"
    assert rewritten_prompts(f"<START>{prompt}<END>", 2000) == [prompt]


def test_an_echo_of_the_question_is_no_part_of_a_paraphrase() -> None:
    assert paraphrased_prompt(f"Input: {TWO}\nOutput: {ONE}", 2000) in (ONE, None)
