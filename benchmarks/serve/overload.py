"""What overload does to the endpoint: those it accepts stay fast, the rest are told so at once.

Capacity is the rate of a closed loop of 32 clients. Then Poisson arrivals at 30 % of it, and at 4
times of it. Every arrival counts, and its latency from the time it was scheduled at, so that a
stalled endpoint cannot hide behind a load that waits for it. Only the warm-up at low load is left
out: under overload the first second is part of the truth.
"""

from __future__ import annotations

from benchmarks.serve.endpoint import Endpoint
from benchmarks.serve.figures import (
    counted,
    failures,
    latencies_ms,
    percentile,
    print_head,
    print_row,
    verdict,
    window,
)
from benchmarks.serve.load import Job, Notes, Sample, run_load

CAPACITY_CLIENTS = 32
LOW_SHARE, OVERLOAD = 0.3, 4.0
_SLOWDOWN, _REFUSAL_MS = 3.0, 50.0


def measure_overload(endpoint: Endpoint, images: list[str], seconds: float, warm_up: float) -> None:
    """Measure capacity, low load and overload; print the table and the verdicts."""
    job = Job(endpoint.port, images, warm_up + seconds, clients=CAPACITY_CLIENTS)
    full = window(run_load(job), warm_up, seconds)
    print(f"\noverload: capacity {full.rate:.1f} images/s ({CAPACITY_CLIENTS} clients; ", end="")
    print(f"other answers: {counted(full.refused)})", flush=True)
    if not full.rate:
        raise SystemExit("no request was answered with 200")
    columns = ("arrivals/s", "accepted", "p50, ms", "p99, ms", "429", "429 p50 / p99 / max, ms")
    print_head(*columns, "other answers", "sent late, p99, ms")
    low_rate, high_rate = LOW_SHARE * full.rate, OVERLOAD * full.rate
    notes = run_load(Job(endpoint.port, images, warm_up + seconds, rate=low_rate, seed=1))
    low = [s for s in notes.samples if s.due >= notes.began + warm_up]
    print_load(low_rate, low)
    high_notes = run_load(Job(endpoint.port, images, seconds, rate=high_rate, seed=2))
    print_load(high_rate, high_notes.samples)
    print_verdicts(low, high_notes)


def print_load(rate: float, samples: list[Sample]) -> None:
    """Print one row of the table."""
    accepted, refused = latencies_ms(samples), latencies_ms(samples, "429")
    others = failures(samples)
    shares = (percentile(refused, 0.5), percentile(refused, 0.99), max(refused, default=0.0))
    print_row(
        f"{rate:.1f}",
        len(accepted),
        f"{percentile(accepted, 0.5):.1f}",
        f"{percentile(accepted, 0.99):.1f}",
        f"{len(refused)} ({len(refused) / max(1, len(samples)):.1%})",
        " / ".join(f"{value:.1f}" for value in shares) if refused else "",
        counted(others),
        f"{percentile([1000 * s.late for s in samples], 0.99):.1f}",
    )


def print_verdicts(low: list[Sample], high: Notes) -> None:
    """Print what has a target."""
    slowdown = percentile(latencies_ms(high.samples), 0.99) / percentile(latencies_ms(low), 0.99)
    print()
    verdict("p99 of accepted under overload / at low load", slowdown, _SLOWDOWN)
    refused = latencies_ms(high.samples, "429")
    verdict("p99 of 429 under overload, ms", percentile(refused, 0.99), _REFUSAL_MS)
    verdict("slowest 429 under overload, ms", max(refused, default=float("nan")), _REFUSAL_MS)
    failed = failures(high.samples).total()
    verdict("answers under overload other than 200 and 429", failed, 0)
    print(f"cores the load process used: {high.cpu_share:.2f}")
