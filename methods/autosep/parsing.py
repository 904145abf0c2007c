"""What replies to the search's questions say: verdicts, reasons, and rewritten prompts."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, Literal

ComparisonReading = Literal["final", "published"]
"""How a comparison is read: by its last words, or as in the published code."""

_ORDINALS: Final = {"first": 1, "second": 2, "1": 1, "2": 2}
_NO: Final = r"(?<!not\s)(?<!not the\s)(?<!not text\s)"
_MARKS: Final = r"[\s*_\"'`\u201c\u201d]*"
_CUED: Final = re.compile(
    rf"\b(?:answer|verdict|choice){_MARKS}(?:is|:)?{_MARKS}(?P<no>not\s+)?(?:the\s+)?(?:text\s+)?"
    rf"{_MARKS}(?P<side>first|second|1|2)\b(?!\s*(?:/|,|or\b))"
)
_PRAISED: Final = re.compile(
    rf"{_NO}\b(?P<side>first|second|(?<=text\s)[12])\b(?:\s+(?:text|description|one))?"
    r"\s+(?:is|was)\s+(?:the\s+)?(?:correct|right)\b"
)
_WORDS: Final = re.compile(r"\b(not\s+(?:the\s+)?(?:text\s+)?)?(first|second|(?<=text\s)[12])\b")
_BARE: Final = re.compile(r"^\W*(?:the\s+|text\W*)?(first|second|[12])(?:\s+text)?\W*$")
_ASIDE: Final = re.compile(r"\([^()]*\)")
_SPAN: Final = re.compile(r"<START>(.*?)<END>", re.DOTALL)
_CHOSEN: Final = re.compile(r"<choose>(.*?)</choose>", re.DOTALL | re.IGNORECASE)
_PAIRS: Final = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "*": "*"}
_FEWEST_WORDS, _FEWEST_LETTERS = 3, 4
_HEADING: Final = re.compile(r"^[#*_\s]*(?:variation|output)\s*:[*_\s]*", re.IGNORECASE)
_ECHO: Final = re.compile(r"^\s*input\s*:.*?\boutput\s*:", re.IGNORECASE | re.DOTALL)


class Verdict(Enum):
    """What came of a comparison of a true description with another image's."""

    RIGHT = "right"
    WRONG = "wrong"
    UNPARSABLE = "unparsable"
    TIE = "tie"


def read_side(reply: str, reading: ComparisonReading = "final") -> int | None:
    """Return which text a reply chooses, 1 or 2; None if that cannot be told.

    ``final`` takes, where there is one: the last "answer: first"; the last line that is nothing but
    a choice; the text that is called correct; the one ordinal of the last line, or of the whole
    reply, that no "not" stands before. What contradicts itself at one of these steps cannot be
    told. ``published``: the one ordinal of the whole reply.
    """
    text = reply.lower()
    if reading == "published":
        ordinals = [word for word in ("first", "second") if word in text]
        return _ORDINALS[ordinals[0]] if len(ordinals) == 1 else None
    lines = [line for line in _ASIDE.sub(" ", text).splitlines() if line.strip()]
    cued = [hit for line in lines for hit in _CUED.finditer(line)]
    if cued:
        return None if cued[-1]["no"] else _ORDINALS[cued[-1]["side"]]
    bare = [hit for line in lines if (hit := _BARE.match(line))]
    if bare:
        return _ORDINALS[bare[-1][1]]
    praised = {_ORDINALS[hit["side"]] for line in lines for hit in _PRAISED.finditer(line)}
    if praised:
        return praised.pop() if len(praised) == 1 else None
    for part in (lines[-1:], lines):
        named = {hit for line in part for hit in _WORDS.findall(line)}
        sides = {_ORDINALS[side] for no, side in named if not no}
        if named and (len(sides) != 1 or any(no for no, _ in named)):
            return None
        if sides:
            return sides.pop()
    return None


def read_preference(reply: str, reading: ComparisonReading = "final") -> int | None:
    """Return which text a reply of SPO's judge prefers, 1 or 2; None if that cannot be told.

    What stands between ``<choose>`` and ``</choose>``, the last time, counts; without such tags the
    reply is read as a comparison.
    """
    chosen = _CHOSEN.findall(reply)
    return read_side(*(chosen[-1], "published") if chosen else (reply, reading))


def judge(reply: str | None, true_side: int, reading: ComparisonReading = "final") -> Verdict:
    """Say whether a reply chooses the text that is true of the image (side 1 or 2)."""
    return verdict_of(None if reply is None else read_side(reply, reading), true_side)


def verdict_of(side: int | None, true_side: int) -> Verdict:
    """What a choice of a side, if there is one, comes to."""
    if side is None:
        return Verdict.UNPARSABLE
    return Verdict.RIGHT if side == true_side else Verdict.WRONG


def rewritten_prompts(reply: str | None, longest: int) -> list[str]:
    """Return the prompts of a reply, each between ``<START>`` and ``<END>``, each once.

    Dropped: empty spans, spans of less than three words (an instruction repeated back, such as
    "<START> and <END>"), and prompts longer than ``longest`` characters, where that is not 0. Lines
    stay: a prompt may be a list.
    """
    spans = (span.rpartition("<START>")[2] for span in _SPAN.findall(reply or ""))
    return list(dict.fromkeys(text for span in spans if (text := _prompt(span, longest))))


def paraphrased_prompt(reply: str | None, longest: int) -> str | None:
    """Return the prompt that a paraphrase gives, without heading and quotes; None if unusable."""
    return _prompt(_HEADING.sub("", _ECHO.sub("", reply or "").strip()), longest)


def _prompt(text: str, longest: int) -> str | None:
    """A prompt without what wraps it and blanks at the ends of its lines; None for what is none."""
    lines = text.encode("utf-8", "ignore").decode().splitlines()
    text = "\n".join(" ".join(line.split()) for line in lines).strip()
    text = re.sub(r"\n{3,}", "\n\n", text)
    while len(text) > 1 and _PAIRS.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    if text.startswith("**") and text.endswith("**") and "**" not in text[2:-2]:
        text = text[2:-2].strip()
    words = re.findall(r"\w+", text)
    # scripts without blanks between words have few of them
    foreign = sum(not letter.isascii() for word in words for letter in word)
    usable = len(words) >= _FEWEST_WORDS or foreign >= _FEWEST_LETTERS
    return text if usable and (not longest or len(text) <= longest) else None
