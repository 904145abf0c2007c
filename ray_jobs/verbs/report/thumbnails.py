"""Small pictures for the page: JPEG data URIs, or the reason why there is none."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from PIL import Image

from actors.images.decode import decode_image
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from ray_jobs.pages.links import link_to_image

LONGER_SIDE: Final = 160
LONGER_SIDE_OF_MANY: Final = 128  # keeps a page with 60 galleries of photographs near 3 MB
_MANY: Final = 350
_QUALITY: Final = 70
_THREADS: Final = 8
_GONE: Final = ("missing", "not_a_file")


class ListedImages(Protocol):
    """Images with a manifest: those of a run, or of an embedding folder."""

    def manifest_rows(self, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The manifest rows of some images."""
        ...


@dataclass(frozen=True)
class Thumbnail:
    """Either ``uri`` (a data URI) or ``problem`` (an image error code) is set.

    ``link`` is where a browser opens the file itself, if it is one that it can.
    """

    uri: str | None = None
    problem: str | None = None
    link: str | None = None


def draw_thumbnails(
    run: ListedImages, rows: Iterable[Mapping[str, Any]], longer_side: int | None = None
) -> dict[int, Thumbnail]:
    """Draw one thumbnail per image.

    Args:
        run: whose manifest says how to read each image.
        rows: label rows with ``image_id``, ``path`` and ``uri``; images may repeat.
        longer_side: of the pictures [default: as small as their number asks for].

    Returns:
        A thumbnail for every image id of ``rows``; unreadable images give a problem.
    """
    wanted = {row["image_id"]: row for row in rows}
    listed = run.manifest_rows(list(wanted))
    sources = [listed.get(number, row) for number, row in wanted.items()]
    side = longer_side or (LONGER_SIDE if len(sources) <= _MANY else LONGER_SIDE_OF_MANY)
    with ThreadPoolExecutor(_THREADS) as pool:
        drawn = pool.map(lambda row: _draw(row, side), sources)
        return dict(zip(wanted, drawn, strict=True))


def _draw(row: Mapping[str, Any], side: int) -> Thumbnail:
    if not row.get("uri"):
        return Thumbnail(problem="missing")
    link = link_to_image(row)
    try:
        image = decode_image(fetch_bytes(row), shrink_to=side // 2)
    except ImageError as error:
        return Thumbnail(problem=error.code, link=None if error.code in _GONE else link)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    data = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    return Thumbnail(uri=data, link=link)
