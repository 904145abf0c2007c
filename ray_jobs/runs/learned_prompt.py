"""The description prompt that a fit has learned, as methods that label take it."""

from __future__ import annotations

import json
from typing import Any, Final

from actors import storage
from methods.errors import InputError
from methods.prompt import Prompt

LEARNED_PROMPT: Final = "prompt.json"
"""Its file in the folder of a fit."""


def read_learned(path: str) -> dict[str, Any]:
    """Read a learned prompt: from the folder of a fit, or from a text file that holds one.

    Raises:
        InputError: neither.
    """
    file = storage.join(storage.absolute(path), LEARNED_PROMPT)
    try:
        if storage.exists(file):
            return dict(json.loads(storage.read_bytes(file)))
        text = storage.read_bytes(path).decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"--prompt {path}: neither a folder made by fit autosep (with {LEARNED_PROMPT}) nor a "
            f"UTF-8 text file with a prompt ({reason})"
        ) from error
    if not text:
        raise InputError(f"--prompt {path} holds no prompt; write what the model is to be asked")
    return {"prompt": Prompt(text).text}
