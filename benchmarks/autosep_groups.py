"""AutoSEP on groups of look-alike birds: the learned prompt beside the baselines, and the calls.

    uv run python -m benchmarks.autosep_groups [--fits improved official ...] [--seeds 1 2 3]

For each group and seed an archive of 90 images is drawn to learn from and another one to measure
on, by the real commands: `fit autosep` for each way of fitting, `label autosep` with the learned
prompt, with the first prompt, without a description (vanilla), and by majority vote. Printed:
accuracies, the calls of each fit, and the learned prompts. The field guide's first two genera are
for development, the others for figures.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from methods.autosep.settings import IMPROVEMENTS

GROUPS = {"quellin": 4, "sorrin": 3, "pelloc": 4, "tolmin": 3}
"""Genera of the field guide, and how many of their species a group has."""
FITS: dict[str, dict[str, Any]] = {
    "improved": {"improvements": ["all"]},
    "paper": {},
    "official": {"paraphrases": 1, "max_children": 5},
    "random_labels": {"objective": "random_labels"},
    "majority_labels": {"objective": "majority_labels"},
    "spo": {"objective": "spo"},
    **{name: {"improvements": [name]} for name in IMPROVEMENTS},
}
"""Ways of fitting: all improvements, the paper's algorithm, the published code's, baselines, and
each improvement alone."""
LABELS: dict[str, dict[str, Any]] = {
    "vanilla": {"description": False},
    "vote": {"description": False, "votes": 5},
    "initial": {},
}
"""Ways of labelling without a fit."""
_TRAIN, _TEST = 81_000, 82_000


@dataclass(frozen=True)
class Case:
    """One group and seed: its folders."""

    group: str
    seed: int
    root: Path

    @property
    def train(self) -> Path:
        """The archive to learn from."""
        return self.root / "train"

    @property
    def test(self) -> Path:
        """The archive to measure on."""
        return self.root / "test"


def draw(root: Path, group: str, seed: int, images: int, measured: int) -> Case:
    """Draw the archives of a case, unless they are there."""
    from fieldguide.archive import draw_archive
    from fieldguide.world import NAMES

    species = [name for name in NAMES if name.endswith(group)][: GROUPS.get(group, 4)]
    case = Case(group, seed, root / f"{group}{seed}")
    number = 10 * seed + list({**GROUPS, group: 0}).index(group)
    if not case.test.exists():
        draw_archive(case.train, images, _TRAIN + number, species=species)
        draw_archive(case.test, measured, _TEST + number, species=species)
    return case


def labelled(case: Case, name: str, **settings: Any) -> float:
    """Label the archive to measure on; returns the accuracy."""
    from ray_jobs.config import LabelAutosepConfig
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.label import label

    out = str(case.root / "runs" / name)
    label(
        LabelAutosepConfig(
            images=str(case.test / "images"),
            classes=str(case.test / "classes.txt"),
            category="bird",
            out=out,
            seed=case.seed,
            **settings,
        )
    )
    measured = evaluate_run(out, str(case.test / "truth.csv"), semantic=False)
    return float(measured["accuracy"])


def fitted(case: Case, name: str, rounds: int) -> dict[str, Any]:
    """Fit one way and label with what was learned; the fit's result, with the accuracy."""
    from ray_jobs.config import FitAutosepConfig
    from ray_jobs.verbs.fit import fit

    out = str(case.root / "fits" / name)
    made = fit(
        FitAutosepConfig(
            images=str(case.train / "images"),
            classes=str(case.train / "classes.txt"),
            category="bird",
            out=out,
            seed=case.seed,
            sample=len(list((case.train / "images").rglob("*.*"))),
            rounds=rounds,
            # each fit asks for itself: its calls are what it would cost alone
            response_cache=str(case.root / "answers" / name),
            **FITS[name],
        )
    )
    return {**made, "accuracy": labelled(case, f"learned-{name}", prompt=out)}


def main() -> None:
    """Run everything and print the tables."""
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="+", default=list(GROUPS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--fits", nargs="+", choices=list(FITS), default=["improved"])
    parser.add_argument("--images", type=int, default=90, help="images to learn from")
    parser.add_argument("--rounds", type=int, default=6, help="of the search")
    parser.add_argument("--measured", type=int, default=300, help="images to measure on")
    parser.add_argument("--work", type=Path, help="folder that keeps the archives and the runs")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    ways = [*LABELS, *options.fits]
    found: dict[str, list[float]] = {way: [] for way in ways}
    calls: dict[str, list[int]] = {way: [] for way in options.fits}
    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas():
        root = options.work or Path(temporary)
        print(describe())
        print(f"| group | seed | {' | '.join(ways)} | calls of the fits |")
        print("|---" * (len(ways) + 3) + "|")
        for group in options.groups:
            for seed in options.seeds:
                case = draw(root, group, seed, options.images, options.measured)
                scores = {name: labelled(case, name, **LABELS[name]) for name in LABELS}
                fits = {name: fitted(case, name, options.rounds) for name in options.fits}
                scores |= {name: made["accuracy"] for name, made in fits.items()}
                asked = {name: made["mllm_calls"] for name, made in fits.items()}
                for way in ways:
                    found[way].append(scores[way])
                for name, count in asked.items():
                    calls[name].append(count)
                cells = " | ".join(f"{scores[way]:.3f}" for way in ways)
                counts = ", ".join(f"{count:,}" for count in asked.values())
                print(f"| {group} | {seed} | {cells} | {counts} |", flush=True)
                for name, made in fits.items():
                    print(f"<!-- {name}: {made['prompt']} -->", flush=True)
    means = " | ".join(f"{np.mean(found[way]):.3f}" for way in ways)
    spread = " | ".join(f"{min(found[way]):.3f} to {max(found[way]):.3f}" for way in ways)
    average = ", ".join(f"{np.mean(counts):,.0f}" for counts in calls.values())
    print(f"| mean | | {means} | {average} |")
    print(f"| spread | | {spread} | |")


if __name__ == "__main__":
    main()
