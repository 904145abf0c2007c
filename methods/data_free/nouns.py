"""Which classes a sentence names: its labels (the noun filter of TaI-DPT, Guo et al. 2023).

Names of several words come before shorter ones and take their words away, so that a hot dog is no
dog. TaI-DPT lemmatises by part of speech; here a word and its singular count, whatever the part of
speech, and forms in -ing and -ed are left as they are, since the packaged lemmatiser would make
"boat" of "boating". Words are runs of letters and digits, so this is for languages with blanks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Protocol

from methods.data_free.settings import LabelSource

_WORD: Final = re.compile(r"[^\W_]+")
_POSSESSIVE: Final = re.compile(r"['\u2019]s?\b")
_IRREGULAR: Final = {"leaves": "leaf", "halves": "half", "calves": "calf", "hooves": "hoof"}
_SAME: Final = ("ss", "us", "is")


class Lemmatise(Protocol):
    """What gives a word's base form."""

    def __call__(self, word: str, /) -> str:
        """The base form of a lower-case word, in lower case; the word itself if it has none."""
        ...


def singular(word: str) -> str:
    """The singular of an English noun by its ending; for what a dictionary does not know."""
    if len(word) < 3 or not word.endswith("s") or word.endswith(_SAME):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=1 << 16)
def english(word: str) -> str:
    """The singular of an English noun: simplemma's dictionary, else by its ending."""
    import simplemma

    if word.endswith(("ing", "ed")):
        return word
    lemma = _IRREGULAR.get(word) or simplemma.lemmatize(word, lang="en").lower()
    return lemma if lemma != word else singular(word)


class NounFilter:
    """Finds the classes that texts name."""

    def __init__(self, synonyms: Sequence[Sequence[str]], lemmatise: Lemmatise = english) -> None:
        """Index the names.

        Args:
            synonyms: of each class, in any case; a synonym of several classes stands for all. Those
                of several words are also found written as one.
            lemmatise: base form of a word.
        """
        self._lemmatise = lemmatise
        self._exact: dict[tuple[str, ...], set[int]] = {}
        self._base: dict[tuple[str, ...], set[int]] = {}
        for at, names in enumerate(synonyms):
            for name in names:
                words = _words(name)
                for form in {words, ("".join(words),)} if words else ():
                    self._exact.setdefault(form, set()).add(at)
                    self._base.setdefault(self._lemmas(form), set()).add(at)
        self._lengths = sorted({len(form) for form in self._exact}, reverse=True)

    def classes(self, text: str) -> list[int]:
        """The classes that a text names, ascending.

        Long names are found before shorter ones, and words as they stand before base forms; what is
        found is taken away.
        """
        words: list[str | None] = list(_words(text))
        bases: list[str | None] = [self._lemmatise(word) for word in words if word is not None]
        named: set[int] = set()
        for length in self._lengths:
            for index, forms in ((self._exact, words), (self._base, bases)):
                for start in range(len(words) - length + 1):
                    window = tuple(word for word in forms[start : start + length] if word)
                    if len(window) == length and window in index:
                        named |= index[window]
                        gone: list[str | None] = [None] * length
                        words[start : start + length] = gone
                        bases[start : start + length] = gone
        return sorted(named)

    def _lemmas(self, words: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._lemmatise(word) for word in words)


def chosen_labels(named: Iterable[int], requested: Iterable[int], source: LabelSource) -> list[int]:
    """The labels of a sentence, ascending; without any it is of no use.

    Args:
        named: classes that it names.
        requested: classes that it was asked for.
        source: ``nouns``, what it names; ``prompt``, what it was asked for; ``intersection``, what
            is both.
    """
    if source == "nouns":
        return sorted(set(named))
    return sorted(set(requested) if source == "prompt" else set(named) & set(requested))


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFC", text).lower()
    return tuple(_WORD.findall(_POSSESSIVE.sub(" ", plain)))
