"""Class lists with a mark before each name, and which class an answer chooses.

Marks are letters, numbers for more than 26 classes. A mark counts where an answer presents it as
one (alone, before a full stop, a bracket or a name, or after words such as "the answer is"); a
capital that begins a name or a sentence is none.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Final

from methods.class_matching import ClassMatcher, spoken, tidy

_CUE: Final = (
    r"(?:(?:answer|prediction|choice|class|option|label|letter|number)(?:\s+is|\s+would\s+be)?"
    r"|\bit\s+is|\bit's|\bthis\s+is)"
)
_OPEN, _CLOSE = r"[\s:\"'`*(\[\u201c]*", r"(?=[\s\"'`*)\].,:;!?\u201d]|$)"
_NOT: Final = re.compile(r"\b(?:not|isn't|neither|nor)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)


def marks(count: int) -> list[str]:
    """The marks of so many classes: A, B, C, ... or 1, 2, 3, ..."""
    letters = string.ascii_uppercase
    return list(letters[:count]) if count <= len(letters) else [str(n + 1) for n in range(count)]


def marked(names: Sequence[str]) -> str:
    """The class names as a prompt shows them: one a line, ``A. name``."""
    pairs = zip(marks(len(names)), names, strict=True)
    return "\n".join(f"{mark}. {spoken(name)}" for mark, name in pairs)


class ChoiceReader:
    """Reads which of some classes an answer chooses."""

    def __init__(self, names: Sequence[str]) -> None:
        """Prepare for class names.

        Raises:
            InputError: two names differ in underscores only.
        """
        self._matcher = ClassMatcher(names)
        self._marks = {mark: index for index, mark in enumerate(marks(len(names)))}
        mark = r"(?P<mark>[A-Z])" if len(names) <= 26 else r"(?P<mark>\d+)"
        self._alone = re.compile(rf"{_OPEN}(?:option|class|answer)?{_OPEN}{mark}\W*$")
        self._first = re.compile(rf"{_OPEN}(?:[Oo]ption\s+|[Cc]lass\s+)?{_OPEN}{mark}[.):,\]*]")
        self._after = re.compile(
            rf"(?i:{_CUE})(?:\s*:|\s+the)?(?:\s+(?:option|class|letter|number))?{_OPEN}{mark}{_CLOSE}"
        )
        self._bracketed = re.compile(rf"(?:\(|\*\*){mark}(?:\)|\*\*)")

    def read(self, answer: str) -> int | None:
        """Return the index of the class that an answer chooses; None for none or several."""
        text = tidy(answer)
        exact = self._matcher.match(text, inside=False)
        if exact is not None:
            return exact[0]
        found = self._marked(answer.strip())
        named = self._matcher.match(text, inside=True)
        if named is not None:
            found = found | {named[0]}
        return found.pop() if len(found) == 1 else None

    def _marked(self, text: str) -> set[int]:
        """The classes whose marks an answer presents."""
        for pattern in (self._alone, self._first):
            if (at_start := pattern.match(text)) and at_start["mark"] in self._marks:
                return {self._marks[at_start["mark"]]}
        for pattern in (self._after, self._bracketed):
            hits = [hit for hit in pattern.finditer(text) if not _NOT.search(text[: hit.start()])]
            found = {self._marks[hit["mark"]] for hit in hits if hit["mark"] in self._marks}
            if found:
                return found
        return set()


def published_choice(answer: str | None, count: int = 3) -> int | None:
    """Read an answer as the published code does, faults included.

    Substrings are tried letter by letter, case-sensitive, and the first hit wins: a name after a
    colon is read as a letter.
    """
    for index, mark in enumerate(marks(count) if answer is not None else ()):
        assert answer is not None
        patterns = (f"{mark}.", f"**{mark}", f"{mark}\n", f"{mark} \n", f"({mark})", f": {mark}")
        if answer == mark or any(pattern in answer for pattern in patterns):
            return index
    return None
