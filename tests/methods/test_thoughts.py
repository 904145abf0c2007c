"""The answer in what a model that thinks says: never a name that it thought of and rejected."""

from __future__ import annotations

import pytest

from methods.thoughts import is_tag, opened_thought, spoken


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("A wren.", "A wren."),
        ("  A wren.\n", "  A wren.\n"),
        ("5 < 6 > 4, <b>a wren</b>", "5 < 6 > 4, <b>a wren</b>"),
        ("<think>\nA robin? No.\n</think>\n\nA wren.", "A wren."),
        ("A robin? No, too small.\n</think>\n\nA wren.", "A wren."),  # the template opened it
        ("<think></think>A wren.", "A wren."),
        ("<think>a</think>Or a robin?<think>b</think> A wren.", "A wren."),
        ("<think>a <think>b</think> c</think> A wren.", "A wren."),
        ("A wren.\n<think>was I right?</think>", "A wren."),
        ('<think>{"class": "robin"}</think>{"class": "wren"}', '{"class": "wren"}'),
        ("<think>hm</think><|begin_of_box|>A wren.<|end_of_box|>", "A wren."),
        ("<think>hm</think>It is <|begin_of_box|>a wren<|end_of_box|>.", "a wren"),
        ("<think>h</think><answer>It is <|begin_of_box|>a wren<|end_of_box|></answer>", "a wren"),
        ("<think>hm</think><|begin_of_box|>A wren wi", "A wren wi"),
        ("<think>hm</think>\n<answer> A wren. </answer>", "A wren."),
        ("<THINK>hm</Think>A wren.", "A wren."),
        ("<thinking>hm</thinking>A wren.", "A wren."),
        ("<seed:think>hm</seed:think>A wren.", "A wren."),
        ("◁think▷hm◁/think▷A wren.", "A wren."),
        ("[THINK]hm[/THINK]A wren.", "A wren."),
        ("<|channel>thought\nhm<channel|>A wren.", "A wren."),
        ("<think>a robin</think>", ""),
        ("<think>a robin</think>\n \n", ""),
        ("<think>a robin", None),
        ("<think>a robin</thin", None),
        ("<think>a</think> A robin. <think>or", None),
    ],
)
def test_the_answer_is_what_is_no_thought(text: str, answer: str | None) -> None:
    assert spoken(text) == answer


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("USER: what?\nASSISTANT:\n", ""),
        ("USER: what?\nASSISTANT:\n<think>\n", "<think>"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("USER: what is <think>?\nASSISTANT:\n", ""),
        ("USER: <think>a</think>\nASSISTANT:\n[THINK]", "[THINK]"),
    ],
)
def test_a_prompt_may_open_a_thought_at_its_end(prompt: str, tag: str) -> None:
    assert opened_thought(prompt) == tag


def test_tags_are_told_from_other_tokens() -> None:
    assert all(map(is_tag, ("<think>", "</think>", "<|begin_of_box|>", "◁/think▷")))
    assert not any(map(is_tag, ("<|im_end|>", "<image>", "think", "<box>")))
