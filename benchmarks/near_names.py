"""NeaR beside naming every image with the MLLM: accuracy, calls, speed, by the real commands.

    uv run python -m benchmarks.near_names [--archive-seed S] [--count 10000] [--sample 300]

An archive is drawn; `label mllm_names` names every image, `fit near` a sample and `label
--classifier` the archive, with each way of training and for each of three seeds. Answers are not
shared between the two, so that calls and seconds are what each would cost by itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from methods.near.settings import TRAININGS, Training

_NAMING: dict[str, Any] = {"category": "bird", "unit": "species"}


def named_by_mllm(root: Path, archive: Path) -> dict[str, Any]:
    """Name every image; the run's record, with its cACC."""
    from ray_jobs.config import LabelMllmNamesConfig
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.label import label

    out = root / "mllm_names"
    record = label(LabelMllmNamesConfig(images=str(archive / "images"), out=str(out), **_NAMING))
    measured = evaluate_run(str(out), str(archive / "truth.csv"), semantic=False)
    return {**record, "cacc": measured["cacc"]}


def fitted(root: Path, archive: Path, training: Training, seed: int, sample: int) -> dict[str, Any]:
    """Fit on a sample and label everything; what it took, with the cACC."""
    from ray_jobs.config import FitNearConfig, LabelClassifierConfig
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.fit import fit
    from ray_jobs.verbs.label import label

    images, name = str(archive / "images"), f"{training}{seed}"
    classifier, run = str(root / "fits" / name), str(root / f"run-{name}")
    config = FitNearConfig(
        images=images, out=classifier, sample=sample, seed=seed, training=training, **_NAMING
    )
    made = fit(config)
    record = label(LabelClassifierConfig(images=images, classifier=classifier, out=run))
    measured = evaluate_run(
        run,
        str(archive / "truth.csv"),
        semantic=False,
        mllm_run=str(root / "mllm_names"),
    )
    return {
        **record,
        "cacc": measured["cacc"],
        "names": made["names"],
        "asked": made["mllm_calls"] + made["answers_reused"],
        "calls_share": measured["cost"]["calls_share"],
    }


def main() -> None:
    """Run everything and print the tables."""
    from fieldguide.archive import draw_archive

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive-seed", type=int, default=70121)
    parser.add_argument("--count", type=int, default=10_000, help="images to draw")
    parser.add_argument("--sample", type=int, default=300, help="images that are named")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the fits")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        archive = root / "archive"
        draw_archive(archive, options.count, options.archive_seed)
        whole = named_by_mllm(root, archive)
        print(describe())
        print(f"archive of {options.count} birds, seed {options.archive_seed}")
        print("| method | cACC, mean | lowest | highest | names | MLLM calls | share |")
        print("|---|---|---|---|---|---|---|")
        print(f"| mllm_names | {whole['cacc']:.3f} | | | | {whole['mllm_calls']} | 1 |", flush=True)
        speeds = []
        for training in TRAININGS:
            runs = [fitted(root, archive, training, seed, options.sample) for seed in options.seeds]
            speeds += [run["images_per_second"] for run in runs]
            scores = [run["cacc"] for run in runs]
            print(
                f"| {training} | {np.mean(scores):.3f} | {min(scores):.3f} | {max(scores):.3f} | "
                f"{runs[0]['names']} | {runs[0]['asked']} | {runs[0]['calls_share']:.4f} |",
                flush=True,
            )
        speed, asking = float(np.median(speeds)), whole["images_per_second"]
        print(
            f"labelling with the classifier {speed:.1f} images/s (median of {len(speeds)}), asking "
            f"the MLLM about each image {asking:.1f} images/s, start-up included: ratio "
            f"{speed / asking:.2f}"
        )


if __name__ == "__main__":
    main()
