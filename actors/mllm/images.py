"""Images for a multimodal LLM: decoded, upright, RGB, and no larger than a limit.

Models resize as they like; the limit only bounds what travels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from actors.images.decode import decode_image
from actors.images.limits import DEFAULT_MAX_PIXELS, DEFAULT_MAX_SIDE
from actors.mllm.request import DecodedImage

_JPEG: Final = b"\xff\xd8\xff"


@dataclass(frozen=True)
class ImageLimits:
    """How large pictures may be.

    Attributes:
        max_side: longest side of what travels, in pixels; larger images are made smaller.
        max_pixels: images of more pixels are refused, before decoding.
        as_stored: whether the EXIF turn is left out and alpha dropped
            (`actors.images.decode.decode_image`).
    """

    max_side: int = DEFAULT_MAX_SIDE
    max_pixels: int = DEFAULT_MAX_PIXELS
    as_stored: bool = False


def decode_for_mllm(data: bytes, limits: ImageLimits | None = None) -> DecodedImage:
    """Decode one image, made smaller if its longer side exceeds the limit.

    Raises:
        ImageError: as `actors.images.decode.decode_image`.
    """
    limits = limits or ImageLimits()
    image = decode_image(
        data,
        max_pixels=limits.max_pixels,
        shrink_to=limits.max_side,
        as_stored=limits.as_stored,
    )
    longest = max(image.size)
    if longest > limits.max_side:
        width, height = (max(1, round(side * limits.max_side / longest)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return DecodedImage(np.asarray(image), _is_photo(data))


def _is_photo(data: bytes) -> bool | None:
    """Whether an encoded image is a photograph: a JPEG is, one with alpha or a palette is none; of
    others their colours tell, None."""
    if data.startswith(_JPEG):
        return True
    try:
        with Image.open(io.BytesIO(data)) as source:
            if source.mode not in ("RGB", "YCbCr", "L") or "transparency" in source.info:
                return False
    except OSError:  # only another decoder reads it, such as one of camera formats
        return True
    return None
