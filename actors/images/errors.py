"""What can be wrong with one image: the codes of the ``error`` column.

missing           nothing is there: deleted, never existed, a dangling link
no_permission     it is there and may not be read
not_a_file        a directory, a pipe or a device with an image's name
empty_file        zero bytes
too_many_bytes    larger than the configured limit; not read
storage_error     the storage failed for another reason
not_an_image      the bytes are no image format known
unsupported_format  an image format whose decoder is not installed
truncated         the image's data end too early
corrupt           the decoder gave up
too_many_pixels   more pixels than the configured limit; refused before decoding
"""

from __future__ import annotations

from typing import Final

CODES: Final = (
    "missing",
    "no_permission",
    "not_a_file",
    "empty_file",
    "too_many_bytes",
    "storage_error",
    "not_an_image",
    "unsupported_format",
    "truncated",
    "corrupt",
    "too_many_pixels",
)

_DETAIL_LIMIT: Final = 300


class ImageError(Exception):
    """One image cannot be used; becomes the ``error`` and ``error_detail`` of its row."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep ``code`` (one of `CODES`) and at most 300 characters of ``detail``."""
        if code not in CODES:
            raise ValueError(f"unknown image error code {code!r}; known: {', '.join(CODES)}")
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail[:_DETAIL_LIMIT]
