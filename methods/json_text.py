"""JSON for people to read that any path can stand in."""

from __future__ import annotations

import json
from typing import Any


def json_text(value: Any, indent: int | None = None) -> str:
    """Write JSON with letters as they are, where they can be encoded.

    A path whose name is no UTF-8 holds surrogates, which no encoding takes: text with one is
    escaped as a whole, and read back it is the same path.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text
