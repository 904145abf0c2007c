"""What can be wrong with the text of a model's answer, whatever the method."""

from __future__ import annotations

from typing import Final

from methods.errors import RowError
from methods.refusals import is_refusal

_MORE_ROOM: Final = (
    "a model that thinks needs --mllm-chat enable_thinking=false or a larger --max-tokens"
)


class AnswerError(RowError):
    """No answer came or it cannot be used; ``code`` is of `ANSWER_CODES` or
    `REQUEST_CODES` in `methods.errors`."""


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
