"""Replicas that come with load and go without it, and what clients notice of either.

    uv run python -m benchmarks.serve.autoscaling [--clients 32] [--max-replicas 2] [--settle 20]
        [--settings max_batch=4] [--clip fieldguide]

The endpoint is deployed from a config with one replica at least. First one client sends without
pause, then many until as many replicas as allowed are there, then one again until one replica is
left. The delays are those of the application (10 s up, 300 s down), so this takes some minutes.
Anything but 200 and 429 is a failure, and there must be none: a replica that is not needed any more
leaves when it has answered what it has.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.serve.deployed import DeployedEndpoint
from benchmarks.serve.endpoint import draw_birds, fit_zero_shot
from benchmarks.serve.figures import (
    counted,
    failures,
    latencies_ms,
    percentile,
    print_head,
    print_row,
)
from benchmarks.serve.load import Job, LoadProcess
from fieldguide.world import NAMES

NAME = "birds"
_LONGEST_PHASE_S = 900.0


@dataclass(frozen=True)
class Phase:
    """A load, until the endpoint has so many replicas and `settle` seconds more."""

    name: str
    clients: int
    replicas: int


def run_phase(endpoint: DeployedEndpoint, job: Job, phase: Phase, settle: float) -> int:
    """Send, wait for the replicas, print a row; returns the failures."""
    before, began = len(endpoint.replicas()), time.monotonic()
    load = LoadProcess(job)
    time.sleep(1)
    while (now := len(endpoint.replicas())) != phase.replicas:
        if time.monotonic() - began > _LONGEST_PHASE_S - settle:
            raise SystemExit(f"{phase.name}: {now} replicas, not {phase.replicas}")
        time.sleep(0.5)
    took = time.monotonic() - began
    time.sleep(settle)
    samples = load.stop().samples
    seconds = time.monotonic() - began
    outcomes = Counter(sample.outcome for sample in samples)
    failed = failures(samples).total()
    latencies = latencies_ms(samples)
    print_row(
        phase.name,
        phase.clients,
        f"{before} to {len(endpoint.replicas())}",
        f"{took:.0f}",
        counted(outcomes),
        f"{outcomes['200'] / seconds:.1f}",
        f"{percentile(latencies, 0.5):.0f}",
        f"{percentile(latencies, 0.99):.0f}",
        failed,
    )
    return failed


def measure(root: Path, options: argparse.Namespace) -> int:
    """Run the three phases; returns the failures."""
    classifier = fit_zero_shot(root / "classifier", NAMES, options.clip)
    images = draw_birds(root / "birds")
    settings = {"replicas": 1, "max_replicas": options.max_replicas}
    for words in options.settings:
        name, _, value = words.partition("=")
        settings[name] = int(value)
    phases = [
        Phase("calm", 1, 1),
        Phase("busy", options.clients, options.max_replicas),
        Phase("calm again", 1, 1),
    ]
    failed = 0
    with DeployedEndpoint([(NAME, classifier)], settings) as endpoint:
        print(f"autoscaling: {settings}, CLIP {options.clip}; {machine.describe()}", flush=True)
        columns = ("load", "clients", "replicas", "reached after, s", "by status")
        print_head(*columns, "images/s", "p50, ms", "p99, ms", "failed")
        for phase in phases:
            job = Job(endpoint.port, images, _LONGEST_PHASE_S, clients=phase.clients)
            failed += run_phase(endpoint, job, phase, options.settle)
    return failed


def main() -> None:
    """Run the phases, print the table; fails if a request did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--max-replicas", type=int, default=2)
    parser.add_argument("--settle", type=float, default=20, help="seconds after it is reached")
    parser.add_argument("--settings", nargs="*", default=["max_batch=4"], metavar="NAME=NUMBER")
    parser.add_argument("--clip", default="fieldguide")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        failed = measure(Path(folder), options)
    print(f"\nfailed requests other than 429: {failed} (must be 0)")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
