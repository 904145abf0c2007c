"""Prompts from the user's files, or those that come with a method."""

from __future__ import annotations

from collections.abc import Collection

from actors import storage
from methods.errors import InputError
from methods.prompt import Prompt, default_prompt, default_prompts, parse_prompt, parse_prompts


def read_prompt(
    method: str,
    name: str,
    path: str | None,
    placeholders: Collection[str] = (),
    optional: Collection[str] = (),
) -> Prompt:
    """Read a prompt's file (flag ``--NAME-prompt``), or the one that comes with the method.

    Raises:
        InputError: no such file, or a prompt that cannot work.
    """
    if path is None:
        return default_prompt(method, name, placeholders, optional)
    where = f"--{name}-prompt {path}"
    return parse_prompt(_text(path, where), where, placeholders, optional)


def read_prompts(
    method: str, name: str, path: str | None, placeholders: Collection[str] = ()
) -> tuple[Prompt, ...]:
    """Read a file of prompts, one a line (flag ``--NAME-prompts``), or the method's own.

    Raises:
        InputError: no such file, or a prompt that cannot work.
    """
    if path is None:
        return default_prompts(method, name, placeholders)
    where = f"--{name}-prompts {path}"
    return parse_prompts(_text(path, where), where, placeholders)


def _text(path: str, where: str) -> str:
    try:
        return storage.read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: not a readable UTF-8 text file ({error})") from error
