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

from methods.class_matching import ClassMatcher, clean_answer_text, display_name

_CUE: Final = (
    r"(?:(?:answer|prediction|choice|class|option|label|letter|number)(?:\s+is|\s+would\s+be)?"
    r"|\bit\s+is|\bit's|\bthis\s+is|\b(?:i|i'd|i'll|would)\s+(?:pick|choose|select|go\s+with|say))"
    r"(?:\s*:|\s+the)?(?:\s+(?:option|class|letter|number))?"
)
_OPEN: Final = r"[\s:\"'`*(\[\u201c]*"
_WHY: Final = r"\s+(?:because|since|as|which)\b"
_CLOSE: Final = (
    rf"(?:(?=[\"'`*)\].:;!?\u201d](?!\d))|(?=,?{_WHY})|(?=,\s*not\b)"
    r"|(?=\s*[-\u2013\u2014]\s)|(?=\s*$))"
)
_MARKUP: Final = re.compile(r"</?[a-z_ ]+>|\$|\\\w+\s*(?=\{)|[{}]", re.IGNORECASE)
"""Tags and TeX around an answer."""
_CHOSEN: Final = (
    r"\s+(?:is|fits|matches|looks|seems|would\s+be)\s+(?:\w+\s+){0,3}?"
    r"(?:best|better|right|correct|answer|choice|match|closest|likeliest)\b"
)
_MENTION: Final = r"(?i:\b(?:option|class|description|candidate|choice|category|letter)\s+)"
_NOT: Final = re.compile(r"\b(?:not|isn't|neither|nor)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)


def marks(count: int) -> list[str]:
    """The marks of so many classes: A, B, C, ... or 1, 2, 3, ..."""
    letters = string.ascii_uppercase
    return list(letters[:count]) if count <= len(letters) else [str(n + 1) for n in range(count)]


def marked(names: Sequence[str]) -> str:
    """The class names as a prompt shows them: one a line, ``A. name``."""
    pairs = zip(marks(len(names)), names, strict=True)
    return "\n".join(f"{mark}. {display_name(name)}" for mark, name in pairs)


class ChoiceReader:
    """Reads which of some classes an answer chooses."""

    def __init__(self, names: Sequence[str], others: Sequence[Sequence[str]] = ()) -> None:
        """Prepare for class names, and for other names of each.

        Raises:
            InputError: two names differ in underscores only.
        """
        self._matcher, self._names = ClassMatcher(names, others), tuple(names)
        self._marks = {mark: index for index, mark in enumerate(marks(len(names)))}
        mark = r"(?P<mark>[A-Z])" if len(names) <= 26 else r"(?P<mark>\d+)"
        flags = re.MULTILINE
        self._alone = re.compile(rf"{_OPEN}(?:option|class|answer)?{_OPEN}{mark}\W*$")
        self._cued = re.compile(rf"(?i:{_CUE}){_OPEN}{mark}{_CLOSE}", flags)
        self._listed = re.compile(
            rf"(?:^|(?<=[,;]\s)){_OPEN}(?:[Oo]ption\s+|[Cc]lass\s+)?{_OPEN}{mark}"
            rf"(?:[.):\]*](?!\d)|,{_WHY})",
            flags,
        )
        self._praised = re.compile(rf"(?<!\w){mark}{_CHOSEN}")
        self._mentioned = re.compile(rf"{_MENTION}{mark}(?!\w)")
        self._bracketed = re.compile(rf"(?:\(|\*\*){mark}(?:\)|\*\*)")

    def read(self, answer: str) -> int | None:
        """Return the index of the class that an answer chooses; None for none or several.

        A class name alone is a choice. Otherwise what follows "the answer is" counts, the last time
        it is said; else the one mark that is presented, else the one name among other words. A mark
        and a name must not contradict each other.
        """
        text = clean_answer_text(answer)
        exact = self._matcher.match(text, inside=False)
        if exact is not None:
            return exact[0]
        chosen = self._marked(answer.strip())
        named = self._matcher.match(text, inside=True)
        # one letter among words is no name
        if named is not None and len(self._names[named[0]]) > 1:
            chosen = chosen | {named[0]}
        return chosen.pop() if len(chosen) == 1 else None

    def _marked(self, text: str) -> set[int]:
        """The classes whose marks an answer presents."""
        text = _MARKUP.sub("", text).strip()
        # a line of its own at the beginning; of the whole answer, a small letter as well
        for line in (text.upper() if len(text) < 4 else text, text.partition("\n")[0]):
            if (alone := self._alone.match(line)) and alone["mark"] in self._marks:
                return {self._marks[alone["mark"]]}
        for pattern in (
            self._cued, self._listed, self._bracketed, self._praised, self._mentioned
        ):  # fmt: skip
            presented = [
                self._marks[hit["mark"]]
                for hit in pattern.finditer(text)
                if hit["mark"] in self._marks and not _NOT.search(text[: hit.start()])
            ]
            if presented:
                return {presented[-1]} if pattern is self._cued else set(presented)
        return set()


def published_choice(answer: str | None, count: int = 3) -> int | None:
    """Read an answer as the published code does, faults included.

    It knows letters only. Substrings are tried letter by letter, case-sensitive, and the first hit
    wins: a name after a colon is read as a letter.
    """
    letters = string.ascii_uppercase[:count] if answer is not None else ""
    for index, mark in enumerate(letters):
        assert answer is not None
        patterns = (f"{mark}.", f"**{mark}", f"{mark}\n", f"{mark} \n", f"({mark})", f": {mark}")
        if answer == mark or any(pattern in answer for pattern in patterns):
            return index
    return None
