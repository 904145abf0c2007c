"""What the samples say: memory and speed by tenth of the archive, and what lies in the folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scale.watching import (
    DRIVER_RSS,
    GCS,
    HELPERS,
    PARTS,
    RAYLET,
    STORE,
    WORKERS,
    Sample,
    Watched,
)

_MIB = 1 << 20


@dataclass(frozen=True)
class Stretch:
    """A part of a run: listing, starting, or a tenth of the archive.

    Attributes:
        name: for the table.
        peaks: most bytes of each part while it lasted, and of all together.
        rate: images a second; None where none were labelled.
        samples: how many the peaks are of.
    """

    name: str
    peaks: dict[str, int]
    rate: float | None
    samples: int


def stretches(seen: Watched, rows: int) -> list[Stretch]:
    """Divide what was seen of one command into listing, starting and tenths of the archive."""
    first = seen.first_rows or float("inf")
    last = seen.ticks[-1][1] if seen.ticks else 0
    found = [
        _stretch("listing", seen, lambda s: s.at < seen.listed, None),
        _stretch("starting", seen, lambda s: seen.listed <= s.at < first, None),
    ]
    for number in range(10):
        low, high = number * rows // 10, (number + 1) * rows // 10
        name = f"{max(low, seen.rows_before):,} to {min(high, last):,}"
        found.append(_stretch(name, seen, _between(first, low, high), rate(seen, low, high)))
    return [each for each in found if each.samples or each.rate]


def _between(first: float, low: int, high: int) -> Callable[[Sample], bool]:
    # the last sample of all belongs to the last tenth
    return lambda sample: sample.at >= first and low < max(1, sample.rows) <= high


def _stretch(
    name: str, seen: Watched, belongs: Callable[[Sample], bool], speed: float | None
) -> Stretch:
    mine = [sample for sample in seen.samples if belongs(sample)]
    peaks = {part: max((s.memory[part] for s in mine), default=0) for part in (*PARTS, DRIVER_RSS)}
    peaks["total"] = max((sample.total for sample in mine), default=0)
    return Stretch(name, peaks, speed, len(mine))


def rate(seen: Watched, low: int, high: int) -> float | None:
    """Images a second between two counts of rows; from the first ones committed on."""
    if not seen.ticks:
        return None
    low, high = max(low, seen.ticks[0][1]), min(high, seen.ticks[-1][1])
    seconds = moment(seen, high) - moment(seen, low) if high > low else 0.0
    return (high - low) / seconds if seconds else None


def moment(seen: Watched, rows: int) -> float:
    """When so many rows were committed, in seconds, between the moments that were seen."""
    before = seen.ticks[0]
    for tick in seen.ticks:
        if tick[1] >= rows:
            share = (rows - before[1]) / (tick[1] - before[1]) if tick[1] > before[1] else 1.0
            return before[0] + share * (tick[0] - before[0])
        before = tick
    return before[0]


def print_table(seen: Watched, rows: int) -> list[dict[str, Any]]:
    """Print peaks and speed by stretch; returns them."""
    columns = (DRIVER_RSS, WORKERS, "Ray's own", STORE, "total", "images/s")
    print(f"{'labelled':>24}" + "".join(f"{name:>14}" for name in columns))
    found = stretches(seen, rows)
    for each in found:
        peaks = {**each.peaks, "Ray's own": sum(each.peaks[p] for p in (RAYLET, GCS, HELPERS))}
        cells = "".join(f"{peaks[name] / _MIB:>14,.0f}" for name in columns[:-1])
        cells = cells if each.samples else f"{'':{14 * (len(columns) - 1)}}"
        speed = f"{each.rate:,.0f}" if each.rate else ""
        print(f"{each.name:>24}{cells}{speed:>14}", flush=True)
    return [
        {
            "labelled": each.name,
            "images_per_second": each.rate,
            "samples": each.samples,
            "peak_bytes": each.peaks,
        }
        for each in found
    ]


def folder_figures(folder: Path) -> dict[str, int]:
    """Files and bytes of a folder."""
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return {"files": len(sizes), "bytes": sum(sizes)}
