"""CPU seconds until a command answers that needs no model: help, and every wrong use.

    uv run python -m benchmarks.first_words

Each is a process of its own, run a few times; the least CPU of them is what it costs. The first row
is an empty Python, which is in all the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

REPEATS = 5
USES: Sequence[Sequence[str]] = (
    ("--help",),
    ("lable",),
    ("label", "--help"),
    ("label", "slac", "--help"),
    ("label", "slac", "--help-all"),
    ("label", "slac", "--mlm", "x"),
    ("label", "slac"),
    ("label", "slac", "--images", "no-such", "--classes", "LICENSE", "--out", "no-such-run"),
    ("fit", "data_free", "--help"),
    ("status", "--help"),
    ("completion", "bash"),
)


def cpu_seconds(command: Sequence[str]) -> float:
    """The least CPU, user and system, of some runs of a command."""
    least = float("inf")
    for _ in range(REPEATS):
        before = os.times()
        subprocess.run(command, capture_output=True, check=False)
        after = os.times()
        spent = after.children_user + after.children_system
        least = min(least, spent - before.children_user - before.children_system)
    return least


def main() -> None:
    """Print a table."""
    print(f"{'python -c pass':<32} {cpu_seconds([sys.executable, '-c', 'pass']):.2f} s")
    for use in USES:
        seconds = cpu_seconds([sys.executable, "-m", "ray_jobs", *use])
        print(f"{' '.join(('onoma', *use)):<32} {seconds:.2f} s")


if __name__ == "__main__":
    main()
