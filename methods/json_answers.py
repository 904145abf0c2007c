"""Fields of JSON that a model wrote: strict JSON, or what models write in its place.

Single quotes, names without quotes, a comma or a comment too many, words or a fence around it: all
of these say what the field is. Of two objects that say different things neither counts, and what
was cut is not completed.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from methods.answers import AnswerError

_STRING: Final = r"\"(?:\\.|[^\"\\])*+\"|'(?:\\.|[^'\\])*+'|\u201c[^\u201c\u201d]*+\u201d"
_OBJECT: Final = re.compile(rf"\{{(?:[^{{}}\"'\u201c]|{_STRING})*+\}}")
_COMMENT: Final = re.compile(r"(?<=[,\[{\s])//[^\n\"]*$", re.MULTILINE)
_BARE_NAME: Final = re.compile(r"(?<=[{,])(\s*)([A-Za-z_]\w*)(?=\s*:)")
_QUOTES: Final = str.maketrans({"\u201c": '"', "\u201d": '"'})


def json_field(text: str, field: str) -> str:
    """Return one string field of an answer that must hold a JSON object.

    Args:
        text: an answer, without thoughts.
        field: its name, in whatever case the answer writes it.

    Raises:
        AnswerError: not_json: there is no such object, or there are several that differ.
    """
    objects = list(_objects(text))
    if not objects:
        raise AnswerError("not_json", f"not JSON: {text}")
    said = {value for each in objects if (value := _text_of(each, field)) is not None}
    if len(said) > 1:
        raise AnswerError("not_json", f"several objects with different {field!r}: {text}")
    if not said:
        raise AnswerError("not_json", f"no JSON object with a text {field!r}: {text}")
    return said.pop()


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Objects of a text that are in no other, in order."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            loose = _OBJECT.match(text, at)
            found, end = (_mended(loose[0]), loose.end()) if loose else (None, at + 1)
        if isinstance(found, dict):
            yield found
        at = text.find("{", end)


def _mended(text: str) -> Any:
    """What an object of Python or of sloppy JSON says; None where it says nothing."""
    plain = _COMMENT.sub("", text.translate(_QUOTES))
    for form in (plain, _BARE_NAME.sub(r'\1"\2"', plain)):
        try:
            return ast.literal_eval(form)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def _text_of(value: dict[str, Any], field: str) -> str | None:
    for name, own in value.items():
        if isinstance(name, str) and name.casefold() == field.casefold():
            if isinstance(own, list) and len(own) == 1:
                own = own[0]
            return own if isinstance(own, str) else None
    return None
