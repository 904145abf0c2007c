"""What can be wrong with the text of a model's answer, whatever the method."""

from __future__ import annotations

import json
import re
from typing import Final

from methods.errors import RowError

_MORE_ROOM: Final = (
    "a model that thinks needs --mllm-chat enable_thinking=false or a larger --max-tokens"
)
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


def usable_text(text: str | None, finish_reason: str | None, cut_counts: bool = False) -> str:
    """Return the answer's text without blanks at its ends.

    Args:
        text: without thoughts (`methods.thoughts.spoken`).
        finish_reason: as the engine gives it; ``length`` means that the token limit ended it.
        cut_counts: whether the beginning of an answer will do.

    Raises:
        AnswerError: empty_answer, refusal or cut_answer.
    """
    stripped = (text or "").strip()
    if not stripped:
        if finish_reason == "length":
            raise AnswerError("cut_answer", f"cut before it began; {_MORE_ROOM}")
        raise AnswerError("empty_answer", f"nothing but blanks ({finish_reason})")
    if is_refusal(stripped):
        raise AnswerError("refusal", stripped)
    if finish_reason == "length" and not cut_counts:
        raise AnswerError(
            "cut_answer", f"cut by the token limit: ...{stripped[-80:]}; give a larger --max-tokens"
        )
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
