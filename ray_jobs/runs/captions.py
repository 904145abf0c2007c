"""Files of captions that stand in for an LLM's sentences, as TaI-DPT learns from COCO's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from methods.errors import InputError
from ray_jobs.runs.text_files import read_text

FLAG = "--captions"
_FORMS = (
    "give a text file of one caption a line, or a JSON file that is a list of captions or has them "
    "in annotations[].caption, as COCO's captions_train2014.json"
)


@dataclass(frozen=True)
class Captions:
    """What was read.

    Attributes:
        texts: the captions, each once, in their order.
        digest: SHA-256 of them.
    """

    texts: tuple[str, ...]
    digest: str


def read_captions(path: str) -> Captions:
    """Read a file of captions; blanks around them and those that come again are dropped.

    Raises:
        InputError: not readable, another form of JSON, or no caption in it.
    """
    text = read_text(FLAG, path)
    lines = _of_json(path, text) if text.lstrip()[:1] in ("{", "[") else text.splitlines()
    texts = tuple(dict.fromkeys(filter(None, (" ".join(line.split()) for line in lines))))
    if not texts:
        raise InputError(f"{FLAG} {path} has no caption in it; {_FORMS}")
    return Captions(texts, hashlib.sha256("\n".join(texts).encode()).hexdigest())


def _of_json(path: str, text: str) -> list[str]:
    try:
        content: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{FLAG} {path} is not whole JSON ({error}); {_FORMS}") from error
    if isinstance(content, dict):
        content = content.get("annotations")
    rows = content if isinstance(content, list) else [None]
    found = [row.get("caption") if isinstance(row, dict) else row for row in rows]
    captions = [each for each in found if isinstance(each, str)]
    if len(captions) < len(found):
        raise InputError(f"{FLAG} {path} is JSON without captions; {_FORMS}")
    return captions
