"""SLAC and TLAC: a multimodal LLM says what is there, CLIP's text encoder finds the class.

Munir et al., "TLAC: Two-stage LMM Augmented CLIP for Zero-Shot Classification" (arXiv 2503.12206).
Stage 1 describes the image; TLAC's stage 2 sees the class list and that text and picks a class;
whatever text comes last is compared with ``a photo of a NAME`` by CLIP's text encoder. Two things
differ from the published code, on purpose: failures are errors and never filler words, and cleaning
neither joins words nor damages names (`clean_answer`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from methods.errors import InputError

AnswerPath = Literal["exact", "normalised", "clip_fallback", "failed"]
"""How a label came from an answer: it is a class name; it becomes one when case, punctuation and
words around are set aside; CLIP's text encoder chose; or there was no usable answer."""

PATHS: Final[tuple[AnswerPath, ...]] = ("exact", "normalised", "clip_fallback", "failed")
TEMPLATE: Final = "a photo of a {}"
_WRAPPING: Final = " \t\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb"


def clean_answer(text: str, *, stage: Literal[1, 2], upstream_compat: bool = False) -> str:
    """Clean an answer before CLIP reads it.

    Line breaks and underscores become blanks; quotes and Markdown around the answer go, and so
    does a final period. With ``upstream_compat``, as in the published code: line breaks and all
    periods are deleted, underscores become blanks in stage 2 only.
    """
    if upstream_compat:
        text = text.replace("\n", "").replace(".", "")
        return text.replace("_", " ") if stage == 2 else text
    text = " ".join(text.replace("_", " ").split()).strip(_WRAPPING)
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1]
    return text.strip(_WRAPPING)


def spoken(name: str) -> str:
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
            if (other := self._exact.setdefault(spoken(name), index)) != index:
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
        if (index := self._exact.get(spoken(answer))) is not None:
            return index, "exact"
        form = normalise(answer)
        if (index := self._normal.get(form)) is not None:
            return index, "normalised"
        if inside and self._words is not None:
            found = set(self._words.findall(form))
            if len(found) == 1:
                return self._normal[found.pop()], "normalised"
        return None


def class_list(names: Sequence[str]) -> str:
    """The class names as the second prompt shows them: one a line."""
    return "\n".join(f"- {name}" for name in names)


def text_scores(answers: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of unit text features (n, D) with the class matrix (C, D): float32 (n, C)."""
    return np.clip(answers @ matrix.T, -1.0, 1.0).astype(np.float32)


def shortlist(
    answers: NDArray[np.float32], matrix: NDArray[np.float32], size: int
) -> NDArray[np.int64]:
    """The classes closest to each answer, for lists too long to show whole.

    Args:
        answers: unit text features, float32 (n, D).
        matrix: class matrix, float32 (C, D).
        size: names to keep.

    Returns:
        int64 (n, min(size, C)), in the order of the class list, so that the order tells nothing.
    """
    scores = text_scores(answers, matrix)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :size]
    return np.sort(best, axis=1)
