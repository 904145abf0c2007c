"""Resident memory of an endpoint's processes while it is used, and whether it grows.

Shared memory is left out (`benchmarks.memory.private`): pages of the object store count for every
process that has touched them, and are bounded by its size. The slope is that of a straight line
through what was read after the warm-up; a cache that fills shows as a slope that falls, a leak as
one that stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.memory import MIB, private
from benchmarks.serve.endpoint import Endpoint
from benchmarks.serve.figures import print_head, print_row

TOGETHER = "together"


@dataclass
class Resident:
    """What was read so far.

    Attributes:
        endpoint: whose processes are read.
        requests: requests sent until each reading.
        mib: private resident memory at each, by kind of process.
    """

    endpoint: Endpoint
    requests: list[int] = field(default_factory=list)
    mib: list[dict[str, float]] = field(default_factory=list)

    def read(self, requests: int) -> None:
        """Read the memory now."""
        now = {
            name: sum(private(process) for process in processes) / MIB
            for name, processes in self.endpoint.serve_processes().items()
        }
        self.requests.append(requests)
        self.mib.append({**now, TOGETHER: sum(now.values())})

    def names(self) -> list[str]:
        """Kinds of processes, all together last."""
        found = sorted({name for reading in self.mib for name in reading} - {TOGETHER})
        return [*found, TOGETHER]

    def slope(self, name: str, warm_up: int) -> float:
        """MiB that 1,000 requests add, after the warm-up; NaN of fewer than two readings."""
        pairs = [
            (requests, reading[name])
            for requests, reading in zip(self.requests, self.mib, strict=True)
            if requests >= warm_up and name in reading
        ]
        if len(pairs) < 2:
            return float("nan")
        x, y = np.array(pairs).T
        return 1000 * float(np.polyfit(x, y, 1)[0])

    def print(self, warm_up: int) -> None:
        """Print the table of readings and slopes."""
        names = self.names()
        print("\nresident memory, MiB, shared memory excluded")
        print_head("requests", *names)
        for requests, reading in zip(self.requests, self.mib, strict=True):
            cells = (f"{reading[name]:.1f}" if name in reading else "" for name in names)
            print_row(f"{requests:,}", *cells)
        slopes = [self.slope(name, warm_up) for name in names]
        print_row("slope per 1,000", *("" if s != s else f"{s:+.2f}" for s in slopes))
