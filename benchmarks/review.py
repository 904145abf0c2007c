"""Reviews simulated on known truth: how often the interval holds it, and how many answers it takes.

    uv run python -m benchmarks.review [--reviews 200] [--images 20000]

Archives are drawn with a score and a right or wrong label for each image: scores that say how
likely a label is right, scores that are too sure of themselves, scores that say little, and none.
A simulated review is asked image after image, as `onoma review` asks, and stops after a number of
answers or once its interval is narrow enough. "random" is how many answers a plain random sample
needs for an interval as narrow, by Wilson's formula at the true share.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from methods.review_sampling import expected_shares, next_stratum, spreads
from methods.review_strata import ScoreCounts, Strata, make_strata
from methods.stratified import ShareInterval, random_sample_size, stratified

CLASSES = 24
KINDS = ("sharp", "too sure", "weak", "none")


@dataclass(frozen=True)
class DrawnArchive:
    """An archive whose truth is known: each image's stratum, and whether its label is right."""

    strata: Strata
    stratum: np.ndarray
    right: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of labels that are right."""
        return float(self.right.mean())


def draw_archive(kind: str, images: int, seed: int) -> DrawnArchive:
    """Draw an archive.

    Args:
        kind: one of `KINDS`: most scores near 1 and honest; the same with scores pushed up; honest
            scores that are all alike; scores that have nothing to do with it.
        images: how many.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    label = random.choice(CLASSES, images, p=random.dirichlet(np.full(CLASSES, 3.0)))
    hard = random.normal(0, 0.7, CLASSES)[label]
    if kind == "weak":
        chance = 1 / (1 + np.exp(-(random.normal(1.3, 0.5, images) + 0.3 * hard)))
    else:  # three in four are easy
        easy = random.random(images) < 0.75
        logit = np.where(
            easy, random.normal(4.5, 0.8, images), random.normal(0.3, 1.0, images) + hard
        )
        chance = 1 / (1 + np.exp(-logit))
    right = random.random(images) < chance
    score = chance
    if kind == "too sure":
        score = 1 / (1 + np.exp(-2 * np.log(chance / (1 - chance)) - 1))
    if kind == "none":
        score = random.random(images)
    found = ScoreCounts()
    for each in range(CLASSES):
        found.add(f"class {each}", score[label == each])
    strata = make_strata(found)
    stratum = np.zeros(images, np.int64)
    for each in range(CLASSES):
        mine = label == each
        stratum[mine] = strata.of(f"class {each}", found.bins(score[mine]))
    return DrawnArchive(strata, stratum, right)


def review(
    archive: DrawnArchive, seed: int, answers: int, half_width: float = 0.0, refit: int = 1
) -> tuple[ShareInterval, int]:
    """Simulate one review; returns the interval at its end and how many answers it took.

    Args:
        archive: what is reviewed.
        seed: of the order inside strata.
        answers: how many at most.
        half_width: of the interval; it ends once it is reached.
        refit: after how many answers the model of the scores learns again.
    """
    random = np.random.default_rng(seed)
    sizes, spread = archive.strata.sizes, np.empty(0)
    # the order inside a stratum is random: whether the next one is wrong is drawn as it comes
    wrong = np.bincount(archive.stratum[~archive.right], minlength=len(sizes))
    n, x = np.zeros(len(sizes), np.int64), np.zeros(len(sizes))
    scores = archive.strata.scores
    for step in range(answers):
        if step % refit == 0:
            spread = spreads(scores, sizes, n, x)
        at = next_stratum(sizes, n, sizes - n, spread)
        if at is None:
            break
        bad = random.random() * (sizes[at] - n[at]) < wrong[at] - (n[at] - x[at])
        n[at] += 1
        x[at] += not bad
        if half_width:
            interval = stratified(sizes, n, x, expected_shares(scores, sizes, n, x))
            if interval.half_width <= half_width:
                break
    return stratified(sizes, n, x, expected_shares(scores, sizes, n, x)), int(n.sum())


def coverage(kind: str, images: int, reviews: int, answers: int, seed: int = 0) -> dict[str, float]:
    """Simulate reviews, each of an archive of its own, and count how often the interval holds."""
    held, widths, needed, errors = 0, [], [], []
    for each in range(reviews):
        archive = draw_archive(kind, images, 1000 * seed + each)
        interval, count = review(archive, 7_000_000 + 1000 * seed + each, answers, refit=5)
        held += interval.low <= archive.accuracy <= interval.high
        errors.append(interval.estimate - archive.accuracy)
        widths.append(interval.half_width)
        needed.append(random_sample_size(archive.accuracy, interval.half_width, images) / count)
    return {
        "held": held / reviews,
        "half_width": float(np.mean(widths)),
        "error": float(np.mean(errors)),
        "ratio": float(np.mean(needed)),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    print("| scores | answers | holds the truth | mean error | half width | random / review |")
    print("|---|---|---|---|---|---|")
    for kind in KINDS:
        for answers in (100, 200, 400):
            found = coverage(kind, given.images, given.reviews, answers, given.seeds)
            print(
                f"| {kind} | {answers} | {found['held']:.1%} | "
                f"{100 * found['error']:+.2f} points | {100 * found['half_width']:.1f} points | "
                f"{found['ratio']:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
