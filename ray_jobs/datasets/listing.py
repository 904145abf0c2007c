"""The data sets as a table, for the page about them."""

from __future__ import annotations

from ray_jobs.datasets.base import Dataset
from ray_jobs.datasets.registry import DATASETS


def markdown_table() -> str:
    """The table of ``docs/datasets.md``."""
    lines = [
        "| `NAME` | what it is | classes | images | names | layout, licence |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, DATASETS.values())])


def _row(dataset: Dataset) -> str:
    counts = []
    for who, images in dataset.golden.items():
        said = ", ".join(f"{split} {count:,}" for split, count in images.items())
        counts.append(f"{who}: {said}" if len(dataset.golden) > 1 else said)
    if dataset.halves:
        counts.append(", ".join(f"{half} {count:,}" for half, count in dataset.halves.items()))
    fields = (
        f"`{dataset.name}`",
        f"[{dataset.title}]({dataset.published})",
        f"{dataset.class_count:,}",
        "; ".join(counts) or "not known",
        ", ".join(dataset.names),
        f"{dataset.layout}. {dataset.licence[0].upper()}{dataset.licence[1:]}.",
    )
    return f"| {' | '.join(fields)} |"
