"""Time and memory of NeaR's candidate sets and of an epoch's split for large samples.

    uv run python -m benchmarks.near_scale [--images 50000] [--names 5000] [--width 512]

Random unit features and names; every step is the one that a fit runs. Memory is the highest
resident set of the process so far.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from benchmarks.machine import describe
from methods.class_matrix import unit_rows
from methods.near.candidates import candidate_sets, nearest_neighbours
from methods.near.clean_noisy_split import split_losses
from methods.near.predictions import candidate_probabilities, label_losses


def main() -> None:
    """Run the steps and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--names", type=int, default=5_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--neighbours", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    features = unit_rows(rng.standard_normal((options.images, options.width)).astype(np.float32))
    names = unit_rows(rng.standard_normal((options.names, options.width)).astype(np.float32))
    labels = rng.integers(-1, options.names, options.images)
    print(describe())
    print(f"{options.images} images, {options.names} names, {options.width} wide")
    print("| step | seconds | memory so far, GiB |")
    print("|---|---|---|")
    started = time.monotonic()

    def step(name: str) -> None:
        nonlocal started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(f"| {name} | {time.monotonic() - started:.1f} | {peak:.2f} |", flush=True)
        started = time.monotonic()

    step("features")
    neighbours = nearest_neighbours(features, options.neighbours)
    step("nearest neighbours")
    sets = candidate_sets(labels, neighbours)
    step("candidate sets")
    own = np.arange(options.images)[:, None]
    views = np.hstack([own, neighbours[:, :1]])
    probabilities = candidate_probabilities(
        torch.from_numpy(features), torch.from_numpy(names), sets, views, 100.0
    )
    step("probabilities of the candidates, one view")
    split = split_losses(label_losses(probabilities, labels, sets), labels >= 0)
    sets.given_by(labels, neighbours, split.clean)
    step("split, candidates kept")


if __name__ == "__main__":
    main()
