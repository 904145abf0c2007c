"""Class names from a file, one a line."""

from __future__ import annotations

import unicodedata

from methods.errors import InputError


def parse_class_names(text: str, where: str) -> list[str]:
    """Read class names, one a line, in order; surrounding blanks are dropped, NFC is applied.

    Raises:
        InputError: no names, an empty line between names, or a name twice (its lines are named).
    """
    lines = [
        unicodedata.normalize("NFC", line).strip() for line in text.lstrip("\ufeff").splitlines()
    ]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{where} holds no class names; write one name a line")
    first_seen: dict[str, int] = {}
    for number, name in enumerate(lines, 1):
        if not name:
            raise InputError(f"{where} line {number} is empty; write one class name a line")
        if name in first_seen:
            raise InputError(
                f"{where} names {name!r} twice, in lines {first_seen[name]} and {number}; "
                "every class name must be given once"
            )
        first_seen[name] = number
    return lines
