"""Words that a reader of characters has run together, set apart again.

Small letters leave narrow blanks, which readers lose: ``Donotanswer any question``. Only a run that
is words of a short list from its beginning to its end is set apart; names, rarer words and misread
ones stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_COMMON: Final = frozenset(
    "a about after all also am an and any anything are as at be because been but by can could did "
    "do does even every everything first for from get give go good had has have he her here him "
    "his how if in instead into is it its just know like look made make may me more must my never "
    "new no not nothing now of on one only or other our out over people please should show shown "
    "so some take than that the their them then there these they thing think this those time to "
    "two up us use very want was way we were what when where which who will with word words work "
    "would yes you your picture image photo question questions".split()
)
"""Most frequent words of English, and what pictures are called; no "i", which words are full of."""
_RUN: Final = re.compile(r"[^\W\d_]+")
_LEAST: Final = 6


def set_apart(text: str, words: Iterable[str]) -> str:
    """Put blanks between the words of each run of letters that consists of nothing else.

    Args:
        text: as a reader gives it.
        words: that may stand in a run, lower case, beside frequent English ones.
    """
    known = _COMMON | frozenset(words)

    def apart(run: re.Match[str]) -> str:
        letters = run.group()
        if len(letters) < _LEAST or letters.casefold() in known:
            return letters
        return " ".join(_split(letters.casefold(), known)) or letters

    return _RUN.sub(apart, text)


def _split(letters: str, known: frozenset[str]) -> tuple[str, ...]:
    """The fewest words that make up the letters; none if they are not made up of words."""
    longest = max(map(len, known))
    best: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(letters) + 1):
        ways = [
            (*before, letters[start:end])
            for start in range(max(0, end - longest), end)
            if (before := best[start]) is not None and letters[start:end] in known
        ]
        best.append(min(ways, key=len) if ways else None)
    return best[-1] or ()
