"""Sentences and strengths from an LLM's answers, whatever form they come in; ours.

JSON was asked for. Fences and prose around it are no error; of JSON that was cut what is complete
is kept; an answer without JSON is read line by line. Nothing is made up in place of what is
dropped, every drop has a reason, and no answer raises an error.

refusal     the answer, or a sentence of it, declines
nothing     the answer holds nothing to keep
meta        a sentence is about the answer, not about a picture
echo        a sentence is a list of class names
short, long a sentence has too few or too many words
duplicate   a sentence, or a class, came before
unknown     a name is of no class
itself      a class is related to itself
no_score    a strength is no number from 0 to 3
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from methods.refusals import is_refusal

MOST_CHARACTERS: Final = 200_000
_MOST_BROKEN: Final = 64
_STRONGEST: Final = 3.0
_LONGEST_LINE: Final = 200
_SENTENCE_FIELDS: Final = ("sentence", "text", "caption", "description")
_NAME_FIELDS: Final = ("name", "class", "object", "label")
_SCORE_FIELDS: Final = ("score", "strength", "value", "rating")
_STRING: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"(\s*:)?')
_BRACKET: Final = re.compile(r"[{\[]")
_BULLET: Final = re.compile(r"^(?:[-*\u2022\u2013>#]+\s*|\(?\d{1,3}[.):]\s+)+")
_FENCE: Final = re.compile(r"```[\w-]*")
_META: Final = re.compile(
    r"^\W*(?:sure|certainly|of course|okay)\s*[,.!:]"
    r"|^\W*(?:here(?:'s| is| are)|below (?:is|are)|the following|these|note that)\b.*"
    r"\b(?:sentences?|captions?|descriptions?|examples?|answers?|lists?|items?)\b"
    r"|^\W*(?:sentences|captions|i hope|let me know)\b|\bas an? (?:ai|language model)\b|\bjson\b",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(r"^(.*?)\W*\b(\d+(?:\.\d+)?)\b\W*$")


@dataclass(frozen=True)
class Sentences:
    """What an answer gave.

    Attributes:
        kept: sentences, each once.
        dropped: how many were not kept, by reason.
    """

    kept: tuple[str, ...]
    dropped: Counter[str]


@dataclass(frozen=True)
class Strengths:
    """What an answer gave.

    Attributes:
        kept: strength from 0 to 3 by class.
        dropped: how many were not kept, by reason.
    """

    kept: dict[int, float]
    dropped: Counter[str]


def parse_sentences(
    answer: str | None,
    *,
    shortest: int = 3,
    longest: int = 60,
    names: Sequence[Sequence[str]] = (),
) -> Sentences:
    """Read sentences.

    Each comes in NFC with single blanks and without characters that cannot be shown.

    Args:
        answer: what the model said; None counts as nothing.
        shortest, longest: words of a usable sentence.
        names: synonyms of each class, to know lists of them by.
    """
    dropped: Counter[str] = Counter()
    text = _plain(answer)
    if is_refusal(text):
        return Sentences((), Counter(refusal=1))
    class_keys = {_key(name) for synonyms in names for name in synonyms}
    kept: dict[str, str] = {}
    for raw in _sentences(text):
        sentence = _cleaned(raw)
        words = len(sentence.split())
        if not words:
            continue
        if is_refusal(sentence):
            dropped["refusal"] += 1
        elif _META.search(sentence):
            dropped["meta"] += 1
        elif _is_list(sentence, class_keys):
            dropped["echo"] += 1
        elif words < shortest:
            dropped["short"] += 1
        elif words > longest:
            dropped["long"] += 1
        elif sentence.lower() in kept:
            dropped["duplicate"] += 1
        else:
            kept[sentence.lower()] = sentence
    if not kept and not dropped:
        dropped["nothing"] += 1
    return Sentences(tuple(kept.values()), dropped)


def parse_relations(answer: str | None, names: Sequence[Sequence[str]], itself: int) -> Strengths:
    """Read how strongly classes are related to one.

    Args:
        answer: what the model said; None counts as nothing.
        names: synonyms of each class; they are found without regard to case, hyphens and articles.
        itself: the class that was asked about.
    """
    text = _plain(answer)
    if is_refusal(text):
        return Strengths({}, Counter(refusal=1))
    classes: dict[str, int] = {}
    for at, synonyms in enumerate(names):
        for name in synonyms:
            classes.setdefault(_key(name), at)
    dropped: Counter[str] = Counter()
    kept: dict[int, float] = {}
    for name, score in _relations(text):
        other, strength = classes.get(_key(name)), _strength(score)
        if other is None:
            dropped["unknown"] += 1
        elif other == itself:
            dropped["itself"] += 1
        elif strength is None:
            dropped["no_score"] += 1
        elif other in kept:
            dropped["duplicate"] += 1
        else:
            kept[other] = strength
    if not kept and not dropped:
        dropped["nothing"] += 1
    return Strengths(kept, dropped)


def _plain(answer: str | None) -> str:
    return _FENCE.sub("\n", (answer or "")[:MOST_CHARACTERS]).strip()


def _decoded(text: str) -> Iterator[Any]:
    """What JSON stands in a text, from the first bracket on; of JSON that was cut, its parts."""
    decoder, start, broken = json.JSONDecoder(), 0, 0
    while broken < _MOST_BROKEN and (bracket := _BRACKET.search(text, start)):
        try:
            value, start = decoder.raw_decode(text, bracket.start())
        except (ValueError, RecursionError):
            start, broken = bracket.end(), broken + 1
            continue
        yield value


def _sentences(text: str) -> list[str]:
    for value in _decoded(text):
        if sentences := _texts_of(value):
            return sentences
    if text.startswith(("{", "[")) or '"sentences"' in text:  # cut, or not quite JSON
        strings = [match for match in _STRING.finditer(text) if not match[2]]
        return [_unescaped(match[1]) for match in strings]
    lines = (_BULLET.sub("", line.strip()) for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "{}[]" and line[-1] != ":"]


def _texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        lists = [value.get("sentences"), *value.values()]
        value = next((item for item in lists if isinstance(item, list)), None)
    if not isinstance(value, list):
        return []
    items = [_field(item, _SENTENCE_FIELDS) if isinstance(item, dict) else item for item in value]
    return [item for item in items if isinstance(item, str) and item.strip(" .\u2026")]


def _relations(text: str) -> list[tuple[str, Any]]:
    if pairs := [pair for value in _decoded(text) for pair in _pairs_of(value)]:
        return pairs
    pairs = []
    for line in text.splitlines():
        if match := _PAIR.match(_BULLET.sub("", line.strip())[:_LONGEST_LINE]):
            pairs.append((match[1], match[2]))
    return pairs


def _pairs_of(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        lists = [value.get("items"), *value.values()]
        items = next((item for item in lists if isinstance(item, list)), None)
        if items is None:  # {"cat": 2, "dog": 1}, or one item
            items = [value] if _field(value, _NAME_FIELDS) is not None else list(value.items())
        value = items
    pairs = []
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            name, score = _field(item, _NAME_FIELDS), _field(item, _SCORE_FIELDS)
        elif isinstance(item, list | tuple) and len(item) == 2:
            name, score = item
        else:
            continue
        if isinstance(name, str) and name.strip(" .\u2026"):
            pairs.append((name, score))
    return pairs


def _field(item: dict[Any, Any], fields: Sequence[str]) -> Any:
    return next((item[field] for field in fields if field in item), None)


def _strength(score: Any) -> float | None:
    if isinstance(score, bool) or not isinstance(score, int | float | str):
        return None
    try:
        value = float(score)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) and 0 <= value <= _STRONGEST else None


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _cleaned(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(unicodedata.normalize("NFC", shown).split())
    return words.strip("\"'`*\u201c\u201d ").removesuffix('",').strip()


def _key(name: str) -> str:
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", name).casefold())
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("a", "an", "the") else words)


def _is_list(sentence: str, class_keys: set[str]) -> bool:
    parts = [_key(part) for part in re.split(r",|;|\band\b|\n", sentence)]
    parts = [part for part in parts if part]
    return bool(parts) and all(part in class_keys for part in parts)
