"""What replies to the search's questions say: verdicts, reasons, and rewritten prompts."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, Literal

Reading = Literal["final", "published"]
"""How a comparison is read: by its last words, or as in the published code."""

_ORDINALS: Final = {"first": 1, "second": 2}
_FINAL: Final = re.compile(r"(?:answer|correct|verdict|choice)\W*(?:is\W*)?(?:the\W*)?(?:text\W*)?"
                           r"(first|second|1|2)\b")  # fmt: skip
_WORDS: Final = re.compile(r"\b(first|second)\b")
_BARE: Final = re.compile(r"^\W*(?:text\W*)?([12])\W*$")
_SPAN: Final = re.compile(r"<START>(.*?)<END>", re.DOTALL)
_QUOTES: Final = " \t\r\n\"'`*\u201c\u201d"
_FEWEST_WORDS: Final = 3
_HEADING: Final = re.compile(r"^(?:##\s*variation\s*:|variation\s*:|output\s*:)", re.IGNORECASE)


class Verdict(Enum):
    """What came of a comparison of a true description with another image's."""

    RIGHT = "right"
    WRONG = "wrong"
    UNPARSABLE = "unparsable"
    TIE = "tie"


def read_side(reply: str, reading: Reading = "final") -> int | None:
    """Return which text a reply chooses, 1 or 2; None if that cannot be told.

    ``final`` takes the last "answer: first", else the one ordinal of the last line, else the one
    ordinal of the whole reply. ``published``: the one ordinal of the whole reply.
    """
    text = reply.lower()
    if reading == "published":
        there = [word for word in _ORDINALS if word in text]
        return _ORDINALS[there[0]] if len(there) == 1 else None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if said := _FINAL.findall(text):
        return _ORDINALS.get(said[-1]) or int(said[-1])
    for part in (lines[-1], text):
        if bare := _BARE.match(part):
            return int(bare[1])
        words = set(_WORDS.findall(part))
        if len(words) == 1:
            return _ORDINALS[words.pop()]
    return None


def judge(reply: str | None, true_side: int, reading: Reading = "final") -> Verdict:
    """Say whether a reply chooses the text that is true of the image (side 1 or 2)."""
    side = None if reply is None else read_side(reply, reading)
    if side is None:
        return Verdict.UNPARSABLE
    return Verdict.RIGHT if side == true_side else Verdict.WRONG


def rewritten_prompts(reply: str | None, longest: int) -> list[str]:
    """Return the prompts of a reply, each between ``<START>`` and ``<END>``, each once.

    Dropped: empty spans, spans of less than three words (an instruction repeated back, such as
    "<START> and <END>"), and prompts longer than ``longest`` characters. Lines are joined.
    """
    found = []
    for span in _SPAN.findall(reply or ""):
        text = " ".join(span.rpartition("<START>")[2].strip(_QUOTES).split())
        if len(re.findall(r"\w+", text)) >= _FEWEST_WORDS and len(text) <= longest:
            found.append(text)
    return list(dict.fromkeys(found))


def paraphrased_prompt(reply: str | None, longest: int) -> str | None:
    """Return the prompt that a paraphrase gives, without heading and quotes; None if unusable."""
    text = " ".join(_HEADING.sub("", (reply or "").strip()).strip(_QUOTES).split())
    usable = len(re.findall(r"\w+", text)) >= _FEWEST_WORDS and len(text) <= longest
    return text if usable else None
