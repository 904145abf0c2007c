"""Which class an answer names: class names as models are shown them and as they write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from methods.errors import InputError

AnswerPath = Literal["exact", "normalised", "clip_fallback", "failed"]
"""How a label came from an answer: it is a class name; it becomes one when case, punctuation and
words around are set aside; CLIP's text encoder chose; or there was no usable answer."""

PATHS: Final[tuple[AnswerPath, ...]] = ("exact", "normalised", "clip_fallback", "failed")
_WRAPPING: Final = " \t\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb"


def clean_answer_text(text: str) -> str:
    """Tidy an answer: one line, underscores are blanks; no quotes, Markdown or final period."""
    text = " ".join(text.replace("_", " ").split()).strip(_WRAPPING)
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1]
    return text.strip(_WRAPPING)


def display_name(name: str) -> str:
    """A class name as it is shown to CLIP: underscores are blanks."""
    return name.replace("_", " ")


def normalise(text: str) -> str:
    """Set aside case, punctuation and width: letters and digits in words, one blank between."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"[^\W_]+", folded))


class ClassMatcher:
    """Finds the class that an answer names, if it names exactly one."""

    def __init__(self, names: Sequence[str]) -> None:
        """Prepare for class names, which must stay distinct once underscores are blanks.

        Raises:
            InputError: two names differ in underscores only.
        """
        self._exact: dict[str, int] = {}
        for index, name in enumerate(names):
            if (other := self._exact.setdefault(display_name(name), index)) != index:
                raise InputError(
                    f"the classes {names[other]!r} and {name!r} differ in underscores only; give "
                    "every class a name of its own"
                )
        forms: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            forms.setdefault(normalise(name), []).append(index)
        # names that only punctuation tells apart (C, C++) can be matched exactly, not loosely
        self._normal = {form: ids[0] for form, ids in forms.items() if form and len(ids) == 1}
        longest_first = sorted(self._normal, key=lambda form: (-len(form), form))
        pattern = "|".join(map(re.escape, longest_first))
        self._words = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") if pattern else None

    def match(self, answer: str, *, inside: bool) -> tuple[int, AnswerPath] | None:
        """Find the class of a cleaned answer.

        Args:
            answer: as `clean_answer` gives it.
            inside: whether a name among other words counts, provided it is the only one there.

        Returns:
            Index of the class and ``exact`` or ``normalised``; None when the answer names no class,
            or several.
        """
        if (index := self._exact.get(display_name(answer))) is not None:
            return index, "exact"
        form = normalise(answer)
        if (index := self._normal.get(form)) is not None:
            return index, "normalised"
        if inside and self._words is not None:
            matched = set(self._words.findall(form))
            if len(matched) == 1:
                return self._normal[matched.pop()], "normalised"
        return None


def class_list(names: Sequence[str]) -> str:
    """The class names as the second prompt shows them: one a line."""
    return "\n".join(f"- {name}" for name in names)
