"""What can be wrong with the text of a model's answer, whatever the method."""

from __future__ import annotations

import json
import re
from typing import Final

from methods.errors import RowError

_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'"})
_REFUSAL: Final = re.compile(
    r"""^\W*(
        (i'm|i\ am|we're|we\ are)\ (very\ |really\ |so\ )?(sorry|afraid)\b
        | sorry\b
        | (unfortunately|apologies|my\ apologies)\b.{0,40}\b(can(not|'t)|unable|not\ able)\b
        | (i|we)\ (can(not|'t|\ not)|could\ not|couldn't|won't|will\ not|must\ decline)\b
        | (i'm|i\ am|we\ are)\ (unable|not\ able|not\ allowed|not\ permitted)\b
        | as\ an?\ (ai|artificial|large\ language|language)\b
        | there\ is\ no\ image\b | no\ image\ (was|has\ been|is)\ (provided|attached|given)\b
        | (n/?a|none|unknown|not\ sure|i\ do\ not\ know|i\ don't\ know)\W*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)


class AnswerError(RowError):
    """No answer came or it cannot be used; ``code`` is of `ANSWER_CODES` or
    `REQUEST_CODES` in `methods.errors`."""


def is_refusal(text: str) -> bool:
    """Say whether a text declines to answer: English phrases, at its start."""
    return bool(_REFUSAL.search(text.strip().translate(_APOSTROPHES)))


def usable_text(text: str | None, finish_reason: str | None) -> str:
    """Return the answer's text without blanks at its ends.

    Raises:
        AnswerError: empty_answer, refusal or cut_answer.
    """
    stripped = (text or "").strip()
    if not stripped:
        raise AnswerError("empty_answer", f"nothing but blanks ({finish_reason})")
    if is_refusal(stripped):
        raise AnswerError("refusal", stripped)
    if finish_reason == "length":
        raise AnswerError("cut_answer", f"cut by the token limit: ...{stripped[-80:]}")
    return stripped


def json_field(text: str, field: str) -> str:
    """Return one string field of an answer that must be a JSON object.

    A fence of Markdown around the object is no error; anything else beside it is.

    Raises:
        AnswerError: not_json.
    """
    bare = re.sub(r"^```(json)?\s*|\s*```$", "", text.strip())
    try:
        value = json.loads(bare)
    except ValueError as error:
        raise AnswerError("not_json", f"not JSON: {text}") from error
    if not isinstance(value, dict) or not isinstance(value.get(field), str):
        raise AnswerError("not_json", f"no JSON object with a text {field!r}: {text}")
    return str(value[field])
