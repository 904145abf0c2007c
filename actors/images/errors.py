"""What can be wrong with one image."""

from __future__ import annotations

from typing import Final

from methods.errors import IMAGE_CODES, RowError

CODES: Final = tuple(IMAGE_CODES)


class ImageError(RowError):
    """One image cannot be used; ``code`` is one of `CODES`."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep ``code`` and at most 300 characters of ``detail``.

        Raises:
            ValueError: the code is none of an image's.
        """
        if code not in CODES:
            raise ValueError(f"unknown image error code {code!r}; known: {', '.join(CODES)}")
        super().__init__(code, detail)
