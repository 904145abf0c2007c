"""A claim with what it was on each seed, and the world of the second edition to try claims on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Claim:
    """A difference that is claimed, in points of accuracy or mAP, and what it was on each seed."""

    text: str
    wanted: float
    differences: list[float]

    def row(self) -> str:
        """A row of the table."""
        mean, low, high = np.mean(self.differences), min(self.differences), max(self.differences)
        shown = mean >= self.wanted and low > 0
        return (
            f"| {self.text} | {100 * self.wanted:+.0f} | {100 * mean:+.1f} | {100 * low:+.1f} to "
            f"{100 * high:+.1f} | {'yes' if shown else 'no'} |"
        )


@dataclass(frozen=True)
class World:
    """Where everything is: models, folder, sizes, seeds of the archives."""

    root: Path
    clip: str
    mllm: str
    count: int
    weights: tuple[float, float, float]
    seeds: tuple[int, ...]

    def archive(self, name: str, seed: int, count: int, **settings: Any) -> Path:
        """An archive, drawn when it is not there yet."""
        from fieldguide.archive import draw_archive

        folder = self.root / f"{name}-{seed}"
        if not folder.exists():
            draw_archive(folder, count, seed, edition="2", **settings)
        return folder

    def labelled(self, archive: Path, name: str, config: str, **settings: Any) -> dict[str, Any]:
        """Label an archive with a method and measure it."""
        import ray_jobs.config as configs
        from ray_jobs.verbs.evaluate import evaluate_run
        from ray_jobs.verbs.label import label

        out = archive / "runs" / name
        truth = str(settings.pop("truth", archive / "truth.csv"))
        made = getattr(configs, config)
        fields = made.model_fields
        models = {key: getattr(self, key) for key in ("clip", "mllm") if key in fields}
        if "classes" in fields and "classifier" not in settings:
            settings = {"classes": str(archive / "classes.txt"), **settings}
        record = label(made(images=str(archive / "images"), out=str(out), **models, **settings))
        return {**record, **evaluate_run(str(out), truth, semantic=False)}

    def fitted(self, out: Path, config: str, **settings: Any) -> dict[str, Any]:
        """Fit a method; its record."""
        import ray_jobs.config as configs
        from ray_jobs.verbs.fit import fit

        made = getattr(configs, config)
        models = {key: getattr(self, key) for key in ("clip", "mllm") if key in made.model_fields}
        return fit(made(out=str(out), **models, **settings))
