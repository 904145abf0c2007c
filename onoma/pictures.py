"""What a program may have an image as: a path, encoded bytes, Pillow's image, or pixels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actors import storage
from actors.images.decode import Preprocessing, input_pixels, to_input_size, upright_rgb
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from actors.images.limits import DEFAULT_MAX_PIXELS

Picture = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8] | Mapping[str, Any]
"""Path or URI; encoded file; image of Pillow; uint8 RGB or grey pixels, (height, width, 3) or
(height, width); or ``{"bytes": ..., "path": ...}`` as Hugging Face's data sets have it."""


def model_input(
    picture: Any, how: Preprocessing, max_pixels: int = DEFAULT_MAX_PIXELS
) -> NDArray[np.uint8]:
    """Read, decode and resize one image as a labelling job does.

    Args:
        picture: a `Picture`.
        how: size and resizing of the model's input.
        max_pixels: larger images are refused before they are decoded.

    Returns:
        uint8 (height, width, 3) of the input's size.

    Raises:
        ImageError: with a code of `methods.errors.IMAGE_CODES`.
    """
    found = _opened(picture)
    if isinstance(found, bytes):
        return input_pixels(found, how, max_pixels=max_pixels)
    if found.width * found.height > max_pixels:
        size = f"{found.width} x {found.height}"
        raise ImageError("too_many_pixels", f"{size} pixels; the limit is {max_pixels} in all")
    return np.asarray(to_input_size(upright_rgb(found), how))


def _opened(picture: Any) -> bytes | Image.Image:
    if isinstance(picture, Mapping):
        given = picture.get("bytes")
        picture = picture.get("path") if given is None else given
    if picture is None:
        raise ImageError("missing", "there is nothing in its place")
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture)
    if isinstance(picture, str | os.PathLike):
        return fetch_bytes({"uri": storage.absolute(os.fspath(picture))})
    pixels = np.asarray(picture)
    if pixels.dtype == np.uint8 and (pixels.ndim == 2 or pixels.shape[2:] in ((1,), (3,), (4,))):
        flat = pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels
        return Image.fromarray(np.ascontiguousarray(flat))
    raise ImageError(
        "not_an_image",
        f"a {type(picture).__name__} of shape {pixels.shape} and type {pixels.dtype}; give a path, "
        "encoded bytes, an image of Pillow, or pixels, uint8 (height, width, 3)",
    )
