"""Images for a multimodal LLM: decoded, upright, RGB, and no larger than a limit.

Models resize as they like; the limit only bounds what travels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from actors.decode import DEFAULT_MAX_PIXELS, decode_image
from actors.mllm_requests import Picture

DEFAULT_MAX_SIDE = 1024


@dataclass(frozen=True)
class PictureLimits:
    """How large pictures may be.

    Attributes:
        max_side: longest side of what travels, in pixels; larger images are made smaller.
        max_pixels: images of more pixels are refused, before decoding.
    """

    max_side: int = DEFAULT_MAX_SIDE
    max_pixels: int = DEFAULT_MAX_PIXELS


def open_picture(data: bytes, limits: PictureLimits | None = None) -> Picture:
    """Decode one image, made smaller if its longer side exceeds the limit.

    Raises:
        ImageError: as `actors.decode.decode_image`.
    """
    limits = limits or PictureLimits()
    image = decode_image(data, max_pixels=limits.max_pixels, shrink_to=limits.max_side)
    longest = max(image.size)
    if longest > limits.max_side:
        width, height = (max(1, round(side * limits.max_side / longest)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return Picture(np.asarray(image))
