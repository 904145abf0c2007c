"""What a class file is instead of names, one a line: found before anything of it becomes a name.

Lists of class names come as JSON, as a Python dict, as YAML, as tables, numbered or quoted. A JSON
or Python list of names is what it says and is read. Of the others nobody can tell which part is the
name, so they are refused. What looks like one of them and is meant as it stands can always be
written as ``ID<TAB>NAME``: of such lines only structure, headers and columns of numbers are looked
at.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from methods.class_file_numbers import (
    has_ids_before,
    has_numbers_behind,
    holds_counts_of_itself,
    is_numbered,
)
from methods.errors import InputError

_TAB: Final = "\t"
_HEADS: Final = frozenset(
    "id ids idx index no nr number label labels name names class classes classid cls classindex "
    "classidx classno classname classnames classlabel classlabels category categories categoryid "
    "categoryname labelid labelidx labelname labeltext wnid synset synsets words code codes folder "
    "foldername species breed breeds description descriptions desc definition gloss count counts "
    "supercategory superclass type group target targets text title url path file filename image "
    "images synonyms aliases othernames spokenname scientificname commonname english".split()
)
_ALONE: Final = frozenset(
    "name names class classes label labels classname classnames classlabel classlabels category "
    "categories categoryname labelname species breed breeds commonname scientificname".split()
)
"""What a first line that is a header of one column says; a class may be called "number"."""
_OPEN: Final = {"[": "]", "{": "}", "(": ")"}
_ASSIGNED: Final = re.compile(
    r"""(?:\w[\w.\[\]]*\s+)*["']?[\w.-]+["']?\s*(?:[:=]\s*[\[{]|=\s*\().*"""
)
_RETURNED: Final = re.compile(r"return\s*[\[{(].*")
_SECTION: Final = re.compile(r"\[+\s*[\w. \"'-]+\s*\]+")
_QUOTED: Final = re.compile(r"""(["'])[^"']*(?:(?!\1)["'][^"']*)*\1\s*[,;]?""")
_WRAPPED: Final = ("\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "\u00ab\u00bb", "``", "**")
_CSV_QUOTES: Final = re.compile(r"""[,;]\s*"[^"]*"\s*(?:[,;]|$)|^\s*"[^"]*"\s*[,;]""")
_BULLET: Final = re.compile(r"(?:[-*+\u2022\u2023\u2013\u25e6\u00b7]\s+|-(?=[^\W\d_]))\S")
_RULE: Final = re.compile(r"[-=+*_~|:]{3}[-=+*_~|: ]*")
_COMMENT: Final = ("# ", "## ", "// ", "% ", "; ", "-- ", "<!--", "/*")
_TIGHT_COMMENT: Final = ("#", "//", "%")
_IMAGE: Final = re.compile(r"\S.*\.(?:jpe?g|png|gif|webp|bmp|tiff?)(?:[\s,;]+\S+)?", re.IGNORECASE)
_MAPPED: Final = re.compile(r"""["']?([^\s:="']+)["']?\s*(?:[:=]|[=-]>)\s*([\w"'/.-].*)""")
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
            return [re.sub(r"[\r\n\t]+", " ", each).strip() for each in found]
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
    """JSON, TOML, a literal or code: brackets around everything, every line, or a value."""
    if any(_ASSIGNED.fullmatch(line) or _RETURNED.fullmatch(line) for line in lines):
        return True
    if any(line.endswith(" {") or line.rstrip(",;") == "}" for line in lines):
        return True
    first, last = lines[0], lines[-1].rstrip(",;")
    opened = first[:1]
    if opened not in _OPEN:
        return False
    if all(line[:1] in "[{" and line.rstrip(",")[-1:] in "]}" for line in lines):
        return True
    if len(lines) == 1:
        return first.endswith(_OPEN[opened]) and any(mark in first for mark in "'\",")
    closes = first.rstrip(",;").endswith(_OPEN[opened])
    return not closes and (last.endswith(_OPEN[opened]) or opened == "{" or first == opened)


def _is_sections(lines: Sequence[str]) -> bool:
    """INI or TOML: a section's name, and keys or classes under it."""
    if not _SECTION.fullmatch(lines[0]) or len(lines) < 2:
        return False
    return _bare(lines[0].strip("[] ")) in _HEADS or all(
        _MAPPED.fullmatch(line) or _SECTION.fullmatch(line) for line in lines[1:]
    )


def _is_markup(lines: Sequence[str]) -> bool:
    begins = lines[0].lower().startswith(("<?xml", "<!doctype", "<html"))
    return begins or (lines[0].startswith("<") and any("</" in line for line in lines))


def _is_yaml(lines: Sequence[str]) -> bool:
    """A document's first line, a key alone, or list items all along."""
    if lines[0].startswith(("---", "%YAML")):
        return True
    if len(lines) > 1 and any(re.fullmatch(r"""["']?[\w -]+["']?:""", line) for line in lines):
        return True
    return all(_BULLET.match(line) for line in lines) and (len(lines) > 1 or lines[0][1:2] == " ")


def _has_comments(lines: Sequence[str]) -> bool:
    if any(line.startswith(_COMMENT) for line in lines):
        return True
    marked = sum(line.startswith(_TIGHT_COMMENT) for line in lines)
    return lines[0].startswith(_TIGHT_COMMENT) and marked < len(lines)


def _has_rules(lines: Sequence[str]) -> bool:
    return any(_RULE.fullmatch(line) for line in lines)


def _is_quoted(lines: Sequence[str]) -> bool:
    if any(_QUOTED.fullmatch(line) or _CSV_QUOTES.search(line) for line in lines):
        return True
    return any(
        all(line[0] == pair[0] and line.rstrip(",;")[-1:] == pair[1] for line in lines)
        for pair in _WRAPPED
    )


def _is_mapping(lines: Sequence[str]) -> bool:
    """A key of one word and a mark in every line, each key once, or one that heads columns."""
    found = [_MAPPED.fullmatch(line) for line in lines]
    if not all(found):
        return False
    if all(match[1].isdigit() and match[2].isdigit() for match in found if match):
        return False  # times and ratios
    keys = {match[1] for match in found if match}
    if len(keys) == 1 and _bare(next(iter(keys))) in _HEADS:
        return True
    return 1 < len(lines) == len(keys)


def _is_table(lines: Sequence[str]) -> bool:
    """Fields by commas, semicolons or bars: under a header, or as many in every line, no blanks."""
    for mark in _SEPARATORS:
        rows = [line.split(mark) for line in lines]
        head = [_bare(field) for field in rows[0]]
        if _is_head(head):
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


def _is_head(fields: Sequence[str]) -> bool:
    """Whether the bare fields of a first line are a header's: all of them, or of many two."""
    known = sum(field in _HEADS for field in fields)
    empty = sum(not field for field in fields)
    return len(fields) > 1 and (known + empty == len(fields) or (known > 1 and len(fields) > 2))


def _is_one_line(lines: Sequence[str]) -> bool:
    """All classes in one line: a class with so many names would be alone."""
    return len(lines) == 1 and (lines[0].count(",") > 2 or any(each in lines[0] for each in ";|"))


def _has_header(lines: Sequence[str]) -> bool:
    return len(lines) > 1 and _bare(lines[0]) in _ALONE


def _ends_in_marks(lines: Sequence[str]) -> bool:
    return len(lines) > 1 and all(line.endswith((",", ";")) for line in lines[:-1])


def _is_of_images(lines: Sequence[str]) -> bool:
    return all(_IMAGE.fullmatch(line) for line in lines)


def _bare(field: str) -> str:
    return re.sub(r"[\s_-]+", "", field.strip().strip("\"'").lower())


def _has_tsv_header(lines: Sequence[str]) -> bool:
    head = [_bare(field) for field in lines[0].split(_TAB)]
    counted = head[0] in _HEADS and all(each.isdigit() for each in _fields(lines[1:], 0))
    return len(lines) > 1 and len(head) > 1 and (counted or _is_head(head))


def _fields(lines: Sequence[str], at: int) -> list[str]:
    rows = [line.split(_TAB) for line in lines]
    return [row[at].strip() for row in rows if len(row) > at]


def _has_numbers_for_names(lines: Sequence[str]) -> bool:
    """``cat<TAB>0``: the names are numbers that count, the ids are words."""
    ids, names = _fields(lines, 0), _fields(lines, 1)
    if len(lines) < 2 or len(names) != len(lines) or any(each.isdigit() for each in ids):
        return False
    if not all(each.isdigit() for each in names):
        return False
    numbers = sorted(int(each) for each in names)
    return numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(lines)))


def _has_number_columns(lines: Sequence[str]) -> bool:
    others = _fields(lines, 2)
    return len(others) > 1 and all(re.fullmatch(r"-?\d+(?:\.\d+)?", each) for each in others)


def _has_quoted_fields(lines: Sequence[str]) -> bool:
    """Fields in quotation marks, all of a column."""
    return any(
        (fields := [each for each in _fields(lines, at) if each])
        and all(_QUOTED.fullmatch(each) for each in fields)
        for at in (0, 1)
    )


Check = tuple[str, Callable[[Sequence[str]], bool]]

_OF_LINES: Final[tuple[Check, ...]] = (
    ("is JSON, a literal or code, but not a list of names", _is_structure),
    ("is XML or HTML", _is_markup),
    ("has comments", _has_comments),
    ("is YAML or a list of items with marks", _is_yaml),
    ("has sections, as INI and TOML have", _is_sections),
    ("has lines drawn in it", _has_rules),
    ("lists images", _is_of_images),
    ("is a table, or has a header", _is_table),
    ("begins with the header of a table", _has_header),
    ("begins with the number of its lines", holds_counts_of_itself),
    ("has numbers before its names", is_numbered),
    ("has ids before its names, and no tab between", has_ids_before),
    ("has numbers behind its names", has_numbers_behind),
    ("has names in quotation marks", _is_quoted),
    ("holds keys and values", _is_mapping),
    ("ends its lines with commas or semicolons", _ends_in_marks),
    ("holds several names in one line", _is_one_line),
)
_OF_TABLES: Final[tuple[Check, ...]] = (
    ("is JSON, a literal or code, but not a list of names", _is_structure),
    ("has comments", _has_comments),
    ("is YAML or a list of items with marks", _is_yaml),
    ("begins with the header of a table", _has_tsv_header),
    ("has numbers where names belong, in its second column", _has_numbers_for_names),
    ("has numbers where other names belong, in its third column", _has_number_columns),
    ("has fields in quotation marks", _has_quoted_fields),
)
"""What a file with a tab in it may be; with one, ``ID<TAB>NAME`` is taken as it stands."""
