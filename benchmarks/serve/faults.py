"""What clients notice of a killed replica, a swapped classifier and a rolling update.

    uv run python -m benchmarks.serve.faults [--clients 8] [--replicas 2] [--settle 10]
        [--clip fieldguide] [--rounds 1]

The endpoint is deployed from a config, with two CLIP replicas. A load of 8 clients, in a process of
its own, never stops while

* kill: one replica's process gets SIGKILL, and Serve starts another;
* swap: the config's `user_config` names another version of the classifier, in running replicas;
* update: the config changes the environment of the deployment, so that every replica is replaced.

Each phase lasts from `--settle` seconds before to as long after Serve says that all is healthy.
Every answer is counted, by status and by the version of the classifier that gave it; 429 is an
answer clients expect under load, anything else but 200 is a failure, and there must be none. The
longest gap is between two answers of status 200, of all clients together.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks import machine
from benchmarks.serve.deployed import Config, DeployedEndpoint, user_config
from benchmarks.serve.endpoint import draw_birds, fit_zero_shot
from benchmarks.serve.figures import (
    counted,
    failures,
    latencies_ms,
    percentile,
    print_head,
    print_row,
)
from benchmarks.serve.load import Job, LoadProcess, Sample
from fieldguide.world import NAMES

NAME = "birds"
_LONGEST_PHASE_S = 600.0
Phase = Callable[[], None]


def kill(endpoint: DeployedEndpoint, rng: random.Random) -> None:
    """Kill a replica and wait until there is another."""
    before = endpoint.replicas()
    victim = rng.choice(sorted(before))
    os.kill(victim, signal.SIGKILL)
    endpoint.wait_until_running(
        lambda: victim not in endpoint.replicas() and len(endpoint.replicas()) >= len(before)
    )


def swap(endpoint: DeployedEndpoint, classifier: Path) -> None:
    """Serve another version under the same name, and wait until the endpoint lists it."""
    before = endpoint.version()

    def edit(deployment: Config) -> None:
        deployment["user_config"] = user_config([(NAME, classifier)])

    endpoint.change(edit)
    endpoint.wait_until_running(lambda: endpoint.version() not in ("", before))


def update(endpoint: DeployedEndpoint, number: int) -> None:
    """Replace every replica, and wait until none of the old ones is left."""
    before = endpoint.replicas()

    def edit(deployment: Config) -> None:
        environment = {"env_vars": {"ONOMA_UPDATE": str(number)}}
        deployment["ray_actor_options"] = {"num_cpus": 0, "runtime_env": environment}

    endpoint.change(edit)
    endpoint.wait_until_running(lambda: not before & endpoint.replicas())


def run_phase(job: Job, settle: float, act: Phase) -> tuple[list[Sample], float]:
    """Act under load; returns all answers, and the seconds until all was healthy again."""
    load = LoadProcess(job)
    time.sleep(settle)
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    time.sleep(settle)
    return load.stop().samples, took


def longest_gap(samples: list[Sample]) -> float:
    """Seconds between two answers of status 200."""
    times = sorted(s.answered for s in samples if s.outcome == "200")
    return max((later - earlier for earlier, later in pairwise(times)), default=float("nan"))


def mixed_seconds(samples: list[Sample]) -> float:
    """How long answers of an old version came after the first of a new one."""
    good = sorted((s for s in samples if s.version), key=lambda s: s.answered)
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for sample in good:
        first.setdefault(sample.version, sample.answered)
        last[sample.version] = sample.answered
    ordered = sorted(first, key=lambda version: first[version])
    return max((last[old] - first[new] for old, new in pairwise(ordered)), default=0.0)


def print_phase(name: str, samples: list[Sample], took: float) -> int:
    """Print one row; returns the failures."""
    failed = failures(samples).total()
    versions = Counter(s.version for s in samples if s.version)
    print_row(
        name,
        f"{took:.1f}",
        len(samples),
        counted(Counter(s.outcome for s in samples)),
        counted(versions),
        f"{max(0.0, mixed_seconds(samples)):.2f}",
        f"{longest_gap(samples):.2f}",
        f"{percentile(latencies_ms(samples), 0.99):.0f}",
        failed,
    )
    return failed


def main() -> None:
    """Run the phases, print the table; fails if a request did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--settle", type=float, default=10, help="seconds before and after")
    parser.add_argument("--clip", default="fieldguide")
    parser.add_argument("--rounds", type=int, default=1, help="how often all three are done")
    parser.add_argument("--seed", type=int, default=0, help="of the replicas killed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        failed = measure(Path(folder), options)
    print(f"\nfailed requests other than 429: {failed} (must be 0)")
    raise SystemExit(1 if failed else 0)


def measure(root: Path, options: argparse.Namespace) -> int:
    """Run all phases; returns the failures."""
    versions = [
        fit_zero_shot(root / "first", NAMES, options.clip),
        fit_zero_shot(root / "second", NAMES[:-1], options.clip),
    ]
    images = draw_birds(root / "birds")
    rng = random.Random(options.seed)
    failed = 0
    with DeployedEndpoint([(NAME, versions[0])], {"replicas": options.replicas}) as endpoint:
        job = Job(
            endpoint.port, images, _LONGEST_PHASE_S, clients=options.clients, read_version=True
        )
        print(f"faults: {options.clients} clients, {options.replicas} replicas, ", end="")
        print(f"CLIP {options.clip}; {machine.describe()}", flush=True)
        columns = ("phase", "healthy after, s", "answers", "by status", "by version")
        print_head(*columns, "both versions for, s", "longest gap, s", "p99, ms", "failed")
        for number in range(options.rounds):
            phases: dict[str, Phase] = {
                "kill": lambda: kill(endpoint, rng),
                "swap": partial(swap, endpoint, versions[(number + 1) % 2]),
                "update": partial(update, endpoint, number),
            }
            for name, act in phases.items():
                failed += print_phase(name, *run_phase(job, options.settle, act))
    return failed


if __name__ == "__main__":
    main()
