"""What is computed from a load's notes, and how tables are printed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.serve.load import Notes, Sample


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Window:
    """The answers that came after the warm-up.

    Attributes:
        rate: answers of status 200 a second.
        p50, p99: their latencies, milliseconds.
        refused: other outcomes, counted.
    """

    rate: float
    p50: float
    p99: float
    refused: Counter[str]


def latencies_ms(samples: Iterable[Sample], outcome: str = "200") -> list[float]:
    """Latencies of one outcome, milliseconds."""
    return [1000 * s.latency for s in samples if s.outcome == outcome]


def failures(samples: Iterable[Sample]) -> Counter[str]:
    """Outcomes that clients do not expect, counted: all but 200 and 429."""
    return Counter(s.outcome for s in samples if s.outcome not in ("200", "429"))


def window(notes: Notes, warm_up: float, seconds: float) -> Window:
    """Count the answers that came within `seconds` after the warm-up.

    Those that come after the end are left out, so that the rate is that of full load.
    """
    first = notes.began + warm_up
    samples = [s for s in notes.samples if first <= s.answered < first + seconds]
    good = latencies_ms(samples)
    refused = Counter(s.outcome for s in samples if s.outcome != "200")
    return Window(len(good) / seconds, percentile(good, 0.5), percentile(good, 0.99), refused)


def counted(outcomes: Counter[str]) -> str:
    """Outcomes as text: '429: 12, 503: 1'; 'none' of none."""
    return ", ".join(f"{name}: {n}" for name, n in sorted(outcomes.items()) if n) or "none"


def print_row(*cells: object) -> None:
    """Print one row of a Markdown table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def print_head(*columns: str) -> None:
    """Print the head of a Markdown table."""
    print()
    print_row(*columns)
    print("|" + "---|" * len(columns), flush=True)


def verdict(name: str, value: float, limit: float, *, at_least: bool = False) -> None:
    """Print a ratio beside its target."""
    reached = value >= limit if at_least else value <= limit
    sign = ">=" if at_least else "<="
    print(f"{name}: {value:.3f} (target {sign} {limit:g}: {'reached' if reached else 'missed'})")
