"""Idle threads that spin, briefly or not at all: CLIP in one process, and in two side by side.

    uv run python -m benchmarks.waiting_threads [--clip ARCHITECTURE] [--batches 20]

OpenMP's threads wait for their next piece of work by spinning for some milliseconds unless they
are told otherwise, which is quick where every thread has a core. Jobs of Onoma have several models
and decode tasks on the same cores, and `actors.cores.SHORT_SPIN` for them. Printed are seconds and
CPU seconds of the same forward passes, the slower process of two, and their ratio to one process
alone that spins. A pair that takes fifty times as long as it should is ended and has no figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from actors.cores import SHORT_SPIN, SPIN_VARIABLES, usable_cores
from benchmarks.machine import describe

POLICIES: dict[str, dict[str, str]] = {
    "spin, as by default": {},
    "spin briefly (SHORT_SPIN)": SHORT_SPIN,
    "sleep (OMP_WAIT_POLICY=PASSIVE)": {"OMP_WAIT_POLICY": "PASSIVE"},
}
_WARM_UP = 3
_TOO_LONG = 50


def forward(architecture: str, batches: int) -> None:
    """In a process of its own: wait for a line, pass batches, print seconds and CPU seconds."""
    import open_clip
    import torch

    torch.set_num_threads(usable_cores())
    model = open_clip.create_model(architecture, pretrained=None).eval()
    size = open_clip.get_model_config(architecture)["vision_cfg"]["image_size"]
    images = torch.randn(16, 3, size, size)
    with torch.inference_mode():
        for _ in range(_WARM_UP):
            model.encode_image(images)
        print("ready", flush=True)
        sys.stdin.readline()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(batches):
            model.encode_image(images)
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)


def side_by_side(
    processes: int, policy: dict[str, str], options: argparse.Namespace, limit: float | None
) -> list[float] | None:
    """Seconds and CPU seconds of the slowest of some processes that begin together.

    None where they have not ended within ``limit`` seconds.
    """
    kept = {name: value for name, value in os.environ.items() if name not in SPIN_VARIABLES}
    environment = {**kept, **policy}
    words = ["--clip", options.clip, "--batches", str(options.batches), "--forward"]
    command = [sys.executable, "-m", "benchmarks.waiting_threads", *words]
    started = []
    for _ in range(processes):
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":  # one after the other: none waits beside work
            raise RuntimeError(f"{' '.join(command)} did not start")
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    try:
        return max(json.loads(each.communicate(timeout=limit)[0]) for each in started)
    except subprocess.TimeoutExpired:
        return None
    finally:
        for each in started:
            each.kill()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", default="ViT-B-32", help="architecture of open_clip")
    parser.add_argument("--batches", type=int, default=20, help="of 16 images")
    parser.add_argument("--forward", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.forward:
        forward(options.clip, options.batches)
        return
    print(f"{options.clip}, {options.batches} batches of 16; {describe()}")
    print("| idle threads | processes | seconds | CPU s | times as long |\n|---|---|---|---|---|")
    alone = None
    for name, policy in POLICIES.items():
        for processes in (1, 2):
            limit = _TOO_LONG * processes * alone if alone else None
            found = side_by_side(processes, policy, options, limit)
            if found is None:
                cells = f"over {limit:.0f} | | over {_TOO_LONG * processes}"
            else:
                wall, cpu = found
                alone = alone or wall
                cells = f"{wall:.2f} | {cpu:.2f} | {wall / alone:.2f}"
            print(f"| {name} | {processes} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
