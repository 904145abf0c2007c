"""A cascade whose answers teach, by budget, beside one that asks about uncertain images.

    uv run python -m benchmarks.cascade_head [--seeds 9501 9502] [--count 1000] \
        [--edition 2 --clip CLIP --mllm MLLM] [--work FOLDER]

Every figure is of a run of the real command: one with every image asked about, and for each budget
one with the head and one without (``--no-learn``). Answers that an earlier run has had come from
the response cache. Printed: accuracy, and the share of what asking about every image gains; and of
the answers that were left out in turn, how many CLIP and the head name.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cascade import BUDGETS, Archive, archive_parser
from benchmarks.machine import describe


class Run(NamedTuple):
    """What one run came to: its accuracy, and what is known of its head."""

    accuracy: float
    learned: dict[str, Any]


def run(archive: Archive, budget: str, learn: bool) -> Run:
    """Label an archive within a budget by the real command."""
    out = f"{archive.run_uri}-{budget.rstrip('%')}-{'head' if learn else 'plain'}"
    record = archive.label(out, budget, learn=learn)
    rows = archive.rows(out)
    right = [
        rows[image]["label"] == true
        for image, true in zip(archive.ids.tolist(), archive.true, strict=True)
    ]
    return Run(float(np.mean(right)), record["cascade"].get("learned", {}))


def print_table(archives: Sequence[Archive]) -> None:
    """Accuracy by budget, without and with a head; means over archives."""
    clip = float(np.mean([each.clip.mean() for each in archives]))
    every = float(np.mean([each.asked.mean() for each in archives]))

    def cell(runs: Sequence[Run]) -> str:
        value = float(np.mean([each.accuracy for each in runs]))
        return f"{value:.3f} ({(value - clip) / (every - clip):.0%})"

    print("| asked about | --no-learn | answers teach | left out: CLIP names | the head names |")
    print("|---|---|---|---|---|")
    for budget in BUDGETS:
        plain, taught = ([run(each, budget, learn) for each in archives] for learn in (False, True))
        said = [
            f"{np.mean([each.learned[key] for each in taught]):.3f}"
            for key in ("agreed_before", "agreed")
        ]
        print(f"| {budget} | {cell(plain)} | {cell(taught)} | {said[0]} | {said[1]} |", flush=True)
    print(f"CLIP alone {clip:.3f}, every image asked about {every:.3f}")


def main() -> None:
    """Label, with and without a head, and print what each gives."""
    parser = archive_parser(__doc__)
    parser.set_defaults(
        seeds=[9501, 9502], count=1000, edition="2", clip="fieldguide-2", mllm="fieldguide-2"
    )
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas(options.mllm):
        root = options.work or Path(temporary)
        archives = [Archive(root, seed, options) for seed in options.seeds]
        print(describe())
        print_table(archives)


if __name__ == "__main__":
    main()
