"""What a class file is instead of names, one a line: found before anything of it becomes a name.

Lists of class names come as JSON, as a Python dict, as YAML, as tables, numbered or quoted. A JSON
or Python list of names is what it says and is read. Of the others nobody can tell which part is the
name, so they are refused. What looks like one of them and is meant as it stands can always be
written as ``ID<TAB>NAME``: of such lines only the header and columns of numbers are looked at.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from methods.errors import InputError

_TAB: Final = "\t"
_HEADS: Final = frozenset(
    "id ids idx index no number nr label labels name names class classes class_id classid cls "
    "class_index class_name classname class_names classnames category categories category_id "
    "category_name label_id label_name wnid synset synsets words code".split()
)
_ALONE: Final = frozenset(
    "name names class classes label labels class_name classname class_names classnames category "
    "categories category_name label_name".split()
)
"""What a first line that is a header of one column says; a class may be called "number"."""
_OPEN: Final = {"[": "]", "{": "}", "(": ")"}
_QUOTED: Final = re.compile(r"""(["'])[^"']*(?:(?!\1)["'][^"']*)*\1\s*[,;]?""")
_BULLET: Final = re.compile(r"[-*\u2022]\s+\S")
_NUMBERED: Final = re.compile(r"[(\[]?(\d+)\s*(?:[.):\]](?!\d)|[=-]>|\s[-\u2013])\s*(\S.*)")
_COUNTED: Final = re.compile(r"(\d+)\s+(\S.*)")
_MAPPED: Final = re.compile(r"""["']?([^\s:="']+)["']?\s*(?:[:=]|[=-]>)\s*(\S.*)""")
_SEPARATORS: Final = (",", ";", "|")


def listed_names(text: str) -> list[str] | None:
    """The names of a text that is a list of texts as JSON or Python write it; None of any other."""
    bare = text.strip()
    if not (bare.startswith("[") and bare.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(bare)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list) and found and all(isinstance(each, str) for each in found):
            return [" ".join(each.split()) for each in found]
    return None


def check_form(lines: Sequence[str], where: str) -> None:
    """Refuse lines that are not names, one each, nor ``ID<TAB>NAME``.

    Args:
        lines: of the file, in order, blanks around them and empty ones included.
        where: flag and file, for the sentence.

    Raises:
        InputError: what the lines are instead.
    """
    there = [line.strip() for line in lines if line.strip()]
    if not there:
        return
    for line in there:
        if any(ord(each) < 32 and each != _TAB for each in line) or "\x7f" in line:
            raise InputError(f"{where} holds control characters, so it is no text; {_RIGHT}")
    tabs = any(_TAB in line for line in there)
    for said, is_one in _OF_TABLES if tabs else _OF_LINES:
        if is_one(there):
            raise InputError(f"{where} {said} ({_shown(there[0])}); {_RIGHT}")


_RIGHT: Final = (
    "write one class name a line and nothing else, or ID<TAB>NAME, where NAME is taken as it stands"
)


def _shown(line: str) -> str:
    shown = line if len(line) <= 40 else f"{line[:37]}..."
    return f"it begins with {shown!r}"


def _is_structure(lines: Sequence[str]) -> bool:
    """JSON, a Python literal, JSON Lines: brackets around everything, or around every line."""
    first, last = lines[0], lines[-1].rstrip(",;")
    opened = re.sub(r"^\w+\s*=\s*", "", first)[:1]  # names = [
    if opened not in _OPEN:
        return False
    if all(line[:1] in "[{" and line.rstrip(",")[-1:] in "]}" for line in lines):
        return True
    closes = first.rstrip(",;").endswith(_OPEN[opened])
    return not closes and (last.endswith(_OPEN[opened]) or opened == "{" or first == opened)


def _is_markup(lines: Sequence[str]) -> bool:
    return lines[0].lower().startswith(("<?xml", "<!doctype", "<html"))


def _is_yaml(lines: Sequence[str]) -> bool:
    """A document's first line, a key alone, or list items all along."""
    if lines[0].startswith(("---", "%YAML")):
        return True
    if len(lines) > 1 and re.fullmatch(r"[\w-]+:", lines[0]):
        return True
    return all(_BULLET.match(line) for line in lines)


def _has_comments(lines: Sequence[str]) -> bool:
    return any(line.startswith(("# ", "// ")) for line in lines)


def _is_numbered(lines: Sequence[str]) -> bool:
    """Most lines begin with a number of their own and a mark, or all count without one."""
    found = [match for line in lines if (match := _NUMBERED.fullmatch(line))]
    if found and 10 * len(found) >= 8 * len(lines):
        numbers = {match[1] for match in found}
        names = {match[2] for match in found}
        if len(numbers) == len(names) == len(found):
            return True
    counted = [_COUNTED.fullmatch(line) for line in lines]
    if len(lines) < 3 or not all(counted):
        return False
    numbers_in_order = [int(match[1]) for match in counted if match]
    start = numbers_in_order[0]
    names = {match[2] for match in counted if match}
    return (
        start in (0, 1)
        and numbers_in_order == list(range(start, start + len(lines)))
        and len(names) == len(lines)
    )


def _is_quoted(lines: Sequence[str]) -> bool:
    return any(_QUOTED.fullmatch(line) for line in lines)


def _is_mapping(lines: Sequence[str]) -> bool:
    """A key of one word and a mark in every line, each key once."""
    found = [_MAPPED.fullmatch(line) for line in lines]
    if len(lines) < 2 or not all(found):
        return False
    return len({match[1] for match in found if match}) == len(lines)


def _is_table(lines: Sequence[str]) -> bool:
    """Fields by commas, semicolons or bars: under a header, or as many in every line, no blanks."""
    for mark in _SEPARATORS:
        rows = [line.split(mark) for line in lines]
        head = [_bare(field) for field in rows[0]]
        if len(head) > 1 and all(field in _HEADS or not field for field in head):
            return True
        if len(lines) < 2 or len(rows[0]) < 2 or {len(row) for row in rows} != {len(rows[0])}:
            continue
        if any(field.isdigit() for field in (rows[0][0], rows[0][-1])) and all(
            row[0].strip().isdigit() or row[-1].strip().isdigit() for row in rows
        ):
            return True
        if not any(field.startswith(" ") for row in rows for field in row):
            return True
    return False


def _has_header(lines: Sequence[str]) -> bool:
    return len(lines) > 1 and _bare(lines[0]) in _ALONE


def _ends_in_commas(lines: Sequence[str]) -> bool:
    return len(lines) > 1 and all(line.endswith(",") for line in lines[:-1])


def _bare(field: str) -> str:
    return field.strip().strip("\"'").lower().replace(" ", "_")


def _has_tsv_header(lines: Sequence[str]) -> bool:
    head = [_bare(field) for field in lines[0].split(_TAB)]
    return len(lines) > 1 and len(head) > 1 and all(f in _HEADS or not f for f in head)


def _fields(lines: Sequence[str], at: int) -> list[str]:
    rows = [line.split(_TAB) for line in lines]
    return [row[at].strip() for row in rows if len(row) > at]


def _has_numbers_for_names(lines: Sequence[str]) -> bool:
    """``cat<TAB>0``: the names are numbers that count, the ids are words."""
    ids, names = _fields(lines, 0), _fields(lines, 1)
    if len(lines) < 2 or len(names) != len(lines) or any(each.isdigit() for each in ids):
        return False
    first = names[0]
    return first in ("0", "1") and names == [str(int(first) + at) for at in range(len(lines))]


def _has_number_columns(lines: Sequence[str]) -> bool:
    others = _fields(lines, 2)
    return len(others) > 1 and all(re.fullmatch(r"-?\d+(?:\.\d+)?", each) for each in others)


def _has_quoted_fields(lines: Sequence[str]) -> bool:
    return all(_QUOTED.fullmatch(each) for line in lines for each in line.split(_TAB) if each)


Check = tuple[str, Callable[[Sequence[str]], bool]]

_OF_LINES: Final[tuple[Check, ...]] = (
    ("is JSON or a Python literal, but not a list of names", _is_structure),
    ("is XML or HTML", _is_markup),
    ("is YAML or a list of items with marks", _is_yaml),
    ("has comments", _has_comments),
    ("is a table, or has a header", _is_table),
    ("begins with the header of a table", _has_header),
    ("has numbers before its names", _is_numbered),
    ("has names in quotation marks", _is_quoted),
    ("holds keys and values", _is_mapping),
    ("ends its lines with commas", _ends_in_commas),
)
_OF_TABLES: Final[tuple[Check, ...]] = (
    ("is JSON or a Python literal, but not a list of names", _is_structure),
    ("is YAML or a list of items with marks", _is_yaml),
    ("has comments", _has_comments),
    ("begins with the header of a table", _has_tsv_header),
    ("has numbers where names belong, in its second column", _has_numbers_for_names),
    ("has numbers where other names belong, in its third column", _has_number_columns),
    ("has fields in quotation marks", _has_quoted_fields),
)
"""What a file with a tab in it may be; with one, ``ID<TAB>NAME`` is taken as it stands."""
