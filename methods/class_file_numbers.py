"""Numbers and ids that stand in one line with class names, before them or behind.

A class may begin or end with a number (1 euro, Boeing 747), so numbers are taken for a list's own
where they count its lines, and the rest of no two lines is the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_MARKED: Final = re.compile(
    r"(?:[(\[]|#|no\.?\s*|nr\.?\s*|class\s+(?=\d+\s*[:=-]))?(\d+)\s*"
    r"(?:[.):\]](?!\d)|[=-]>|\s[-\u2013\u2014=]|[\u00ba\u00b0])\s*(\S.*)",
    re.IGNORECASE,
)
_HASHED: Final = re.compile(r"(?:#|no\.?\s*|nr\.?\s*)(\d+)\s+(\S.*)", re.IGNORECASE)
_LETTERED: Final = re.compile(r"[(\[]?([a-z]|[ivxl]+)\s*[.):\]]\s+(\S.*)", re.IGNORECASE)
_COUNTED: Final = re.compile(r"(\d+)\s+(\S.*)")
_BEHIND: Final = re.compile(
    r"""["']?(\S.*?)["']?(?:\s*(?:[:=,;|]|[=-]>)\s*|\s+)["'(\[]?(\d+)["')\]]?[,;]?"""
)
_ID: Final = re.compile(r"([A-Za-z][A-Za-z_-]*?)[_-]?(0\d+|\d{5,})[\s:,;=-]+(\S.*)")
_ROMAN: Final = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split()


def is_numbered(lines: Sequence[str]) -> bool:
    """Most lines begin with a number of their own and a mark, or all count with or without one."""
    found = [match for line in lines if (match := _MARKED.fullmatch(line))]
    if found and 10 * len(found) >= 8 * len(lines):
        numbers = {match[1] for match in found}
        if len(numbers) == len({match[2] for match in found}) == len(found):
            return True
    if _is_lettered(lines):
        return True
    for form in (_COUNTED, _HASHED):
        if (parts := _parts(form, lines)) is not None:
            return _count([int(number) for number, _ in parts]) and _differ(
                [name for _, name in parts]
            )
    return False


def has_numbers_behind(lines: Sequence[str]) -> bool:
    """``great white shark: 0``, ``/a/airfield 0``: the numbers at the ends count the lines."""
    parts = _parts(_BEHIND, lines)
    return (
        parts is not None
        and _count([int(number) for _, number in parts])
        and _differ([name for name, _ in parts])
    )


def has_ids_before(lines: Sequence[str]) -> bool:
    """``n01440764 tench``: ids of one kind, letters and then many digits, and no tab behind."""
    found = [_ID.fullmatch(line) for line in lines]
    if not all(found):
        return False
    kinds = {(match[1], len(match[2])) for match in found if match}
    return len(kinds) == 1 and _differ([match[2] for match in found if match])


def holds_counts_of_itself(lines: Sequence[str]) -> bool:
    """The first line says how many follow, and those are no numbers."""
    rest = lines[1:]
    return lines[0] == str(len(rest)) and bool(rest) and not all(each.isdigit() for each in rest)


def _is_lettered(lines: Sequence[str]) -> bool:
    parts = _parts(_LETTERED, lines)
    if parts is None or len(lines) < 2:
        return False
    marks = [mark.lower() for mark, _ in parts]
    letters = [chr(ord("a") + at) for at in range(len(lines))]
    return marks in (letters, _ROMAN[: len(lines)])


def _parts(form: re.Pattern[str], lines: Sequence[str]) -> list[tuple[str, str]] | None:
    """The two groups of each line; None unless all lines are of the form."""
    found = [form.fullmatch(line) for line in lines]
    return [(match[1], match[2]) for match in found if match] if all(found) else None


def _count(numbers: Sequence[int]) -> bool:
    """Whether numbers count lines: from 0 or 1 on, upwards with or without gaps, or all there."""
    ordered = sorted(numbers)
    if len(numbers) < 2 or ordered[0] not in (0, 1) or len(set(numbers)) < len(numbers):
        return False
    return ordered == list(numbers) or ordered[-1] - ordered[0] == len(numbers) - 1


def _differ(texts: Sequence[str]) -> bool:
    return len(set(texts)) == len(texts)
