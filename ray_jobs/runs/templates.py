"""Prompt templates that a setting names: the plain one, open_clip's list, or a file."""

from __future__ import annotations

from actors import storage
from methods.errors import InputError
from methods.prompt_templates import SIMPLE_TEMPLATES, parse_templates


def read_templates(name: str) -> tuple[str, ...]:
    """Find the prompt templates a name means: simple, imagenet, or a file.

    Raises:
        InputError: no such file, or bad templates.
    """
    if name == "simple":
        return SIMPLE_TEMPLATES
    if name == "imagenet":
        import open_clip

        return tuple(template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES)
    try:
        text = storage.read_bytes(name).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--templates {name}: neither simple nor imagenet nor a readable file ({error})"
        ) from error
    return parse_templates(text, f"--templates {name}")
