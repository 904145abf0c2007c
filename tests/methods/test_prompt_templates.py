"""Prompt templates from files."""

from __future__ import annotations

import pytest

from methods.errors import InputError
from methods.prompt_templates import parse_templates


@pytest.mark.parametrize("text", ["", "no place", "{} and {}"])
def test_bad_templates_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="template"):
        parse_templates(text, "t.txt")
