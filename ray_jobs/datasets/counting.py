"""Whether what was read is what the data set is known to hold."""

from __future__ import annotations

from itertools import islice

from ray_jobs.datasets.base import Dataset, Half, Table

_SHOWN = 10


def expected_images(dataset: Dataset, table: Table, split: str, half: Half) -> int | None:
    """How many images a split, or its base or novel half, is known to hold; None if unknown."""
    whole = dataset.golden.get(table.protocol, {}).get(split)
    if half == "all":
        return whole
    same = whole is not None and whole == sum(dataset.halves.values())
    return dataset.halves.get(half) if same else None


def deviations(dataset: Dataset, table: Table, split: str, half: Half) -> list[str]:
    """What differs from what is known, a sentence each: classes, images, images that are missing.

    Args:
        dataset: the row of the registry.
        table: what was read, before images are drawn from it.
        split: which split it is.
        half: which half of the classes.
    """
    said = []
    if table.missing:
        shown = ", ".join(islice(table.missing, _SHOWN))
        more = ", ..." if len(table.missing) > _SHOWN else ""
        listed = len(table.missing) + len(table.images)
        said.append(
            f"{len(table.missing):,} of {listed:,} images that its lists name are not there and "
            f"are left out: {shown}{more}"
        )
    expected = expected_images(dataset, table, split, half)
    if expected is not None and expected != len(table.images):
        of_half = f" of {half} classes" if half != "all" else ""
        said.append(
            f"{len(table.images):,} images{of_half}, and {dataset.title} has {expected:,} "
            f"({table.protocol} {split})"
        )
    whole = dataset.class_count
    known = {"all": whole, "base": -(-whole // 2), "novel": whole // 2}[half]
    if known != len(table.classes):
        said.append(f"{len(table.classes):,} classes, and {dataset.title} has {known:,}")
    return said
