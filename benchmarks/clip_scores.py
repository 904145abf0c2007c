"""What it costs to score a batch of images by many classes: as tensors, and by NumPy as it was.

    uv run python -m benchmarks.clip_scores [--rounds 7] [--width 512] [--images 64] [--threads 1]

Both get unit features of one batch and give the five best classes of each image with their
probabilities, its label, and how far it is from the closest class. ``numpy`` is what replicas did
until 0.2: softmax, best classes, label and distances one after another, the product twice. The
sides take turns, in one process; CPU milliseconds a batch (all threads), medians, and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from actors.clip.image_scorer import Encoded, ImageScorer, Ranking
from actors.clip.lane import Lane
from benchmarks import machine
from methods.class_matrix import softmax_scores, top_k, unit_rows
from methods.classifier import Classifier

CLASSES = (1_000, 5_000, 21_841)
TOP = 5
SCALE = 100.0

Features = NDArray[np.float32]


def by_numpy(features: Features, matrix: Features) -> tuple[NDArray[np.int64], Features, Features]:
    """Columns and scores of the best classes, and distances."""
    scores = softmax_scores(features, matrix, SCALE)
    columns = top_k(scores, TOP)
    top_k(scores, 1)
    distances = 1 - (features @ matrix.T).max(axis=1)
    return columns, np.take_along_axis(scores, columns, axis=1), distances


def milliseconds(function: Callable[[], object]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    function()
    return 1000 * (time.process_time() - began)


def measured(classes: int, images: int, width: int, rounds: int) -> str:
    """One line of the table."""
    random = np.random.default_rng(classes)
    matrix = unit_rows(random.normal(size=(classes, width)).astype(np.float32))
    chosen = matrix[random.integers(0, classes, images)]
    noise = random.normal(size=(images, width)).astype(np.float32)
    features = unit_rows(chosen + unit_rows(noise))
    clip = {"name": "none", "fingerprint": "none", "embed_dim": width}
    labels = tuple(map(str, range(classes)))
    scorer = ImageScorer(Classifier(labels, matrix, clip, "zero_shot", SCALE))
    lane = Lane(torch.device("cpu"))

    def by_tensors() -> list[Ranking]:
        with lane.slot() as slot:
            return scorer.ranked(Encoded(slot.put(features), None), TOP, slot.take)

    columns, scores, distances = by_numpy(features, matrix)
    found = by_tensors()
    np.testing.assert_array_equal([each.top for each in found], columns)
    apart = max(
        np.abs(np.stack([each.top_scores for each in found]) - scores).max(),
        np.abs(np.array([each.distance for each in found]) - distances).max(),
    )
    times: dict[str, list[float]] = {"numpy": [], "tensors": []}
    for _ in range(rounds):
        times["numpy"].append(milliseconds(lambda: by_numpy(features, matrix)))
        times["tensors"].append(milliseconds(by_tensors))
    before, after = (statistics.median(times[side]) for side in ("numpy", "tensors"))
    ratio = statistics.median(np.divide(times["numpy"], times["tensors"]).tolist())
    return f"| {classes:,} | {before:.1f} | {after:.1f} | {ratio:.2f} | {apart:.0e} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(machine.describe())
    print(f"{args.images} images, {args.width} wide, {args.threads} threads of torch\n")
    print("| classes | numpy, CPU ms | tensors, CPU ms | ratio of pairs | scores differ by |")
    print("|---|---|---|---|---|")
    for classes in CLASSES:
        print(measured(classes, args.images, args.width, args.rounds))


if __name__ == "__main__":
    main()
