"""Brace ranges, as shells write shards: ``shard-{000..099}.tar``, ``{train,val}``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from methods.errors import InputError

_BRACE: Final = re.compile(r"\{([^{}]*(?:,|\.\.)[^{}]*)\}")
_NUMBERS: Final = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?")
_LETTERS: Final = re.compile(r"([A-Za-z])\.\.([A-Za-z])")
_MOST: Final = 1_000_000


def has_braces(text: str) -> bool:
    """Whether a text holds a range or a choice in braces."""
    found = _BRACE.search(text)
    return found is not None and _choices(found[1]) is not None


def expanded(text: str) -> list[str]:
    """Every text that one with braces stands for, in order.

    Raises:
        InputError: they are too many.
    """
    found = [text]
    while any(has_braces(each) for each in found):
        made: list[str] = []
        for each in found:
            made += _first_expanded(each)
            if len(made) > _MOST:
                raise InputError(f"--images {text}: more than {_MOST:,} names; give a glob")
        found = list(dict.fromkeys(made))
    return found


def _first_expanded(text: str) -> Iterator[str]:
    found = _BRACE.search(text)
    choices = _choices(found[1]) if found else None
    if found is None or choices is None:
        yield text
        return
    for choice in choices:
        yield text[: found.start()] + choice + text[found.end() :]


def _choices(inside: str) -> list[str] | None:
    if "," in inside:
        return inside.split(",")
    if numbers := _NUMBERS.fullmatch(inside):
        first, last = int(numbers[1]), int(numbers[2])
        step = abs(int(numbers[3] or 1)) or 1
        padded = any(re.match(r"-?0\d", each) for each in (numbers[1], numbers[2]))
        width = max(len(numbers[1]), len(numbers[2])) if padded else 0
        if abs(last - first) // step >= _MOST:
            raise InputError(f"--images {{{inside}}}: more than {_MOST:,} names; give a glob")
        way = step if first <= last else -step
        return [f"{each:0{width}d}" for each in range(first, last + (1 if way > 0 else -1), way)]
    if letters := _LETTERS.fullmatch(inside):
        first, last = ord(letters[1]), ord(letters[2])
        way = 1 if first <= last else -1
        return [chr(each) for each in range(first, last + way, way)]
    return None
