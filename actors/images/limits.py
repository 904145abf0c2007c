"""How large images may be, where no setting says otherwise; settings import nothing else of it."""

from __future__ import annotations

from typing import Final

DEFAULT_MAX_BYTES: Final = 256 * 1024 * 1024
"""Encoded bytes that are read of one image at most."""

DEFAULT_MAX_PIXELS: Final = 120_000_000
"""Pixels that are decoded of one image at most, as its header gives them."""

DEFAULT_MAX_SIDE: Final = 1024
"""Longest side, in pixels, of an image that a multimodal LLM is shown; larger ones are resized."""
