"""Break real jobs on purpose, and compare what they write with that of an undisturbed run.

    uv run python -m benchmarks.faults [--only NAME ...] [--images 400] [--seed 0] [--keep DIR]

driver        SIGKILL to the driver's process group at 10 random moments of `label slac`, the same
              command again after each
clip_actor    SIGKILL to the CLIP replica in the middle of `label zero_shot`
mllm_replica  SIGKILL to the MLLM replica in the middle of a batch of `label slac`
node          a cluster of a head and two worker nodes, one of which dies in mid-run of `label slac`
s3            images, run folder and answers of `label slac` on S3, which answers 5 % of requests
              with 503 SlowDown or 500 and lets 1 % wait for 30 to 75 s
full_disk     the run folder of `label zero_shot` on a file system that gets full, then larger

Each runs the real command on the same drawn archive. After each, images = rows = labelled + errors
with every image id once, the labels table equals that of an undisturbed run of the same command
(all rows, all columns; scores within 1e-5, since a resumed run makes other batches and sums of
floats round otherwise), and no answer of the MLLM that was kept was asked for again. A full disk is
to be one clear line on standard error. Exit code 1 if any of it does not hold; a job that ends with
an error and goes on when it is run again is told of in a line of its own, and counts as an attempt.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import machine
from benchmarks.faults.driver import driver
from benchmarks.faults.full_disk import full_disk
from benchmarks.faults.jobs import end_on_sigterm, ray_folder
from benchmarks.faults.nodes import node
from benchmarks.faults.replicas import clip_actor, mllm_replica
from benchmarks.faults.s3 import s3
from benchmarks.faults.world import Outcome, World, say

FAULTS: dict[str, Callable[[World], Outcome]] = {
    each.__name__: each for each in (driver, clip_actor, mllm_replica, node, s3, full_disk)
}


def bring(name: str, world: World) -> Outcome:
    """Bring one fault about; an error of a job or of the benchmark is a problem of the outcome."""
    say(f"{name} ...")
    try:
        return FAULTS[name](world)
    except Exception as error:
        traceback.print_exc()
        return Outcome(name, problems=[f"{type(error).__name__}: {error}"])


def verdict(outcome: Outcome) -> str:
    """Whether what was written is what an undisturbed run writes."""
    if outcome.skipped:
        return "not run"
    return "no" if outcome.problems else "yes"


def print_outcome(outcome: Outcome) -> None:
    """Print the row of one fault, and under it what is wrong."""
    scores = f"{outcome.difference:.1e}" if outcome.difference else "equal"
    print(
        f"{outcome.name:14}{outcome.attempts:>9}{outcome.seconds:>9.1f}{verdict(outcome):>11}"
        f"{scores:>9}  {outcome.skipped or outcome.detail}"
    )
    for line in (*outcome.notes, *outcome.shortcomings, *outcome.problems):
        print(f"{'':14}{line}", flush=True)


def main() -> None:
    """Bring the faults about one after another, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="NAME")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0, help="of the moments, and of S3's faults")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep runs and logs, in DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    end_on_sigterm()
    with tempfile.TemporaryDirectory() as folder, ray_folder() as ray:
        root = options.keep or Path(folder)
        world = World(root, ray, options.images, options.seed)
        print(f"faults: {options.images} images, seed {options.seed}; {machine.describe()}")
        print(f"{'fault':14}{'attempts':>9}{'seconds':>9}{'identical':>11}{'scores':>9}")
        outcomes = []
        for name in options.only:
            outcomes.append(bring(name, world))
            print_outcome(outcomes[-1])
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n")
    failed = [each.name for each in outcomes if each.problems or each.shortcomings]
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
