"""Each method with its defaults and with ``--as-published``, side by side on the field guide.

    uv run python -m benchmarks.as_published METHOD [METHOD ...] [--count 300] [--seed 71311]

Archives are drawn for this alone, the commands are the real ones, and a row is printed for each of
the two: the metric that fits the method, images without a label, answers that the token limit cut,
questions. The field guide's model was trained on the default wordings, so a published prompt costs
it more than it would cost a large model: the table shows that the flag runs and what it changes,
not which settings are better.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import describe

GROUP = "tarrow"
"""The look-alike birds that AutoSEP tells apart."""
_AUTOSEP: dict[str, Any] = {"sample": 45, "rounds": 2, "category": "bird"}
_NEAR: dict[str, Any] = {"sample": 150, "category": "bird", "unit": "species"}
# 4,600 steps, which the flag asks for, take a CPU over an hour
_DATA_FREE: dict[str, Any] = {"least_steps": 300}

Flag = dict[str, Any]


def labelled(kind: str, archive: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Label an archive by the command's own settings class; its record and metrics."""
    from ray_jobs.commands import COMMANDS
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.label import label

    config = COMMANDS[f"label {kind}"].config
    given = {"images": str(archive / "images"), "out": str(out), **settings}
    record = label(config(**given))  # type: ignore[arg-type]
    return {**record, **evaluate_run(str(out), str(archive / "truth.csv"), semantic=False)}


def fitted(kind: str, out: Path, **settings: Any) -> dict[str, Any]:
    """Fit by the command's own settings class."""
    from ray_jobs.commands import COMMANDS
    from ray_jobs.verbs.fit import fit

    config: Any = COMMANDS[f"fit {kind}"].config
    return fit(config(out=str(out), **settings))


def by_classes(kind: str, archive: Path, out: Path, flag: Flag) -> dict[str, Any]:
    """A method that labels with a list of names."""
    return labelled(kind, archive, out / "run", classes=str(archive / "classes.txt"), **flag)


def by_autosep(kind: str, archive: Path, out: Path, flag: Flag) -> dict[str, Any]:
    """Learn a prompt on a sample, then label with it."""
    classes = str(archive / "classes.txt")
    images = str(archive / "images")
    made = fitted(kind, out / "fit", images=images, classes=classes, **_AUTOSEP, **flag)
    run = labelled(kind, archive, out / "run", classes=classes, prompt=made["folder"], **flag)
    return {**run, "asked": made["mllm_calls"] + run["mllm_calls"]}


def by_near(kind: str, archive: Path, out: Path, flag: Flag) -> dict[str, Any]:
    """Learn names from a sample, then label with CLIP."""
    made = fitted(kind, out / "fit", images=str(archive / "images"), **_NEAR, **flag)
    run = labelled("classifier", archive, out / "run", classifier=made["classifier"], **flag)
    return {**run, "asked": made["mllm_calls"]}


def by_data_free(kind: str, archive: Path, out: Path, flag: Flag) -> dict[str, Any]:
    """Learn from names alone, then label scenes."""
    own = {**flag, **(_DATA_FREE if flag else {})}
    made = fitted(kind, out / "fit", classes=str(archive / "classes.txt"), **own)
    run = labelled("classifier", archive, out / "run", classifier=made["classifier"], **flag)
    return {**run, "asked": made["mllm_calls"]}


def by_names(kind: str, archive: Path, out: Path, flag: Flag) -> dict[str, Any]:
    """Name every image."""
    return labelled(kind, archive, out / "run", category="bird", unit="species", **flag)


METHODS: dict[str, tuple[Callable[..., dict[str, Any]], str]] = {
    "zero_shot": (by_classes, "accuracy"),
    "slac": (by_classes, "accuracy"),
    "tlac": (by_classes, "accuracy"),
    "what_do_you_see": (by_classes, "accuracy"),
    "autosep": (by_autosep, "accuracy"),
    "mllm_names": (by_names, "cacc"),
    "near": (by_near, "cacc"),
    "data_free": (by_data_free, "map"),
}
"""By method, what runs it and the metric that fits."""


def rows(kind: str, root: Path, count: int, seed: int) -> Iterator[str]:
    """A row of the table for the defaults, and one for what is published."""
    from fieldguide.archive import draw_archive
    from fieldguide.world import NAMES

    run, metric = METHODS[kind]
    archive = root / f"archive-{kind}"
    if kind == "data_free":
        draw_archive(archive, count, seed, kind="scenes")
    elif kind == "autosep":
        birds = [name for name in NAMES if name.endswith(GROUP)]
        draw_archive(archive, count, seed, species=birds)
    else:
        draw_archive(archive, count, seed)
    for name, flag in (("default", {}), ("as published", {"as_published": True})):
        found = run(kind, archive, root / f"{kind}-{name}", {**flag})
        cut = sum((found.get("answers_cut") or {}).get("used as far as it goes", {}).values())
        asked = found.get("asked", found["mllm_calls"] + found["answers_reused"])
        failed = sum(found["errors"].values()) if isinstance(found["errors"], dict) else 0
        yield (
            f"| {kind} | {name} | {metric} {found[metric]:.3f} | {failed or found['errors'] or 0} "
            f"| {cut} | {asked:,} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("methods", nargs="+", choices=list(METHODS))
    parser.add_argument("--count", type=int, default=300, help="images to draw")
    parser.add_argument("--seed", type=int, default=71311, help="of the archives")
    options = parser.parse_args()
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    os.environ.setdefault("RAY_ADDRESS", "local")
    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas():
        print(describe())
        print(f"{options.count} images, seed {options.seed}")
        print("| method | settings | metric | no label | cut | questions |")
        print("|---|---|---|---|---|---|")
        for kind in options.methods:
            for row in rows(kind, Path(temporary), options.count, options.seed):
                print(row, flush=True)


if __name__ == "__main__":
    main()
