"""Reading what is written in pictures, with RapidOCR where it is installed (extra ``audit``)."""

from __future__ import annotations

import importlib.util
from typing import Any, Final

import numpy as np
from PIL import Image

_SURE: Final = 0.5
_SIDE: Final = 1280
"""Larger pictures are made smaller: what a model reads at its own size is larger than that."""


def can_read() -> bool:
    """Whether a reader of characters is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


class WritingReader:
    """Reads pictures; its models come in RapidOCR's wheel, and it asks no network."""

    def __init__(self, threads: int = 1) -> None:
        """Load the models.

        Args:
            threads: of a call.
        """
        from rapidocr import RapidOCR  # an extra

        self._read: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            }
        )

    def __call__(self, image: Image.Image) -> str:
        """Return the words of a picture, lines joined by blanks; empty where there are none."""
        if max(image.size) > _SIDE:
            image = image.copy()
            image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        blue_first = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        found = self._read(blue_first, use_cls=False)
        if found.txts is None:
            return ""
        pairs = zip(found.txts, found.scores, strict=True)
        return " ".join(text for text, sure in pairs if sure >= _SURE).strip()
