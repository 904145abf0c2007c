"""The pure part: what is asked, and which class a response names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from methods.answers import AnswerError
from methods.class_matching import ClassMatcher, clean_answer_text

PROMPT: Final = "Which of these does the image show? Answer with its name alone.\n\n"


def named_class(text: str, matcher: ClassMatcher, ids: Sequence[str]) -> str:
    """Return the id of the class that a text names.

    Raises:
        AnswerError: none, or more than one.
    """
    found = matcher.match(clean_answer_text(text), inside=True)
    if found is None:
        raise AnswerError("no_class", f"names no class of the list: {text}")
    return ids[found[0]]
