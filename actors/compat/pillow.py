"""What Pillow has no local way for: how many pixels an image may have."""

from __future__ import annotations

import re

from PIL import Image


def allow_pixels(count: int) -> None:
    """Let Pillow open images of so many pixels; a higher limit, or none, stays as it is.

    Why: Pillow compares with a variable of its module, for all threads. It is never lowered, as
    that would be heard by others in this process, and not taken away, so that what is beyond it is
    still refused before it is decoded.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and limit < count:
        Image.MAX_IMAGE_PIXELS = count


def refused_pixels(error: Exception) -> str:
    """How many pixels an image has that Pillow refused; the error has it in its text only."""
    found = re.search(r"\d+", str(error))
    return found.group() if found else "too many"
