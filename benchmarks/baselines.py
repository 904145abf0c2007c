"""The baselines that the papers compare with, on the field guide: a row each.

    uv run python -m benchmarks.baselines [ROW ...] [--count 60] [--seed 52001]

Archives are drawn for this alone, and the commands are the real ones, with the built-in models. A
row has the metric that fits, images without a label, and questions asked. It shows that a baseline
runs and is read; which method is better, no archive of sixty drawn birds can say.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.as_published import GROUP, fitted, labelled
from benchmarks.machine import describe

Found = dict[str, Any]
_BIRDS: Found = {"category": "bird"}


def _classes(archive: Path) -> Found:
    return {"classes": str(archive / "classes.txt")}


def by_zero_shot(archive: Path, out: Path) -> Found:
    """CLIP's own class names in one template, what CuPL is set beside."""
    return labelled("zero_shot", archive, out / "run", **_classes(archive))


def by_cupl(archive: Path, out: Path) -> Found:
    """An LLM's descriptions alone stand for the classes: fitted, then read from their file."""
    asked = {"class_parts": ["descriptions"], "class_answers": 10}
    made = fitted("what_do_you_see", out / "fit", **_classes(archive), **asked)
    run = labelled("classifier", archive, out / "run", classifier=made["classifier"])
    texts = str(out / "fit" / "class_texts.json")
    again = labelled("zero_shot", archive, out / "again", class_texts=texts, **_classes(archive))
    if abs(again["accuracy"] - run["accuracy"]) > 1e-9:
        raise RuntimeError(f"{texts} gives {again['accuracy']}, its fit {run['accuracy']}")
    return {**run, "asked": made["mllm_calls"] + made["answers_reused"]}


def by_answers(kind: str, matching: str) -> Callable[[Path, Path], Found]:
    """SLAC or TLAC, by how the class of an answer is found."""
    return lambda archive, out: labelled(
        kind, archive, out / "run", matching=matching, **_classes(archive)
    )


def by_clusters(**settings: Any) -> Callable[[Path, Path], Found]:
    """k-means on CLIP's features."""
    return lambda archive, out: labelled(
        "clusters", archive, out / "run", **_classes(archive), **_BIRDS, **settings
    )


def by_cased(archive: Path, out: Path) -> Found:
    """Names of the birds and of other things compete, those that are nearest to each image."""
    from fieldguide.scenes import CATEGORIES

    names = [*(archive / "classes.txt").read_text("utf-8").split("\n"), *CATEGORIES]
    captions = out.with_suffix(".txt")
    captions.write_text("\n".join(names), "utf-8")
    asked = {"captions": str(captions), "candidates": "lines"}
    return labelled("cased", archive, out / "run", **asked)


def by_finer(archive: Path, out: Path) -> Found:
    """Names guessed from descriptions of the archive, kept by vote."""
    asked = {"images": str(archive / "images"), "unit": "species", "sample": 40, **_BIRDS}
    made = fitted("finer", out / "fit", **asked)
    run = labelled("classifier", archive, out / "run", classifier=made["classifier"])
    return {**run, "asked": made["mllm_calls"] + made["answers_reused"]}


def by_search(objective: str, **settings: Any) -> Callable[[Path, Path], Found]:
    """A prompt that AutoSEP's baselines learn, and its labels."""

    def run(archive: Path, out: Path) -> Found:
        asked = {"images": str(archive / "images"), "sample": 24, "objective": objective}
        made = fitted("autosep", out / "fit", **_classes(archive), **_BIRDS, **asked, **settings)
        found = labelled(
            "autosep", archive, out / "run", **_classes(archive), prompt=made["folder"]
        )
        return {**found, "asked": made["mllm_calls"] + found["mllm_calls"]}

    return run


ROWS: dict[str, tuple[Callable[[Path, Path], Found], str, str]] = {
    "zero_shot": (by_zero_shot, "all", "accuracy"),
    "cupl": (by_cupl, "all", "accuracy"),
    **{
        f"{kind}_{matching}": (by_answers(kind, matching), "all", "accuracy")
        for kind in ("slac", "tlac")
        for matching in ("names", "clip", "names_alone")
    },
    "clusters": (by_clusters(), "all", "cacc"),
    "clusters_named": (by_clusters(clusters=7, examples=3), "group", "accuracy"),
    "cased": (by_cased, "all", "cacc"),
    "finer": (by_finer, "all", "cacc"),
    "majority_labels": (by_search("majority_labels", rounds=2), "group", "accuracy"),
    "spo": (
        by_search("spo", rounds=4, minibatch=7, errors_shown=3),
        "group",
        "accuracy",
    ),
}
"""By row: what runs it, which birds are drawn, and the metric that fits."""


def row(name: str, root: Path, count: int, seed: int) -> str:
    """A row of the table."""
    from fieldguide.archive import draw_archive
    from fieldguide.world import NAMES

    run, birds, metric = ROWS[name]
    archive = root / f"archive-{birds}"
    if not archive.exists():
        group = [each for each in NAMES if each.endswith(GROUP)]
        draw_archive(archive, count, seed, species=group if birds == "group" else None)
    started = time.monotonic()
    found = run(archive, root / name)
    seconds = time.monotonic() - started
    failed = found["errors"] if isinstance(found["errors"], int) else sum(found["errors"].values())
    asked = found.get("asked", found["mllm_calls"] + found["answers_reused"])
    figures = f"{metric} {found[metric]:.3f} | {failed} | {asked:,} | {seconds:.0f}"
    return f"| {name} | {birds} | {figures} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--count", type=int, default=60, help="images to draw")
    parser.add_argument("--seed", type=int, default=52001, help="of the archives")
    options = parser.parse_args()
    if strangers := set(options.rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(strangers))}; there are {json.dumps(list(ROWS))}")
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    os.environ.setdefault("RAY_ADDRESS", "local")
    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas():
        print(describe())
        print(f"{options.count} images, seed {options.seed}")
        print("| row | birds | metric | no label | questions | seconds |")
        print("|---|---|---|---|---|---|")
        for name in options.rows or ROWS:
            print(row(name, Path(temporary), options.count, options.seed), flush=True)


if __name__ == "__main__":
    main()
