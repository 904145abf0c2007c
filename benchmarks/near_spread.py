"""Whether it helps NeaR to name one image of each cluster of CLIP features (``--spread``).

    uv run python -m benchmarks.near_spread [--archive-seed S] [--seeds 1 2 3 4 5]

One drawn archive in which kinds are not equally frequent: of the images drawn, each species keeps
a share, from all of them down to a tenth. For each size of the sample: how many species it misses,
and the cACC on the whole archive, of samples drawn at random and of samples spread over clusters of
five times as many images. Means over seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from benchmarks.near_samples import (
    Archive,
    field_guide_tower,
    fit_sample,
    name_archive,
    read_archive,
    sample_of,
)
from methods.near.settings import NearTrainSettings

SIZES = (48, 100, 300)
SPREADS = (1, 5)
_RAREST = 0.1


def with_rare_kinds(archive: Archive) -> Archive:
    """Leave out images so that species are of falling frequency."""
    kinds = int(archive.truth.max()) + 1
    share = np.linspace(1.0, _RAREST, kinds)[archive.truth]
    kept = np.flatnonzero(np.random.default_rng(0).random(len(share)) < share)
    return replace(
        archive,
        ids=archive.ids[kept],
        names=[archive.names[index] for index in kept],
        truth=archive.truth[kept],
        features=archive.features[kept],
    )


def main() -> None:
    """Fit on samples of both kinds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive-seed", type=int, default=70309)
    parser.add_argument("--count", type=int, default=6000, help="images to draw")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--work", type=Path, help="folder that keeps the archive and the answers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        encoder, tower = field_guide_tower()
        drawn, run = name_archive(
            options.work or Path(temporary), options.archive_seed, options.count
        )
        archive = with_rare_kinds(read_archive(drawn, run, encoder))
        kinds = int(archive.truth.max()) + 1
        print(f"{describe()}; {len(archive.ids)} images of {kinds} species")
        print("| sample | spread | species missed | cACC, mean | lowest | highest |")
        print("|---|---|---|---|---|---|")
        for size in SIZES:
            for spread in SPREADS:
                missed, scores = [], []
                for seed in options.seeds:
                    chosen = sample_of(archive, size, seed, spread)
                    missed.append(kinds - len(np.unique(archive.truth[chosen])))
                    settings = NearTrainSettings(seed=seed)
                    scores.append(fit_sample(archive, tower, chosen, settings))
                print(
                    f"| {size} | {spread} | {np.mean(missed):.1f} | {np.mean(scores):.3f} | "
                    f"{min(scores):.3f} | {max(scores):.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
