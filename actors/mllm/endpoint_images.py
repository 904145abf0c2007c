"""How pictures travel to an endpoint: PNG keeps every pixel, JPEG is a tenth for photographs."""

from __future__ import annotations

import base64
import io
import ipaddress
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from actors.mllm.model import ImageFormat
from actors.mllm.request import DecodedImage

_QUALITY: Final = 90
_STEP: Final = 4  # every 16th pixel tells as much
_MANY_COLOURS: Final = 256


def is_hosted(url: str) -> bool:
    """Whether an address is somebody else's: not this machine, nor a private network's."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost", ".svc"))


def photos_as_jpeg(url: str, form: ImageFormat) -> str:
    """Which pictures go as JPEG, in words for the cache identity; empty: none, all are PNG."""
    if form == "png" or (form == "auto" and not is_hosted(url)):
        return ""
    return f"jpeg {_QUALITY}, {'photographs' if form == 'auto' else 'all'}"


def is_photo(picture: DecodedImage) -> bool:
    """Whether a picture may travel as JPEG: a photograph, or one of many colours."""
    if picture.photo is not None:
        return picture.photo
    sample = picture.pixels[::_STEP, ::_STEP].reshape(-1, 3)
    return len(np.unique(sample, axis=0)) > min(_MANY_COLOURS, len(sample) // 2)


def data_url(picture: DecodedImage, jpeg: bool = False) -> str:
    """A picture as a ``data:`` URL: PNG, so that the endpoint sees exactly these pixels, or JPEG.

    Args:
        picture: decoded.
        jpeg: whether JPEG's losses are allowed.
    """
    buffer, kind = io.BytesIO(), "jpeg" if jpeg else "png"
    if jpeg:
        picture.image().save(buffer, "JPEG", quality=_QUALITY)
    else:
        picture.image().save(buffer, "PNG", compress_level=1)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
