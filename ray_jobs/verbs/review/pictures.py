"""Images of a run as the page shows them: JPEGs of at most so many pixels a side."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from actors.images.decode import decode_image
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.review.sample import DrawnImage

LONGER_SIDE: Final = 1024
_QUALITY: Final = 85


def picture(run: RunReader, image: DrawnImage, side: int = LONGER_SIDE) -> bytes:
    """Read one image from where the run's manifest says it is, and scale it down.

    Raises:
        ImageError: it cannot be read, with its code.
    """
    row = run.manifest_rows([image.image_id]).get(image.image_id)
    if row is None:
        row = {"uri": image.uri}
    try:
        decoded = decode_image(fetch_bytes(row), shrink_to=side // 2)
    except ImageError:
        raise
    except OSError as error:
        raise ImageError("storage_error", str(error)) from error
    decoded.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    decoded.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
