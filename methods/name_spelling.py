"""How names are spelled: as they may be shown, and a key that spellings of one name share."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WRAPPING: Final = " \t\r\n\"'`*#<>\u00ab\u00bb\u201c\u201d,;:.!?"
_APOSTROPHES: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'"})
FENCE: Final = re.compile(r"^\s*```\w*[^\S\n]*\n?|\n?\s*```\s*$")
"""Of Markdown, around a text."""
_LIST_MARK: Final = re.compile(r"^\s*(?:[-+\u2022]|\d{1,2}[.)])\s+")
_ARTICLE: Final = re.compile(r"^(?:the|an|a)\s+(?=\S)", re.IGNORECASE)
# genus and species, and perhaps subspecies: (Larus canus), (L. canus), (Canis lupus familiaris)
_LATIN: Final = re.compile(r"(?<=\S)\s*\([\W_]*[A-Z][a-z]*\.?(?:\s+[a-z-]+\.?){1,2}[\W_]*\)$")


def tidy_name(text: str) -> str:
    """A name as it may be shown: no Markdown, quotes, article, final period or Latin name."""
    while (tidied := _tidied(text)) != text:  # as often as it takes: there may be quotes in quotes
        text = tidied
    return text


def _tidied(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    text = _LIST_MARK.sub("", FENCE.sub("", text))
    text = " ".join(text.replace("_", " ").split()).strip(_WRAPPING)
    text = _LATIN.sub("", text).strip(_WRAPPING)
    return _ARTICLE.sub("", text)


def name_key(text: str) -> str:
    """What two spellings of one name have in common; empty for a text without a name."""
    while (key := " ".join(tidy_name(text).replace("-", " ").split()).casefold()) != text:
        text = key  # until a key is its own key
    return text
