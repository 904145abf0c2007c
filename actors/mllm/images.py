"""Images for a multimodal LLM: decoded, upright, RGB, and no larger than a limit.

Models resize as they like; the limit only bounds what travels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from actors.images.decode import decode_image
from actors.images.limits import DEFAULT_MAX_PIXELS, DEFAULT_MAX_SIDE
from actors.mllm.request import DecodedImage


@dataclass(frozen=True)
class ImageLimits:
    """How large pictures may be.

    Attributes:
        max_side: longest side of what travels, in pixels; larger images are made smaller.
        max_pixels: images of more pixels are refused, before decoding.
    """

    max_side: int = DEFAULT_MAX_SIDE
    max_pixels: int = DEFAULT_MAX_PIXELS


def decode_for_mllm(data: bytes, limits: ImageLimits | None = None) -> DecodedImage:
    """Decode one image, made smaller if its longer side exceeds the limit.

    Raises:
        ImageError: as `actors.images.decode.decode_image`.
    """
    limits = limits or ImageLimits()
    image = decode_image(data, max_pixels=limits.max_pixels, shrink_to=limits.max_side)
    longest = max(image.size)
    if longest > limits.max_side:
        width, height = (max(1, round(side * limits.max_side / longest)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return DecodedImage(np.asarray(image))
