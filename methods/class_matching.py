"""Which class an answer names: class names as models are shown them and as they write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from methods.errors import InputError

AnswerPath = Literal["exact", "normalised", "clip_fallback", "failed"]
"""How a label came from an answer: it is a class name; it is one but for case, punctuation,
spelling and words around; CLIP's text encoder chose; or there was no usable answer."""

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


_AMERICAN: Final = {"gray": "grey", "color": "colour", "colored": "coloured"}
_PLURAL: Final = re.compile(r"(?<=x)es$|(?<=ss|zz|ch|sh)es$|(?<![sui])s$")
_DENIED: Final = re.compile(
    r"\b(?:not|isn t|aren t|wasn t|never|neither|nor|unlike|rather than|instead of|as opposed to)"
    r"(?: (?:a|an|the|any|really|actually|quite))*\s*$"
)
_DENIED_BEHIND: Final = re.compile(r"^ (?:(?:is|are|was|were) (?:not|never)|isn t|aren t)\b")
"""What stands before or behind a name, of normalised words, where an answer takes it back."""


def _denied(before: str, behind: str) -> bool:
    return bool(_DENIED.search(before) or _DENIED_BEHIND.match(behind))


def spelling(text: str) -> tuple[str, ...]:
    """The words of a text as far as all who write a name agree: accents, "and", plurals set aside.

    British spelling where there are two. Names of one spelling may still be of two classes.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return tuple(_singular(word) for word in normalise(plain).split() if word != "and")


def _singular(word: str) -> str:
    """The same for a word and its regular plural; "cookie" and "cherries" end alike then."""
    word = _AMERICAN.get(word, word)
    return re.sub(r"(?<=\w\w)ie$", "y", _PLURAL.sub("", word)) if len(word) > 3 else word


class ClassMatcher:
    """Finds the class that an answer names, if it names exactly one."""

    def __init__(self, names: Sequence[str], others: Sequence[Sequence[str]] = ()) -> None:
        """Prepare for class names, which must stay distinct once underscores are blanks.

        Classes of one and the same name are one to whoever answers with it: the first of them
        stands for all, since CLIP reads one text for all of them as well. Another name that only
        one of them has tells them apart.

        Args:
            names: of C classes.
            others: other names of each class, or none at all; one counts that is no class's name
                and another name of one class alone.

        Raises:
            InputError: two names differ in underscores only.
        """
        self._exact: dict[str, int] = {}
        for index, name in enumerate(names):
            other = self._exact.setdefault(display_name(name), index)
            if names[other] != name:
                raise InputError(
                    f"the classes {names[other]!r} and {name!r} differ in underscores only; give "
                    "every class a name of its own"
                )
        # names that only punctuation tells apart (C, C++) can be matched exactly, not loosely
        self._normal = _one_each((normalise(n), at) for n, at in self._exact.items())
        first = [self._exact[display_name(name)] for name in names]
        words = [(word, at) for at, own in enumerate(others) for word in own]
        exact = _one_each(((display_name(word), at) for word, at in words), first)
        loose = _one_each(((normalise(word), at) for word, at in words), first)
        taken = {normalise(name) for name in self._exact}
        self._exact = {**exact, **self._exact}
        self._normal |= {form: at for form, at in loose.items() if form not in taken}
        longest_first = sorted(self._normal, key=lambda form: (-len(form), form))
        pattern = "|".join(map(re.escape, longest_first))
        self._words = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") if pattern else None
        spelt = [(spelling(form), at) for form, at in self._exact.items()]
        self._spelt = _one_each((" ".join(words), at) for words, at in spelt)
        # in one word what is a name of several: icecream, hotdog
        joined = _one_each(("".join(words), at) for words, at in spelt if len(words) > 1)
        self._spelt = {**joined, **self._spelt}
        self._longest = max((form.count(" ") + 1 for form in self._spelt), default=0)

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
        words = spelling(answer)
        if (index := self._spelt.get(" ".join(words))) is not None:
            return index, "normalised"
        if inside and self._words is not None:
            hits = list(self._words.finditer(form))
            said = [hit for hit in hits if not _denied(form[: hit.start()], form[hit.end() :])]
            named = {self._normal[hit[0]] for hit in said}
            if len(named) == 1:
                return named.pop(), "normalised"
            if not hits and len(others := self._spelt_inside(words)) == 1:
                return others.pop(), "normalised"
        return None

    def _spelt_inside(self, words: Sequence[str]) -> set[int]:
        """Classes that stand among words, longest names first, in another spelling than theirs."""
        found, at = set(), 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                index = self._spelt.get(" ".join(words[at : at + length]))
                if index is not None:
                    behind = " ".join(["", *words[at + length :]])
                    if not _denied(" ".join(words[:at]), behind):
                        found.add(index)
                    at += length - 1
                    break
            at += 1
        return found


def _one_each(pairs: Iterable[tuple[str, int]], first: Sequence[int] = ()) -> dict[str, int]:
    """The class of each form that is one class's alone, or that of classes of one name.

    Args:
        pairs: forms, each with its class.
        first: of each class the first one of its name, where two may have the same.
    """
    forms: dict[str, set[int]] = {}
    for form, index in pairs:
        forms.setdefault(form, set()).add(index)
    one_name = {form: {first[at] for at in own} if first else own for form, own in forms.items()}
    return {form: min(own) for form, own in forms.items() if form and len(one_name[form]) == 1}


def class_list(names: Sequence[str], form: Literal["lines", "python"] = "lines") -> str:
    """The class names as a prompt shows them, each once: one a line, or as Python writes a list."""
    once = list(dict.fromkeys(names))
    return repr(once) if form == "python" else "\n".join(f"- {name}" for name in once)
