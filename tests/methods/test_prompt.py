"""Prompt files: placeholders are checked, and what fills them is never a template."""

from __future__ import annotations

import pytest

from methods.errors import InputError
from methods.prompt import parse_prompt


def test_values_are_put_in_literally_and_once() -> None:
    prompt = parse_prompt('  {a} and {b}, {"json": 1}, {}\n', "p.txt", ("a", "b"))
    assert prompt.fill(a="{b} {% x %} \\1", b="{a}") == '{b} {% x %} \\1 and {a}, {"json": 1}, {}'


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        ("", (), "p.txt holds no prompt"),
        ("Which?", ("classes",), r"p.txt: the prompt must hold \{classes\}"),
        ("Is it {clases}?", (), r"\{clases\} means nothing here; placeholders: none"),
        ("{a} {x}", ("a",), r"\{x\} means nothing here; placeholders: \{a\}"),
    ],
)
def test_a_prompt_that_cannot_work_is_refused(
    text: str, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parse_prompt(text, "p.txt", names)
