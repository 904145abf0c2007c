"""Rows of a cascade's passes, as its stage tables have them."""

from __future__ import annotations

from typing import Any

from actors.labels.cascade import CHOOSE, SHOWN
from actors.mllm.responses import RESPONSE_TYPE
from methods.class_names import ClassNames

NAMES = ("wren", "robin", "great tit", "crane", "crane")
CLASSES = ClassNames(tuple(f"n{at}" for at in range(5)), NAMES, ((),) * 5)


def said(text: str | None, **changes: Any) -> dict[str, Any]:
    """A response as a stage table has it."""
    empty = dict.fromkeys(field.name for field in RESPONSE_TYPE)
    return {**empty, "answer": text, "finish_reason": "stop", "reused": False, **changes}


def answered(image: int, text: str | None, shown: list[int], **changes: Any) -> dict[str, Any]:
    """A row that was asked about."""
    about = {"image_id": image, SHOWN: shown, "error": None, "error_detail": None}
    return {**about, CHOOSE: said(text), **changes}
