"""Prompts from files: text with named placeholders, filled in literally.

What is filled in (class names, what a model wrote) is text and never a template itself: a
placeholder inside it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from methods.errors import InputError

PUBLISHED_PROMPT: Final = "published"
"""What names, in place of a file, our wording of a prompt in the form that was published."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Prompt:
    """A prompt's text, with placeholders such as ``{classes}``."""

    text: str

    def fill(self, **values: str) -> str:
        """Put the values in place of their placeholders, in one pass over the prompt."""
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.text)


def parse_prompt(
    text: str, where: str, placeholders: Collection[str] = (), optional: Collection[str] = ()
) -> Prompt:
    """Make a prompt of a file's text; blanks at its ends are dropped.

    Args:
        text: what the file holds.
        where: what to call it in errors.
        placeholders: names that must each be there.
        optional: names that may be there; no others may.

    Raises:
        InputError: no text, a placeholder missing, or one that means nothing here.
    """
    text = text.strip()
    if not text:
        raise InputError(f"{where} holds no prompt; write what the model is to be asked")
    present = set(_PLACEHOLDER.findall(text))
    required = set(placeholders)
    if missing := sorted(required - present):
        raise InputError(f"{where}: the prompt must hold {{{missing[0]}}}")
    allowed = required | set(optional)
    if unknown := sorted(present - allowed):
        names = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
        raise InputError(f"{where}: {{{unknown[0]}}} means nothing here; placeholders: {names}")
    return Prompt(text)


def parse_prompts(text: str, where: str, placeholders: Collection[str] = ()) -> tuple[Prompt, ...]:
    """Make prompts of a file's lines, one each; empty lines are dropped.

    Raises:
        InputError: no prompt, the same one twice, or one that cannot work.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{where} holds no prompt; write one a line")
    prompts = tuple(parse_prompt(line, where, placeholders) for line in lines)
    if len(set(prompts)) != len(prompts):
        raise InputError(f"{where}: a prompt is there twice; give each once")
    return prompts


def default_prompt(
    method: str, name: str, placeholders: Collection[str] = (), optional: Collection[str] = ()
) -> Prompt:
    """Read the prompt that comes with a method."""
    return parse_prompt(_file_of(method, name), f"{name}.txt", placeholders, optional)


def default_prompts(
    method: str, name: str, placeholders: Collection[str] = ()
) -> tuple[Prompt, ...]:
    """Read the prompts, one a line, that come with a method."""
    return parse_prompts(_file_of(method, name), f"{name}.txt", placeholders)


def has_prompt(method: str, name: str) -> bool:
    """Say whether a prompt of that name comes with a method."""
    return _path_of(method, name).is_file()


def _file_of(method: str, name: str) -> str:
    return _path_of(method, name).read_text("utf-8")


def _path_of(method: str, name: str) -> Path:
    return Path(__file__).parent / "prompts" / method / f"{name}.txt"
