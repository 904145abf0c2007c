"""Prompts from the user's files, or those that come with a method."""

from __future__ import annotations

from collections.abc import Collection

from methods.prompt import (
    PUBLISHED_PROMPT,
    Prompt,
    default_prompt,
    default_prompts,
    has_prompt,
    parse_prompt,
    parse_prompts,
)
from ray_jobs.runs.text_files import read_text


def read_prompt(
    method: str,
    name: str,
    path: str | None,
    placeholders: Collection[str] = (),
    optional: Collection[str] = (),
) -> Prompt:
    """Read a prompt's file (flag ``--NAME-prompt``), or the one that comes with the method.

    ``published`` in place of a file is the method's own in the published form, where it has one.

    Raises:
        InputError: no such file, or a prompt that cannot work.
    """
    if path is None:
        return default_prompt(method, name, placeholders, optional)
    flag = f"--{name}-prompt"
    if path == PUBLISHED_PROMPT and has_prompt(method, f"{path}/{name}"):
        return default_prompt(method, f"{path}/{name}", placeholders, optional)
    return parse_prompt(read_text(flag, path), f"{flag} {path}", placeholders, optional)


def read_prompts(
    method: str, name: str, path: str | None, placeholders: Collection[str] = ()
) -> tuple[Prompt, ...]:
    """Read a file of prompts, one a line (flag ``--NAME-prompts``), or the method's own.

    Raises:
        InputError: no such file, or a prompt that cannot work.
    """
    if path is None:
        return default_prompts(method, name, placeholders)
    flag = f"--{name}-prompts"
    return parse_prompts(read_text(flag, path), f"{flag} {path}", placeholders)
