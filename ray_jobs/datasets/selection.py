"""Parts of a data set: CoOp's halves of its classes, and few images of each class.

What is drawn depends on the seed and the images' paths alone, not on their order.
"""

from __future__ import annotations

import hashlib
import math
from typing import Final

from methods.errors import InputError
from ray_jobs.datasets.base import Half, Table

_LARGEST: Final = 50
_ZIPF: Final = 2.0
MOST: Final = 10
"""Images of a class at the head of a long tail, as FineR has it."""


def half_of_classes(table: Table, half: Half) -> Table:
    """The base or the novel classes: the first ``ceil(C / 2)`` of C by number, or the others.

    CoOp's rule (``subsample_classes``), by which four of the papers divide.
    """
    if half == "all":
        return table
    middle = math.ceil(len(table.classes) / 2)
    kept = table.classes[:middle] if half == "base" else table.classes[middle:]
    return table.of_classes([each.id for each in kept])


def draw_images(table: Table, per_class: int | None, long_tail: bool, seed: int) -> Table:
    """Draw few images of each class: the discovery sets of FineR and NeaR.

    FineR shuffles the 50 largest files of a class and takes the first m, unseeded; here the same,
    seeded. Long-tailed, m is drawn for each class from Zipf's law with exponent 2, cut at 10, and
    the classes get what was drawn in descending order.

    Args:
        table: of a split, with one label an image.
        per_class: m, or with ``long_tail`` what m is cut at; None leaves all images, or cuts at 10.
        long_tail: whether classes get different numbers of images.
        seed: of the draw.

    Raises:
        InputError: images have several labels.
    """
    if per_class is None and not long_tail:
        return table
    if any(len(labels) != 1 for labels in table.labels):
        raise InputError(
            "--per-class and --long-tail draw images of one class each, and images of this data "
            "set have several labels; leave them out"
        )
    count = len(table.classes)
    most = MOST if per_class is None else per_class
    counts = _long_tail(count, most, seed) if long_tail else [most] * count
    rows: dict[str, list[int]] = {each.id: [] for each in table.classes}
    for row, (label,) in enumerate(table.labels):
        rows[label].append(row)
    kept = [
        row
        for each, wanted in zip(table.classes, counts, strict=True)
        for row in sorted(_drawn(table, rows[each.id], wanted, seed))
    ]
    return table.take(kept)


def _drawn(table: Table, rows: list[int], wanted: int, seed: int) -> list[int]:
    if table.pixels is None:
        size = {row: (table.root / table.images[row]).stat().st_size for row in rows}
        rows = sorted(rows, key=lambda row: (-size[row], table.images[row]))[:_LARGEST]
    return sorted(rows, key=lambda row: _digest(seed, table.images[row]))[:wanted]


def _long_tail(count: int, most: int, seed: int) -> list[int]:
    """Numbers of images of so many classes, in descending order, by inversion."""
    total = math.pi**2 / 6
    drawn = []
    for at in range(count):
        left = total * int.from_bytes(_digest(seed, f"long tail {at}")[:7], "big") / 2**56
        images = 1
        while images < most and left >= images**-_ZIPF:
            left -= images**-_ZIPF
            images += 1
        drawn.append(images)
    return sorted(drawn, reverse=True)


def _digest(seed: int, text: str) -> bytes:
    return hashlib.blake2b(f"{seed} {text}".encode("utf-8", "surrogatepass")).digest()
