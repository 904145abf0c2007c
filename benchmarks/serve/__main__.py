"""How close the endpoint comes to a bare loop of the same work, and what overload does to it.

    uv run python -m benchmarks.serve [--seconds 20] [--warm-up 5] [--repeats 3]
        [--clients 1 8 32 128] [--serve-flags FLAGS] [--overload] [--overload-flags FLAGS]

Both label the same 500x375 JPEGs with the same ViT-B-32 (random weights, two classes) on the same
cores. The bare side is one process: decode, resize, forward pass and scores, one image at a time
for its latency, in batches of 32 decoded with a thread per core for its rate. The endpoint is
`onoma serve`, asked by a load process of its own over keep-alive connections, one image a multipart
request; both the load and Ray's own processes take their share of the cores, and the table says how
much. Start-up and warm-up are excluded on both sides. They take turns, and while one side works the
other waits; medians over the turns, ratios within each turn.

With `--overload` the endpoint is started again with `--overload-flags`, its capacity is measured
(32 clients), then Poisson arrivals at 30 % and at 4 times that capacity, each sent at its own time
whatever is unanswered; latencies count from the scheduled arrival. `--repeats 0` leaves the first
part out.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import machine
from benchmarks.clip_pass import HEIGHT, WIDTH, draw, save_model
from benchmarks.serve.bare import BareProcess
from benchmarks.serve.endpoint import Endpoint, fit_zero_shot
from benchmarks.serve.figures import (
    Window,
    counted,
    percentile,
    print_head,
    print_row,
    verdict,
    window,
)
from benchmarks.serve.load import Job, Notes, run_load
from benchmarks.serve.overload import measure_overload

IMAGES = 64
RATE_CLIENTS = 32


@dataclass
class Turn:
    """What one turn measured.

    Attributes:
        bare_ms: latencies of the bare side.
        bare_rate: images a second of the bare side, batched.
        idle_cpu: cores the idle endpoint used meanwhile.
        points: the endpoint at each number of clients.
        load_cpu: cores the load process used at each.
    """

    bare_ms: list[float]
    bare_rate: float
    idle_cpu: float
    points: dict[int, Window] = field(default_factory=dict)
    load_cpu: dict[int, float] = field(default_factory=dict)


def closed_loop(endpoint: Endpoint, images: list[str], clients: int, seconds: float) -> Notes:
    """Load the endpoint with a number of clients."""
    return run_load(Job(endpoint.port, images, seconds, clients=clients))


def take_turn(
    bare: BareProcess, endpoint: Endpoint, images: list[str], options: argparse.Namespace
) -> Turn:
    """The bare side, then the endpoint."""
    cpu, began = endpoint.cpu_seconds(), time.monotonic()
    latencies, rate = bare.latency(options.seconds), bare.rate(options.seconds)
    idle = (endpoint.cpu_seconds() - cpu) / (time.monotonic() - began)
    turn = Turn(latencies, rate, idle)
    for clients in options.clients:
        notes = closed_loop(endpoint, images, clients, options.warm_up + options.seconds)
        turn.points[clients] = window(notes, options.warm_up, options.seconds)
        turn.load_cpu[clients] = notes.cpu_share
    return turn


def print_speed(turns: list[Turn], clients: list[int]) -> None:
    """Print the table of the first part, and its ratios."""
    median = statistics.median
    print_head("", "p50, ms", "p99, ms", "images/s", "other answers", "cores of the load")
    p50, p99 = (median(percentile(t.bare_ms, share) for t in turns) for share in (0.5, 0.99))
    print_row("bare, one at a time", f"{p50:.1f}", f"{p99:.1f}", f"{1000 / p50:.1f}", "", "")
    rate = median(t.bare_rate for t in turns)
    print_row("bare, batches of 32", "", "", f"{rate:.1f}", "", "")
    for count in clients:
        points = [t.points[count] for t in turns]
        print_row(
            f"endpoint, {count} client{'s' * (count > 1)}",
            f"{median(p.p50 for p in points):.1f}",
            f"{median(p.p99 for p in points):.1f}",
            f"{median(p.rate for p in points):.1f}",
            counted(sum((p.refused for p in points), Counter())),
            f"{median(t.load_cpu[count] for t in turns):.2f}",
        )
    print(f"\ncores the idle endpoint used beside the bare side: {median_idle(turns):.2f}")
    print_ratios(turns, clients)


def median_idle(turns: list[Turn]) -> float:
    """Cores the idle endpoint used."""
    return statistics.median(turn.idle_cpu for turn in turns)


def print_ratios(turns: list[Turn], clients: list[int]) -> None:
    """Print the ratios to the bare side that have a target."""
    if 1 in clients:
        ratios = [t.points[1].p50 / percentile(t.bare_ms, 0.5) for t in turns]
        verdict("p50 of one client / bare p50", statistics.median(ratios), 1.5)
    if RATE_CLIENTS in clients:
        ratios = [t.points[RATE_CLIENTS].rate / t.bare_rate for t in turns]
        name = f"rate of {RATE_CLIENTS} clients / bare batched rate"
        verdict(name, statistics.median(ratios), 0.8, at_least=True)


def measure_speed(
    root: Path, classifier: Path, images: list[str], options: argparse.Namespace
) -> None:
    """The first part."""
    bare = BareProcess(root / "images", root / "model")
    try:
        with Endpoint([f"two={classifier}"], options.serve_flags, root / "serve.log") as endpoint:
            print(f"ready after {endpoint.ready_s:.1f} s", flush=True)
            turns = []
            for number in range(options.repeats):
                turns.append(take_turn(bare, endpoint, images, options))
                print(f"turn {number + 1} of {options.repeats} done", flush=True)
            print_speed(turns, options.clients)
    finally:
        bare.stop()


def main() -> None:
    """Measure, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=5, help="seconds before each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--serve-flags", default="", help="flags of onoma serve")
    parser.add_argument("--overload", action="store_true")
    parser.add_argument("--overload-flags", help="flags of onoma serve under overload")
    options = parser.parse_args()
    print(f"serve: JPEGs of {WIDTH}x{HEIGHT}, ViT-B-32 fp32; {machine.describe()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw(root / "images", IMAGES)
        save_model(root / "model")
        classifier = fit_zero_shot(root / "classifier", ["cat", "dog"], str(root / "model"))
        images = [str(file) for file in sorted((root / "images").iterdir())]
        if options.repeats:
            measure_speed(root, classifier, images, options)
        if options.overload:
            flags = options.overload_flags or options.serve_flags
            log = root / "overload.log"
            with Endpoint([f"two={classifier}"], flags, log) as endpoint:
                measure_overload(endpoint, images, options.seconds, options.warm_up)


if __name__ == "__main__":
    main()
