"""What the pictures themselves show: twins with different labels, and writing in them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from actors.cores import usable_cores
from actors.images.decode import decode_image
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from actors.images.writing import WritingReader, can_read
from methods.audit.outstanding import difference_hash
from methods.splitmix64 import splitmix64
from methods.written_words import read_words
from ray_jobs.verbs.audit.labellers import Archive

logger = logging.getLogger(f"onoma.{__name__}")

_AT_ONCE = 256


@dataclass(frozen=True)
class Looked:
    """What was found in the pictures that were looked at.

    Attributes:
        positions: of the images looked at that could be decoded.
        hashes: of their pixels.
        writing: rows of the pictures with words in them.
        note: what was left out, in a sentence.
    """

    positions: list[int]
    hashes: list[int]
    writing: list[dict[str, Any]]
    note: str | None


def look_at_pictures(
    archive: Archive, most: int, classes: Sequence[str], shown: Sequence[str], seed: int
) -> Looked:
    """Look at pictures: all, or so many drawn by their id, the same at any order of rows.

    Args:
        archive: the run's rows.
        most: pictures at most.
        classes: the labels.
        shown: what the classes are called, in the order of ``classes``.
        seed: of the draw.
    """
    drawn = np.argsort(splitmix64(archive.ids.view(np.uint64) ^ np.uint64(seed)), kind="stable")
    wanted = sorted(drawn[:most].tolist())
    notes = []
    if most < len(drawn):
        notes.append(f"{most:,} of {len(drawn):,} pictures were looked at (--look)")
    reader = WritingReader() if most and can_read() else None
    if most and reader is None:
        notes.append(
            "writing in pictures was not looked for: that needs the extra audit (rapidocr, "
            "onnxruntime)"
        )
    positions: list[int] = []
    hashes: list[int] = []
    writing = []

    def one(place: int, row: dict[str, Any] | None) -> tuple[int, int, str] | None:
        if row is None:
            return None
        try:
            image = decode_image(fetch_bytes(row))
        except ImageError:
            return None
        small = image.convert("L").resize((17, 16), Image.Resampling.BOX)
        text = reader(image) if reader is not None else ""
        return place, difference_hash(np.asarray(small)), text

    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(wanted), _AT_ONCE):
            block = wanted[start : start + _AT_ONCE]
            rows = archive.run.manifest_rows([int(archive.ids[at]) for at in block])
            listed = [rows.get(int(archive.ids[at])) for at in block]
            for found in pool.map(one, block, listed):
                if found is None:
                    continue
                place, bits, text = found
                positions.append(place)
                hashes.append(bits)
                if (words := read_words(text, shown)) is not None:
                    writing.append(
                        {
                            "image_id": int(archive.ids[place]),
                            "path": archive.paths[place],
                            "label": archive.labels[place],
                            "kinds": list(words.kinds),
                            "classes": [classes[at] for at in words.classes],
                            "text": text[:200],
                        }
                    )
            logger.info("looked at %d of %d pictures", min(start + _AT_ONCE, len(wanted)), most)
    if missing := len(wanted) - len(positions):
        notes.append(f"{missing:,} of the pictures could not be read any more")
    return Looked(positions, hashes, writing, "; ".join(notes) or None)
