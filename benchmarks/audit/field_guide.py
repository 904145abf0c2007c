"""Runs of the field guide, audited: their true accuracy, the estimate and its interval.

Each seed draws an archive of its own, whose pictures are left as they are, grainy, blurred, pale or
small. All of them are labelled in one job a method, and the rows of an archive are then a run of
their own: a row depends on its image alone. One run of each archive is audited with the others.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image, ImageEnhance, ImageFilter

from benchmarks.machine import describe
from fieldguide.archive import draw_archive
from fieldguide.world import NAMES

PICTURES: Final = ("clean", "grain", "blur", "pale", "small")
METHODS: Final = ("zero_shot", "slac", "tlac", "near", "noisy")
"""``near`` is its classifier; ``noisy`` is slac with a fifth of the labels drawn at random."""
_NOISE: Final = 0.2
_SAMPLE: Final = 200


def of_archives(work: Path, seeds: Sequence[int], count: int) -> None:
    """Draw an archive a seed, label them, and audit one run of each.

    Args:
        work: folder for archives and runs; what is there already is kept.
        seeds: of the archives.
        count: images of each.
    """
    pool = work / "pool"
    if not (pool / "truth.csv").exists():
        shutil.rmtree(pool, ignore_errors=True)
        _draw(pool, seeds, count)
    runs = _labelled(pool, work)
    print(describe())
    print(
        "| run | seed | pictures | truth | estimate | 90 % interval | inside |\n"
        "|---|---|---|---|---|---|---|"
    )
    inside, away = [], []
    for number, seed in enumerate(seeds):
        method = METHODS[(number + number // len(METHODS)) % len(METHODS)]
        pictures = PICTURES[number % len(PICTURES)]
        own = {name: _part(run, work / f"{name}{seed}", seed) for name, run in runs.items()}
        if method == "noisy":
            own[method] = _noisy(own.pop("slac"), work / f"noisy{seed}", seed)
        others = [run for name, run in own.items() if name != method]
        actual = _accuracy(own[method], pool / "truth.csv")
        cells, hit, error = _audited(own[method], others, actual)
        inside.append(hit)
        away.append(error)
        print(f"| {method} | {seed} | {pictures} | {cells} |", flush=True)
    print(f"\n{sum(inside)} of {len(seeds)} inside, mean error {100 * np.mean(away):.1f} points")


def of_runs(truth: str, runs: list[str]) -> None:
    """Audit each run with the others, and compare with the truth."""
    from ray_jobs.verbs.evaluate import evaluate_run

    print("| run | truth | estimate | 90 % interval | inside |\n|---|---|---|---|---|")
    inside, away = [], []
    for each in runs:
        others = [other for other in runs if other != each]
        actual = evaluate_run(each, truth, semantic=False)["accuracy"]
        cells, hit, error = _audited(each, others, actual)
        inside.append(hit)
        away.append(error)
        print(f"| {each} | {cells} |", flush=True)
    print(f"\n{sum(inside)} of {len(runs)} inside, mean error {100 * np.mean(away):.1f} points")


def _audited(run: str, others: list[str], actual: float) -> tuple[str, bool, float]:
    """Cells of a row of the table, whether the interval holds, and how far off the estimate is."""
    from ray_jobs.config import AuditConfig
    from ray_jobs.verbs.audit import run as audit

    settings: dict[str, Any] = {"run": run, "with": others, "look": 0}
    found = audit(AuditConfig(**settings))["accuracy"]
    hit = bool(found["low"] <= actual <= found["high"])
    cells = (
        f"{actual:.3f} | {found['estimate']:.3f} | {found['low']:.3f} to {found['high']:.3f} | "
        f"{'yes' if hit else 'no'}"
    )
    return cells, hit, abs(found["estimate"] - actual)


def _draw(pool: Path, seeds: Sequence[int], count: int) -> None:
    """All archives in one, a folder each."""
    rows = []
    for number, seed in enumerate(seeds):
        folder = pool / f"drawn{seed}"
        draw_archive(folder, count, seed)
        rng = np.random.default_rng(seed)
        with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                path = f"{seed}/{row['path']}"
                target = pool / "images" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                picture = Image.open(folder / "images" / row["path"]).convert("RGB")
                worse = spoilt(picture, PICTURES[number % len(PICTURES)], rng)
                worse.save(target, quality=92)  # of a JPEG
                rows.append((path, row["label"]))
        shutil.rmtree(folder)
    (pool / "classes.txt").write_text("".join(f"{name}\n" for name in NAMES), encoding="utf-8")
    with (pool / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *rows])


def spoilt(picture: Image.Image, how: str, rng: np.random.Generator) -> Image.Image:
    """The picture as one of `PICTURES`."""
    if how == "grain":
        noise = rng.normal(0, 40, (picture.height, picture.width, 1))
        return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
    if how == "blur":
        return picture.filter(ImageFilter.GaussianBlur(min(picture.size) / 40))
    if how == "pale":
        return ImageEnhance.Contrast(ImageEnhance.Color(picture).enhance(0.6)).enhance(0.7)
    if how == "small":
        few = max(1, picture.width // 6), max(1, picture.height // 6)
        return picture.resize(few, Image.Resampling.BOX).resize(picture.size)
    return picture


def _labelled(pool: Path, work: Path) -> dict[str, Path]:
    """Label everything by every method, by the real commands; returns the runs."""
    from ray_jobs.config import (
        FitNearConfig,
        LabelClassifierConfig,
        LabelSlacConfig,
        LabelTlacConfig,
        LabelZeroShotConfig,
    )
    from ray_jobs.passes.mllm_pool import field_guide_replicas
    from ray_jobs.verbs.fit import fit
    from ray_jobs.verbs.label import label

    images: dict[str, Any] = {"images": str(pool / "images")}
    named = {**images, "classes": str(pool / "classes.txt")}
    runs = {name: work / f"all-{name}" for name in ("zero_shot", "slac", "tlac", "near")}
    with field_guide_replicas():
        label(LabelZeroShotConfig(**named, out=str(runs["zero_shot"])))
        label(LabelSlacConfig(**named, out=str(runs["slac"])))
        label(LabelTlacConfig(**named, out=str(runs["tlac"])))
        made = fit(
            FitNearConfig(
                **images,
                out=str(work / "near"),
                sample=_SAMPLE,
                category="bird",
                unit="species",
            )
        )
        label(LabelClassifierConfig(**images, classifier=made["classifier"], out=str(runs["near"])))
    return runs


def _part(run: Path, out: Path, seed: int) -> str:
    """The rows of one archive, as a run of their own."""
    table = pq.read_table(run / "labels", partitioning=None)
    own = table.filter(pc.starts_with(table.column("path"), f"{seed}/"))
    _write(out, own, json.loads((run / "run.json").read_text(encoding="utf-8")))
    if (run / "classifier").exists():
        shutil.copytree(run / "classifier", out / "classifier", dirs_exist_ok=True)
    return str(out)


def _noisy(run: str, out: Path, seed: int) -> str:
    """A run with some of its labels drawn at random."""
    rng = np.random.default_rng([seed, 5])
    table = pq.read_table(Path(run) / "labels", partitioning=None)
    labels = table.column("label").to_pylist()
    for at in np.flatnonzero(rng.random(len(labels)) < _NOISE).tolist():
        labels[at] = NAMES[rng.integers(len(NAMES))]
    place = table.schema.get_field_index("label")
    noisy = table.set_column(place, "label", pa.array(labels, pa.string()))
    _write(out, noisy, json.loads((Path(run) / "run.json").read_text(encoding="utf-8")))
    return str(out)


def _write(out: Path, table: pa.Table, record: dict[str, Any]) -> None:
    shutil.rmtree(out, ignore_errors=True)
    (out / "labels").mkdir(parents=True)
    pq.write_table(table, out / "labels" / "part-00000.parquet")
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")


def _accuracy(run: str, truth: Path) -> float:
    """The share of all rows whose label is right, whatever its case."""
    with truth.open(newline="", encoding="utf-8") as file:
        true = {row["path"]: row["label"].casefold() for row in csv.DictReader(file)}
    table = pq.read_table(Path(run) / "labels", partitioning=None).select(["path", "label"])
    hits = [true[row["path"]] == (row["label"] or "").casefold() for row in table.to_pylist()]
    return float(np.mean(hits))
