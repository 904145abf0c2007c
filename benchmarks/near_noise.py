"""NeaR beside plain cross-entropy and PRODEN as more and more names are wrong.

    uv run --group plots python -m benchmarks.near_noise [--archive-seed S] [--out DIR]

One drawn archive is named whole by the MLLM, whose names are wrong in their own way. Of each
sample, a further share of the labels is replaced by random names of the vocabulary; the three ways
of training get the same labels. Printed: the mean cACC over the seeds of the samples, and the
lowest and highest; a plot goes to ``near_noise.svg``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from benchmarks.near_samples import (
    Archive,
    field_guide_tower,
    fit_sample,
    name_archive,
    read_archive,
    sample_of,
)
from methods.near.settings import TRAININGS, NearTrainSettings, Training
from methods.text_tower import TextTower

NOISE = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)

Scores = dict[tuple[Training, float], list[float]]


def sweep(
    archive: Archive, tower: TextTower, size: int, seeds: list[int], levels: list[float]
) -> Scores:
    """Fit every method at every level of noise, on the sample of every seed."""
    scores: Scores = {}
    for noise in levels:
        for method in TRAININGS:
            scores[method, noise] = [
                fit_sample(
                    archive,
                    tower,
                    sample_of(archive, size, seed),
                    NearTrainSettings(method, seed=seed),
                    noise=noise,
                )
                for seed in seeds
            ]
            print(f"  {method} at {noise:.0%}: {np.mean(scores[method, noise]):.3f}", flush=True)
    return scores


def levels_of(scores: Scores) -> list[float]:
    """The levels of noise that were tried, ascending."""
    return sorted({noise for _, noise in scores})


def table(scores: Scores) -> str:
    """The scores as a table in Markdown: mean (lowest to highest)."""
    rows = ["| extra noise | " + " | ".join(TRAININGS) + " |", "|---|" + "---|" * len(TRAININGS)]
    for noise in levels_of(scores):
        cells = [
            f"{np.mean(each):.3f} ({min(each):.3f} to {max(each):.3f})"
            for each in (scores[method, noise] for method in TRAININGS)
        ]
        rows.append(f"| {noise:.0%} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def plot(scores: Scores, mllm: float, path: Path) -> None:
    """Draw the means with their spread."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "onoma"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    levels = levels_of(scores)
    labels: dict[Training, str] = {"near": "NeaR", "ce": "cross-entropy", "proden": "PRODEN"}
    for method, marker in zip(TRAININGS, "osD", strict=True):
        each = [scores[method, noise] for noise in levels]
        mean = [float(np.mean(values)) for values in each]
        low, high = [min(values) for values in each], [max(values) for values in each]
        (line,) = axes.plot(levels, mean, marker=marker, label=labels[method])
        axes.fill_between(levels, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.axhline(mllm, color="0.4", linestyle="--", label="every image named by the MLLM")
    axes.set(xlabel="labels replaced by random names", ylabel="cACC", ylim=(0, 1))
    axes.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Run the sweep and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive-seed", type=int, default=70207)
    parser.add_argument("--count", type=int, default=3000, help="images to draw")
    parser.add_argument("--sample", type=int, default=300, help="images of each sample")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the samples")
    parser.add_argument("--levels", type=float, nargs="+", default=list(NOISE), help="of noise")
    parser.add_argument("--out", type=Path, default=Path("near_noise.svg"), help="the plot")
    parser.add_argument("--work", type=Path, help="folder that keeps the archive and the answers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = options.work or Path(temporary)
        encoder, tower = field_guide_tower()
        drawn, run = name_archive(root, options.archive_seed, options.count)
        archive = read_archive(drawn, run, encoder)
        print(describe())
        print(f"every image named by the MLLM: cACC {archive.named_by_mllm():.3f}")
        scores = sweep(archive, tower, options.sample, options.seeds, options.levels)
        print(table(scores))
        plot(scores, archive.named_by_mllm(), options.out)
        print(options.out)


if __name__ == "__main__":
    main()
