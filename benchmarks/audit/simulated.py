"""Labellers drawn at random, whose truth is known: what the audit and the calibration say of them.

They have confusion matrices with classes that look alike, images that are hard for all, and scores:
not the model that the audit fits. The last rows break its assumption on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.audit.accuracy import estimate
from methods.audit.dependence import suspicions
from methods.calibration.classes import class_thresholds
from methods.calibration.scores import best_curve

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """Labellers of a simulated archive; ``broken`` says what breaks the assumption."""

    name: str
    accuracies: tuple[float, ...]
    classes: int = 20
    images: int = 600
    hard: float = 0.3
    alike: float = 0.4
    skew: float = 0.0
    broken: str = ""


SETTINGS = (
    Setting("three alike", (0.8, 0.8, 0.8)),
    Setting("first is best", (0.9, 0.75, 0.7)),
    Setting("first is worst", (0.6, 0.8, 0.85)),
    Setting("noisy", (0.5, 0.6, 0.55)),
    Setting("many classes", (0.75, 0.7, 0.8), classes=200),
    Setting("four classes", (0.8, 0.7, 0.75), classes=4),
    Setting("hard images", (0.75, 0.75, 0.7), hard=0.5),
    Setting("classes look alike", (0.75, 0.8, 0.7), alike=0.8),
    Setting("few images", (0.8, 0.7, 0.75), images=150),
    Setting("classes are uneven", (0.85, 0.8, 0.75), skew=1.0),
    Setting("two labellers", (0.8, 0.75)),
    Setting("second copies first", (0.75, 0.75, 0.7), broken="copy"),
    Setting("second nearly copies", (0.75, 0.75, 0.7), broken="near"),
)


def drawn(setting: Setting, seed: int) -> tuple[Codes, Codes, NDArray[np.float64]]:
    """Truth (n,), labels (n, J) and scores (n,) of the first labeller."""
    rng = np.random.default_rng([seed, 41])
    n, count = setting.images, setting.classes
    shares = 1.0 / np.arange(1, count + 1) ** setting.skew
    truth = rng.choice(count, n, p=shares / shares.sum())
    difficulty = np.where(rng.random(n) < setting.hard, 0.45, 1.0)
    scale = setting.hard * 0.45 + 1 - setting.hard
    class_skill = rng.normal(0, 0.05, count)
    near = (truth + 1 + rng.integers(0, 2, n)) % count  # the class that this image looks like
    columns, chance = [], np.empty(n)
    for j, accuracy in enumerate(setting.accuracies):
        p = np.clip((accuracy + class_skill[truth]) / scale * difficulty, 0.03, 0.99)
        right = rng.random(n) < p
        other = (truth + rng.integers(1, count, n)) % count
        wrong = np.where(rng.random(n) < setting.alike, near, other)
        columns.append(np.where(right, truth, wrong))
        if j == 0:
            chance = np.clip(0.5 * p + 0.3 * right + rng.normal(0, 0.15, n), 0.01, 0.99)
    labels = np.stack(columns, axis=1)
    if setting.broken:
        labels[:, 1] = labels[:, 0]
        if setting.broken == "near":
            redrawn = rng.random(n) < 0.07
            labels[redrawn, 1] = rng.integers(0, count, int(redrawn.sum()))
    return truth, labels, chance


def simulate(seeds: list[int]) -> None:
    """Print truth, estimate and interval of each setting, and what was said of its assumption."""
    print("| setting | seed | truth | estimate | 90 % interval | inside | said |")
    print("|---|---|---|---|---|---|---|")
    inside, away = [], []
    for setting in SETTINGS:
        for seed in seeds:
            truth, labels, scores = drawn(setting, seed)
            sources = [frozenset({str(j)}) for j in range(labels.shape[1])]
            doubts = suspicions(labels, sources)
            pairs = [each.pair for each in doubts]
            found = estimate(labels, scores, pairs, setting.classes, seed).accuracy
            actual = float((labels[:, 0] == truth).mean())
            hit = found.low <= actual <= found.high
            if not setting.broken:
                inside.append(hit)
                away.append(abs(found.estimate - actual))
            said = ", ".join(each.kind for each in doubts) or "-"
            print(
                f"| {setting.name} | {seed} | {actual:.3f} | {found.estimate:.3f} | "
                f"{found.low:.3f} to {found.high:.3f} | {'yes' if hit else 'no'} | {said} |",
                flush=True,
            )
    print(
        f"\nassumption not broken: {sum(inside)} of {len(inside)} inside, mean absolute error "
        f"{100 * np.mean(away):.1f} points"
    )


def calibrate(seeds: list[int]) -> None:
    """Print precision and coverage on fresh images for a wanted precision of 0.95."""
    print("\n| seed | curve | kept of fresh images | precision there |")
    print("|---|---|---|---|")
    setting = Setting("calibrate", (0.85, 0.8, 0.8), images=30_000)
    held = 0
    for seed in seeds:
        truth, labels, scores = drawn(setting, seed)
        right, given = labels[:, 0] == truth, labels[:, 0]
        seen = slice(0, 600)
        curve, _ = best_curve(scores[seen], right[seen], np.ones(600))
        found = class_thresholds(
            scores[seen], right[seen], np.ones(600), given[seen], 20, 0.95, 0.95, 60
        )
        kept = scores[600:] >= found.scores[given[600:]]
        precision = right[600:][kept].mean() if kept.any() else 1.0
        held += bool(precision >= 0.95)
        print(f"| {seed} | {curve.kind} | {kept.mean():.1%} | {precision:.3f} |")
    print(f"\n0.95 held on {held} of {len(seeds)} seeds")
