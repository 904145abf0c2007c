"""Two ways to keep a replica across passes: a plain Ray actor's handle and a Ray Serve handle.

    uv run python -m benchmarks.replica_calls [--calls 200] [--repeats 3]

Both host the same echo class and get what a batch of an MLLM pass gets: 64 requests with a picture
of 72x72 pixels each. Serve starts without HTTP and without its access log, since nothing but
handles is wanted of it. Each side runs in a process and a Ray of its own, taking turns; Ray itself
is up before the clock starts.

first answer  seconds from asking for the replica until its first answer
processes     those of Ray that are added: the replica, and what comes with it
driver call   milliseconds until a batch is answered, from the process that holds the handle, one
              call after another, median
task call     the same from tasks, each of which gets the handle: how stages of Ray Data ask
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
import psutil

from actors.mllm.request import DecodedImage, Request, Response
from benchmarks import machine

BATCH, SIDE, WARM_UP = 64, 72, 10
SIDES = ("actor", "serve")
CELLS = {
    "first answer, s": ".2f",
    "processes": ".0f",
    "driver call, ms": ".2f",
    "task call, ms": ".2f",
}


class Echo:
    """Answers at once, so that what is measured is the way there and back."""

    async def generate(self, requests: list[Request]) -> list[Response]:
        """Return each request's text and the size of its picture."""
        return [Response(each.text, "stop", len(each.pictures[0].pixels), 1) for each in requests]


def batch() -> list[Request]:
    """A batch of requests, no two pictures alike."""
    rng = np.random.default_rng(0)
    pictures = [DecodedImage(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)) for _ in range(BATCH)]
    return [Request("What is in this image?", (picture,)) for picture in pictures]


def start_actor() -> Any:
    """Ask for a plain actor; returns its handle."""
    import ray

    return ray.remote(Echo).options(num_cpus=0).remote()


def start_serve() -> Any:
    """Deploy with Serve; returns the deployment's handle."""
    from ray import serve

    serve.start(proxy_location="Disabled", logging_config={"enable_access_log": False})
    echo: Any = serve.deployment(
        Echo, ray_actor_options={"num_cpus": 0}, max_ongoing_requests=BATCH, num_replicas=1
    )
    return serve.run(echo.bind(), route_prefix=None)


def call(handle: Any, requests: list[Request]) -> float:
    """Ask either kind of handle and wait; returns the seconds it took."""
    import ray

    began = time.perf_counter()
    said = handle.generate.remote(requests)
    answers = ray.get(said) if isinstance(said, ray.ObjectRef) else said.result()
    if len(answers) != BATCH:
        raise SystemExit("answers are missing")
    return time.perf_counter() - began


def call_from_tasks(handle: Any, calls: int) -> list[float]:
    """Ask from one task after another, each given the handle; returns the seconds of each call."""
    import ray

    @ray.remote
    def task(given: Any) -> float:
        return call(given, batch())

    return [ray.get(task.remote(handle)) for _ in range(calls)]


def working_processes() -> int:
    """Processes of this Ray that are not idle workers."""
    count = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            title = " ".join(process.cmdline())
            count += title.startswith("ray::") and "IDLE" not in title
    return count


def measure(side: str, calls: int) -> dict[str, float]:
    """Start one side in this process and call it."""
    import ray

    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    requests = batch()
    count: Any = ray.remote(len)
    ray.get(count.remote(requests))  # the first worker is up
    before = working_processes()
    began = time.perf_counter()
    handle = start_actor() if side == "actor" else start_serve()
    call(handle, requests)
    first = time.perf_counter() - began
    seconds = [call(handle, requests) for _ in range(WARM_UP + calls)]
    in_tasks = call_from_tasks(handle, WARM_UP + calls)
    per_call = [1000 * statistics.median(each[WARM_UP:]) for each in (seconds, in_tasks)]
    return dict(zip(CELLS, (first, working_processes() - before, *per_call), strict=True))


def main() -> None:
    """Measure both sides in turns, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.calls)))
        return
    print(f"replica_calls: batches of {BATCH} requests of {SIDE}x{SIDE}x3 bytes", end="; ")
    print(machine.describe())
    print(f"{'':8}" + "".join(f"{name:>18}" for name in CELLS))
    results: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(options.repeats):
        for side in SIDES:
            results[side].append(in_own_process(side, options.calls))
            print(row(side, results[side][-1]), flush=True)
    report(results)


def in_own_process(side: str, calls: int) -> dict[str, float]:
    """Measure one side in a process that ends with it."""
    script = [sys.executable, "-m", "benchmarks.replica_calls", "--side", side]
    done = subprocess.run(
        [*script, "--calls", str(calls)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(side: str, found: dict[str, float]) -> str:
    """One line of the table."""
    return f"{side:8}" + "".join(f"{found[name]:>18{cell}}" for name, cell in CELLS.items())


def report(results: dict[str, list[dict[str, float]]]) -> None:
    """Print the medians, and Serve's beside the actor's."""
    medians = {
        side: {name: statistics.median(turn[name] for turn in turns) for name in CELLS}
        for side, turns in results.items()
    }
    print("medians")
    for side, found in medians.items():
        print(row(side, found))
    actor, serve = (medians[side] for side in SIDES)
    start, processes, from_driver, from_task = CELLS
    print(
        f"Serve: {serve[start] - actor[start]:+.1f} s to the first answer, "
        f"{serve[processes] - actor[processes]:+.0f} processes, "
        f"{serve[from_driver] / actor[from_driver]:.2f} times as long for a call from the driver "
        f"and {serve[from_task] / actor[from_task]:.2f} times from a task"
    )


if __name__ == "__main__":
    main()
