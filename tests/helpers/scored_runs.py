"""Run folders with scores, and runs over real images, without a model."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from ray_jobs.runs.manifest import read_manifest, write_manifest
from tests.helpers.evaluated_runs import write_run

CLASSES = ["wren", "tern", "crane, big", "a/b"]


def scored_run(
    folder: Path, images: int = 400, seed: int = 5, errors: int = 7
) -> tuple[str, dict[str, str]]:
    """A run whose scores are honest; returns it and the truth by path."""
    random = np.random.default_rng(seed)
    rows, truth = [], {}
    for at in range(images):
        path = f"shots/{at:05d}.jpg"
        label, other = random.permutation(CLASSES)[:2]
        score = float(random.choice([0.98, 0.9, 0.6]))
        truth[path] = str(label if random.random() < score else other)
        top = {"top_labels": [str(label), str(other)], "top_scores": [score, 1 - score]}
        rows.append({"path": path, "label": str(label), "score": score, "error": None, **top})
    for at in range(errors):
        nothing: dict[str, Any] = {"label": None, "score": None, "top_labels": [], "top_scores": []}
        rows.append({"path": f"bad/{at}.jpg", **nothing, "error": "truncated"})
    identity = {"classes": CLASSES}
    half = len(rows) // 2
    record = {"identity": identity, "versions": {"onoma": "0.2.0"}}
    return write_run(folder, rows[:half], rows[half:], config={"clip": "tiny"}, **record), truth


def pictured_run(folder: Path, images: str, truth: Path, wrong: int = 3) -> str:
    """A run over real images, every ``wrong``-th label of which is wrong, with its manifest."""
    write_manifest(images, str(folder / "manifest"))
    with truth.open(newline="", encoding="utf-8") as lines:
        right = {row["path"]: row["label"] for row in csv.DictReader(lines)}
    classes = sorted(set(right.values()))
    rows = []
    for table in read_manifest(str(folder / "manifest"), ["image_id", "path", "uri"]):
        for at, row in enumerate(table.to_pylist()):
            label = right[row["path"].rpartition("images/")[2]]
            other = next(name for name in classes if name != label)
            label, other = (other, label) if at % wrong == 0 else (label, other)
            score = 0.5 if at % wrong == 0 else 0.9
            top = {"top_labels": [label, other], "top_scores": [score, 1 - score]}
            rows.append({**row, "label": label, "score": score, **top, "error": None})
    rows[-1] |= {"label": None, "score": None, "error": "truncated", "error_detail": "cut"}
    record = {"identity": {"classes": classes}, "versions": {"onoma": "0.2.0"}}
    return write_run(folder, rows, config={"clip": "tiny"}, **record)
