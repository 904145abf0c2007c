"""Prompt templates of CLIP, and ensembles of them (Radford et al. 2021, 3.1.4)."""

from __future__ import annotations

from methods.class_matrix import PLACEHOLDER
from methods.errors import InputError

SIMPLE_TEMPLATES: tuple[str, ...] = ("a photo of a {}.",)


def parse_templates(text: str, where: str) -> tuple[str, ...]:
    """Read prompt templates, one a line, each holding ``{}`` once for the class name.

    Raises:
        InputError: no template, or one without exactly one ``{}``.
    """
    templates = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not templates:
        raise InputError(
            f"{where} holds no prompt templates; write one a line, such as a photo of a {{}}."
        )
    for template in templates:
        if template.count(PLACEHOLDER) != 1:
            raise InputError(
                f"{where}: template {template!r} must hold {{}} exactly once, for the class name"
            )
    return templates
