"""Images for a multimodal LLM: decoded, upright, RGB, and no larger than a limit.

Models resize as they like; the limit only bounds what travels. Rows whose answer is already known
are not decoded at all.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from PIL import Image

from actors.decode import DEFAULT_MAX_PIXELS, decode_image
from actors.image_errors import ImageError
from actors.mllm_requests import Picture

DEFAULT_MAX_SIDE = 1024


def open_picture(
    data: bytes, *, max_side: int = DEFAULT_MAX_SIDE, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Picture:
    """Decode one image, made smaller if its longer side exceeds ``max_side`` pixels.

    Raises:
        ImageError: as `actors.decode.decode_image`.
    """
    image = decode_image(data, max_pixels=max_pixels, shrink_to=max_side)
    longest = max(image.size)
    if longest > max_side:
        width, height = (max(1, round(side * max_side / longest)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return Picture(image.width, image.height, image.tobytes())


def open_pictures(
    batch: pa.Table, max_side: int = DEFAULT_MAX_SIDE, max_pixels: int = DEFAULT_MAX_PIXELS
) -> pa.Table:
    """Replace ``bytes`` by ``width, height, pixels`` in rows that still need an answer.

    Args:
        batch: with columns ``bytes`` (large_binary), ``answer``, ``error`` and ``error_detail``.
        max_side: longest side of a picture.
        max_pixels: refuse images of more pixels, before decoding.

    Returns:
        The batch with ``width``, ``height`` (int32) and ``pixels`` (large_binary) in place of
        ``bytes``; null in rows that have an answer or an error.
    """
    codes: list[Any] = batch.column("error").to_pylist()
    details: list[Any] = batch.column("error_detail").to_pylist()
    known = batch.column("answer").is_valid().to_pylist()
    cells = batch.column("bytes")
    pictures: list[Picture | None] = [None] * batch.num_rows
    for index, code in enumerate(codes):
        if code is not None or known[index]:
            continue
        data = bytes(cells[index].as_buffer())
        try:
            pictures[index] = open_picture(data, max_side=max_side, max_pixels=max_pixels)
        except ImageError as error:
            codes[index], details[index] = error.code, error.detail
    columns = {name: batch.column(name) for name in batch.column_names if name != "bytes"}
    columns["error"] = pa.array(codes, pa.string())
    columns["error_detail"] = pa.array(details, pa.string())
    columns["width"] = pa.array([each and each.width for each in pictures], pa.int32())
    columns["height"] = pa.array([each and each.height for each in pictures], pa.int32())
    columns["pixels"] = pa.array([each and each.pixels for each in pictures], pa.large_binary())
    return pa.table(columns)
