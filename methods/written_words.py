"""What words written in a picture do: name a class, or speak to the model that looks at it.

Words come from a reader of characters, which joins and mistakes them (``thisisakessintaerow``), so
names are looked for with a few wrong characters and without blanks, and what speaks to the model
also with the blanks that were lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

from methods.joined_words import set_apart

Kind = Literal["names_class", "instruction", "writing"]

_LEAVE: Final = "ignore disregard forget override".split()
_ASK: Final = (
    "answer reply respond output say label classify choose pick select return write call describe "
    "name tell"
).split()
_ADDRESSED: Final = "system assistant assistants user prompt instruction instructions".split()
_IS: Final = "is was shows depicts".split()
_TRUE: Final = "correct right true".split()
_LABEL: Final = "answer label class".split()
_TO_THE_MODEL: Final = re.compile(
    rf"\b({'|'.join(_LEAVE)})\b|\b({'|'.join(_ASK)})\b\s*"
    r"(this|it|with|as|only|that|the|:|\w)|"
    rf"\b(this|that|it)\s*({'|'.join(_IS)})\b|\byou (must|should|are|will)\b|"
    rf"\b({'|'.join(_ADDRESSED)})\b|"
    rf"\b({'|'.join(_TRUE)}) ({'|'.join(_LABEL)})",
    re.IGNORECASE,
)
_SAID: Final = frozenset([*_LEAVE, *_ASK, *_ADDRESSED, *_IS, *_TRUE, *_LABEL])
_JOINED: Final = (
    "thisis ignoreall ignoreprevious answerwith answerthe previousinstructions youmust youshould "
    "labelthis classifythis saythat correctanswer systemprompt theansweris theimage"
).split()
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_LEAST: Final = 3
_ALIKE: Final = 0.8


class Written(NamedTuple):
    """What the words in a picture are.

    Attributes:
        kinds: ``names_class``, ``instruction``, or ``writing`` where neither.
        classes: the classes named, by their position.
    """

    kinds: tuple[Kind, ...]
    classes: tuple[int, ...]


def read_words(text: str, names: Sequence[str]) -> Written | None:
    """Say what the words read in a picture do; None where there are no words.

    Args:
        text: what was read, lines joined by blanks.
        names: of the classes.
    """
    letters = "".join(_LETTERS.findall(text.casefold()))
    if len(letters) < _LEAST:
        return None
    named = tuple(at for at, name in enumerate(names) if _holds(letters, text, name))
    kinds: list[Kind] = []
    if named:
        kinds.append("names_class")
    joined = any(word in letters for word in _JOINED)
    starts = letters.startswith(("answer", "ignore", "reply", "classify", "output"))
    if joined or starts or _TO_THE_MODEL.search(set_apart(text, _SAID)):
        kinds.append("instruction")
    return Written(tuple(kinds) or ("writing",), named)


def _holds(letters: str, text: str, name: str) -> bool:
    """Whether the letters of a name stand in those of a text, a fifth of them read wrongly."""
    wanted = "".join(_LETTERS.findall(name.casefold()))
    if len(wanted) < _LEAST:
        return False
    if len(wanted) <= 5:  # a short one has to stand there, as a word
        return wanted in _LETTERS.findall(text.casefold())
    if wanted in letters:
        return True
    width = len(wanted)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    for start in range(max(1, len(letters) - width + 1)):
        matcher.set_seq1(letters[start : start + width])
        if matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE:
            return True
    return False
