"""A cascade that asks about uncertain images: accuracy by budget, beside CLIP and asking about all.

    uv run python -m benchmarks.cascade [--seeds 9301 9302] [--count 300] [--pilot 60] \
        [--edition 2 --clip CLIP --mllm MLLM] [--again]

Each archive is labelled once by the real command, with a budget for all images; which images a
smaller budget asks about, and what the run's rows would then be, follows from that run's scores and
answers by the functions that ``onoma label cascade --no-learn`` chooses with (``--again`` labels
with a budget of 20 % by the command as well, and fails unless its rows are the same). Printed:
accuracy of CLIP alone, of asking about every image, and at each budget, with the share of the gain
that is had, by measure of uncertainty, without a pilot and with one; and what the pilot expected
without a label. What the answers teach about other images is in `benchmarks.cascade_head`.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from methods.cascade import pilot as estimate
from methods.cascade.budget import parse_budget
from methods.cascade.choosing import choose, ranked, spread
from methods.cascade.pilot import NOTHING_KNOWN, PilotFit
from methods.settings import MEASURES, Measure

BUDGETS = ("5%", "10%", "20%", "40%")


class Archive:
    """One archive, labelled with every image asked about."""

    def __init__(self, root: Path, seed: int, options: argparse.Namespace) -> None:
        """Draw it and label it.

        Args:
            root: folder that keeps archives and runs.
            seed: of the archive.
            options: of the benchmark.
        """
        from ray_jobs.runs.folder import RunFolder

        self.images, self._options = root / f"archive{seed}" / "images", options
        self._folder = self.images.parent
        if not self._folder.exists():
            self._draw(seed)
        self.run_uri = str(root / f"all{seed}")
        record = self.label(self.run_uri, "100%", learn=False)
        self.run = RunFolder(self.run_uri, record)
        rows = self.rows(self.run_uri)
        with (self._folder / "truth.csv").open(newline="", encoding="utf-8") as file:
            truth = {row["path"]: row["label"] for row in csv.DictReader(file)}
        self.ids = np.array(sorted(rows))
        own = [rows[each] for each in self.ids.tolist()]
        self.true = true = [truth[row["path"]] for row in own]
        self.clip = np.array([row["clip_label"] == t for row, t in zip(own, true, strict=True)])
        self.asked = np.array([row["label"] == t for row, t in zip(own, true, strict=True)])
        self.inside = np.array([t in row["choices"] for row, t in zip(own, true, strict=True)])
        said = [row["top_labels"][0] if row["decided_by"] == "mllm" else None for row in own]
        self.said = dict(zip(self.ids.tolist(), said, strict=True))

    def _draw(self, seed: int) -> None:
        from fieldguide.archive import draw_archive

        options = self._options
        draw_archive(self._folder, options.count, seed, edition=options.edition)

    def label(self, out: str, budget: str, learn: bool) -> dict[str, Any]:
        """Label it by the real command, with or without a head that the answers teach."""
        from ray_jobs.config import LabelCascadeConfig
        from ray_jobs.verbs.label import label

        return label(
            LabelCascadeConfig(
                images=str(self.images),
                classes=str(self._folder / "classes.txt"),
                out=out,
                budget=budget,
                learn=learn,
                category="bird",
                clip=self._options.clip,
                mllm=self._options.mllm,
            )
        )

    def rows(self, out: str) -> dict[int, dict[str, Any]]:
        """The labels table by image."""
        import pyarrow.parquet as pq

        table = pq.read_table(Path(out) / "labels", partitioning=None)
        return {row["image_id"]: row for row in table.to_pylist()}

    def scored(self, measure: Measure, fit: PilotFit) -> Any:
        """What the run's scores say of each image."""
        from ray_jobs.pipelines.cascade.scored import read_scored

        return read_scored(self.run, self._options.choices, fit.at, measure, fit.right)

    def chosen(self, measure: Measure, fit: PilotFit, budget: str) -> NDArray[np.bool_]:
        """Which of ``ids`` a budget asks about."""
        scored = self.scored(measure, fit)
        most = parse_budget(budget).images(len(self.ids))
        picked = scored.ids[choose(scored.ids, scored.uncertainty, most)]
        return np.isin(self.ids, picked)

    def accuracy(self, chosen: NDArray[np.bool_]) -> float:
        """Accuracy with the model's label of some images and CLIP's of the others."""
        return float(np.where(chosen, self.asked, self.clip).mean())

    def pilot(self, count: int) -> PilotFit:
        """What a pilot of so many images says."""
        from ray_jobs.pipelines.cascade.scored import choices_of

        scored = self.scored("gain", NOTHING_KNOWN)
        ids = scored.ids[spread(scored.ids, scored.confidence, count)]
        own = choices_of(self.run, ids, self._options.choices)
        names = self.run.record["identity"]["classes"]
        said = np.array(
            [
                -1 if (name := self.said[each]) is None else names.index(name)
                for each in own.ids.tolist()
            ]
        )
        hits = own.top == said[:, None]
        return estimate.fit_pilot(
            own.logits, own.log_sums, np.where(hits.any(axis=1), hits.argmax(axis=1), -1)
        )


def print_budgets(archives: Sequence[Archive], fits: Sequence[PilotFit], name: str) -> None:
    """One row for each measure: accuracy at each budget, and the share of the gain."""
    clip = np.mean([each.clip.mean() for each in archives])
    whole = np.mean([each.asked.mean() for each in archives])
    for measure in MEASURES:
        cells = []
        for budget in BUDGETS:
            own = np.mean(
                [
                    each.accuracy(each.chosen(measure, fit, budget))
                    for each, fit in zip(archives, fits, strict=True)
                ]
            )
            share = (own - clip) / (whole - clip) if whole != clip else float("nan")
            cells.append(f"{own:.3f} ({share:.0%})")
        print(f"| {measure}, {name} | {clip:.3f} | {' | '.join(cells)} | {whole:.3f} |", flush=True)


def print_bounds(archives: Sequence[Archive]) -> None:
    """What any choice of 20 % of the images could reach, and how often each model is right."""
    best = []
    for each in archives:
        worth = each.asked.astype(int) - each.clip.astype(int)
        most = parse_budget("20%").images(len(worth))
        best.append(
            each.clip.mean() + np.clip(np.sort(worth)[::-1][:most], 0, None).sum() / len(worth)
        )
    inside = np.concatenate([each.inside for each in archives])
    asked = np.concatenate([each.asked for each in archives])
    clip = np.concatenate([each.clip for each in archives])
    print(
        f"the true class is among the choices of {inside.mean():.1%}, where the model is right "
        f"in {asked[inside].mean():.1%}"
    )
    print(
        f"CLIP is wrong and the model right in {(asked & ~clip).mean():.1%}, the other way round "
        f"in {(clip & ~asked).mean():.1%}; a choice of 20 % that knew this reaches "
        f"{np.mean(best):.3f}"
    )


def print_expected(archives: Sequence[Archive], fits: Sequence[PilotFit]) -> None:
    """What the pilots expected, beside what was so."""
    print("| share asked about | expected | was |\n|---|---|---|")
    found: dict[float, list[tuple[float, float]]] = {}
    for each, fit in zip(archives, fits, strict=True):
        scored = each.scored("gain", fit)
        best = np.stack([scored.confidence, scored.inside - scored.confidence], axis=1)
        order = ranked(scored.ids, each.scored("gain", NOTHING_KNOWN).uncertainty)
        for point in estimate.curve(best, order, fit, len(scored.ids)):
            picked = scored.ids[order[: point.images]]
            was = each.accuracy(np.isin(each.ids, picked))
            found.setdefault(point.share, []).append((point.accuracy, was))
    for share, pairs in found.items():
        expected, was = np.mean(pairs, axis=0)
        print(f"| {share:.0%} | {expected:.3f} | {was:.3f} |")
    for fit in fits:
        print(
            f"<!-- temperature {fit.temperature:.2f}, the model right in {fit.right:.2f} "
            f"({fit.low:.2f} to {fit.high:.2f}) -->"
        )


def check_again(archive: Archive) -> None:
    """Label with a budget of 20 % by the command, and compare."""
    out = f"{archive.run_uri}-again"
    archive.label(out, "20%", learn=False)
    rows = archive.rows(out)
    decided = [rows[each]["decided_by"] == "mllm" for each in archive.ids.tolist()]
    chosen = archive.chosen("gain", NOTHING_KNOWN, "20%")
    if not np.array_equal(
        decided,
        chosen & np.array([archive.said[each] is not None for each in archive.ids.tolist()]),
    ):
        raise SystemExit("the command asked about other images than the table above says")
    print("the command, with a budget of 20 %: the same images, all from the response cache")


def archive_parser(description: str | None) -> argparse.ArgumentParser:
    """What `Archive` takes of a command line."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[9301, 9302])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--choices", type=int, default=5)
    parser.add_argument("--edition", choices=("1", "2"), default="1", help="of the drawn world")
    parser.add_argument("--clip", default="fieldguide", help="as onoma label takes it")
    parser.add_argument("--mllm", default="fieldguide", help="as onoma label takes it")
    parser.add_argument("--work", type=Path, help="folder that keeps the archives and the runs")
    return parser


def main() -> None:
    """Label, try all budgets, print what each gives."""
    parser = archive_parser(__doc__)
    parser.add_argument("--pilot", type=int, default=60)
    parser.add_argument("--again", action="store_true", help="check one budget by the command")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas(options.mllm):
        archives = [Archive(options.work or Path(temporary), s, options) for s in options.seeds]
        print(describe())
        print(f"| asked about first by | CLIP alone | {' | '.join(BUDGETS)} | every image |")
        print("|---" * (len(BUDGETS) + 3) + "|")
        print_budgets(archives, [NOTHING_KNOWN] * len(archives), "at CLIP's own temperature")
        fits = [each.pilot(options.pilot) for each in archives]
        print_budgets(archives, fits, f"at the temperature of a pilot of {options.pilot}")
        print_bounds(archives)
        print_expected(archives, fits)
        if options.again:
            check_again(archives[0])


if __name__ == "__main__":
    main()
