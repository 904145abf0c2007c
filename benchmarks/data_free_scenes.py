"""Data-free prompts on drawn scenes: mAP beside zero-shot CLIP, other prompts and other groups.

    uv run python -m benchmarks.data_free_scenes [--seed S] [--count 1000] [--texts few]

Scenes are drawn for evaluation alone; every fit is `fit data_free` with the class names and no
image. Beside the zero-shot scores stand prompts of every hierarchy (shared is TaI-DPT's one prompt
for all classes, none gives each class its own) and groups by the model's answers, by CLIP's
features of the names, and by chance in the same sizes. The model answers once for a seed; fits of
that seed share its sentences. `--texts few` learns from a dozenth of the sentences, where what
classes share has more to give.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe

BASELINES = ("zero_shot", "zero_shot_dense")
PROMPTS: dict[str, dict[str, Any]] = {
    "shared (one prompt for all)": {"hierarchy": "shared"},
    "none (a prompt for each)": {"hierarchy": "none"},
    "attribute groups": {"hierarchy": "attribute"},
    "context groups": {"hierarchy": "context"},
    "both, groups by the LLM": {"hierarchy": "both"},
    "both, groups by CLIP": {"hierarchy": "both", "groups": "clip_text_kmeans"},
    "both, random groups": {"hierarchy": "both", "groups": "random"},
}
TEXTS: dict[str, dict[str, Any]] = {
    "all": {},
    "few": {"sets_per_class": 2, "descriptions": 1, "use_templates": False},
}
"""How much the model is asked to write: as much as `fit data_free` does, or little."""


def measured(root: Path, archive: Path, name: str, **settings: Any) -> dict[str, Any]:
    """Fit, label and evaluate; the metrics, with what the fit took."""
    from ray_jobs.config import FitDataFreeConfig, LabelClassifierConfig
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.fit import fit as run_fit
    from ray_jobs.verbs.label import label as run_label

    made = run_fit(
        FitDataFreeConfig(
            classes=str(archive / "classes.txt"), out=str(root / "fits" / name), **settings
        )
    )
    run = str(root / f"run-{name}")
    run_label(
        LabelClassifierConfig(
            images=str(archive / "images"), classifier=made["classifier"], out=run
        )
    )
    found = evaluate_run(run, str(archive / "truth.csv"), semantic=False)
    return {**found, **made}


def main() -> None:
    """Draw, fit, label, print the table."""
    from fieldguide.archive import draw_archive
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=70411, help="of the scenes")
    parser.add_argument("--count", type=int, default=1000, help="scenes to draw")
    parser.add_argument("--fit-seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument(
        "--prompts", type=int, nargs="+", default=list(range(len(PROMPTS))), help="by their number"
    )
    parser.add_argument("--texts", choices=list(TEXTS), default="all", help="to learn from")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas():
        root = Path(temporary)
        archive = root / "archive"
        draw_archive(archive, options.count, options.seed, kind="scenes")
        print(describe())
        print(f"{options.count} scenes, seed {options.seed}, {options.texts} texts")
        print("mean over fits, lowest and highest")
        print("| | mAP | CF1 | OF1 | lowest AP, mean over fits | sentences | MLLM calls |")
        print("|---|---|---|---|---|---|---|")
        for baseline in BASELINES:
            _print(baseline, [measured(root, archive, baseline, baseline=baseline)])
        for number in options.prompts:
            name, settings = list(PROMPTS.items())[number]
            settings = {**settings, **TEXTS[options.texts], "epochs": options.epochs}
            runs = [
                measured(root, archive, f"prompts-{number}-{seed}", seed=seed, **settings)
                for seed in options.fit_seeds
            ]
            _print(name, runs)


def _print(name: str, runs: list[dict[str, Any]]) -> None:
    cells = []
    for metric in ("map", "cf1", "of1"):
        values = [run[metric] for run in runs]
        spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.3f}{spread}")
    cells.append(_lowest(runs))
    calls = [run["mllm_calls"] + run["answers_reused"] for run in runs]
    cells += [f"{runs[0].get('sentences') or 0:,}", f"{calls[0]:,}"]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _lowest(runs: list[dict[str, Any]]) -> str:
    """The three classes with the lowest average precision: where kinds of prompts could differ."""
    precisions = {
        row["label"]: np.mean([run["per_class"][at]["average_precision"] for run in runs])
        for at, row in enumerate(runs[0]["per_class"])
    }
    worst = sorted(precisions, key=lambda name: precisions[name])[:3]
    return ", ".join(f"{name} {precisions[name]:.3f}" for name in worst)


if __name__ == "__main__":
    main()
