"""Figures of evaluated runs, how sure they are, and whether two runs of an archive differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.errors import InputError
from methods.metrics_bootstrap import (
    Figure,
    Interval,
    PairedDifference,
    RankedClasses,
    bootstrap_interval,
    exact_mcnemar,
    mean_over,
    paired_bootstrap,
)
from methods.settings import RESAMPLES
from ray_jobs.verbs.evaluate.kept import KeptEvaluation
from ray_jobs.verbs.evaluate.multi_label import rank_images
from ray_jobs.verbs.evaluate.truth import Truth
from ray_jobs.verbs.table.entries import Entry, archive_key

_COLUMNS: Final = {
    "accuracy": "correct",
    "top5": "in_top5",
    "cacc": "matched",
    "sacc": "similarity",
}
"""Column of the kept images that a metric is the mean of."""


class Baselines:
    """The runs that others are tested against, one an archive."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        """Take them.

        Raises:
            InputError: two are of one archive.
        """
        self._of: dict[str, Entry] = {}
        for entry in entries:
            other = self._of.setdefault(archive_key(entry.evaluation), entry)
            if other is not entry:
                raise InputError(
                    f"--against {entry.evaluation.run.uri} and {other.evaluation.run.uri} are of "
                    "one archive; give one baseline an archive"
                )

    def of(self, evaluation: KeptEvaluation) -> KeptEvaluation | None:
        """The baseline of a run; None where nothing is tested, and for the baseline itself.

        Raises:
            InputError: there are baselines, and none is of the run's archive.
        """
        if not self._of:
            return None
        entry = self._of.get(archive_key(evaluation))
        if entry is None:
            other = next(iter(self._of.values())).evaluation.run.uri
            raise InputError(
                f"{evaluation.run.uri} and --against {other} were evaluated on other images or "
                "another truth, and a paired test compares runs of one archive; give --against "
                "once for each archive"
            )
        return None if entry.evaluation is evaluation else entry.evaluation


class Measures:
    """Measures runs, each figure once."""

    METRICS: Final = {
        "accuracy": "accuracy",
        "top5": "top-5",
        "cacc": "cACC",
        "sacc": "sACC",
        "map": "mAP",
    }
    """The metrics of a table, and what they are called there."""

    def __init__(
        self, resamples: int = RESAMPLES, seed: int = 0, baselines: Baselines | None = None
    ) -> None:
        """Choose how.

        Args:
            resamples: of the bootstrap; 0 for no intervals, and then mAP and sACC have no test.
            seed: of the resamples.
            baselines: that runs are tested against.
        """
        self._resamples, self._seed = resamples, seed
        self._baselines = baselines or Baselines()
        self._figures: dict[tuple[str, str], Figure] = {}

    def has(self, evaluation: KeptEvaluation, metric: str) -> bool:
        """Whether a run has a metric."""
        return evaluation.figures.get(metric) is not None

    def value(self, evaluation: KeptEvaluation, metric: str) -> float:
        """The figure of a run, a fraction."""
        return float(evaluation.figures[metric])

    def interval(self, evaluation: KeptEvaluation, metric: str) -> Interval | None:
        """The 95 % interval of a figure, by a bootstrap over images."""
        if not self._resamples:
            return None
        figure = self._figure(evaluation, metric)
        images = evaluation.images.num_rows
        return bootstrap_interval(figure, images, resamples=self._resamples, seed=self._seed)

    def paired(self, evaluation: KeptEvaluation, metric: str) -> PairedDifference | None:
        """A run against its baseline: McNemar's test of hits, the bootstrap of means of others.

        Raises:
            InputError: there are baselines, and none is of the run's archive.
        """
        other = self._baselines.of(evaluation)
        if other is None or not self.has(other, metric):
            return None
        if metric not in ("accuracy", "top5", "cacc") and not self._resamples:
            return None
        return self._tested(evaluation, other, metric)

    def apart(
        self, evaluation: KeptEvaluation, other: KeptEvaluation, metric: str
    ) -> tuple[PairedDifference, Interval]:
        """A run against any other of its archive, and the 95 % interval of the difference.

        Raises:
            ValueError: the runs were evaluated on other images, or there are no resamples.
        """
        one, two = self._figure(evaluation, metric), self._figure(other, metric)
        images = evaluation.images.num_rows
        if images != other.images.num_rows:
            raise ValueError(f"runs of other images: {images} and {other.images.num_rows}")
        interval = bootstrap_interval(
            lambda counts: one(counts) - two(counts),
            images,
            resamples=self._resamples,
            seed=self._seed,
        )
        return self._tested(evaluation, other, metric), interval

    def _tested(
        self, evaluation: KeptEvaluation, other: KeptEvaluation, metric: str
    ) -> PairedDifference:
        if metric in ("accuracy", "top5", "cacc"):
            return exact_mcnemar(_hits(evaluation, metric), _hits(other, metric))
        return paired_bootstrap(
            self._figure(evaluation, metric),
            self._figure(other, metric),
            evaluation.images.num_rows,
            resamples=self._resamples,
            seed=self._seed,
        )

    def _figure(self, evaluation: KeptEvaluation, metric: str) -> Figure:
        key = evaluation.run.uri, metric
        if key not in self._figures:
            if metric == "map":
                ranked = rank_images(evaluation.run, _truth_of(evaluation))
                self._figures[key] = RankedClasses(ranked.ranking, ranked.positive)
            else:
                self._figures[key] = mean_over(_values(evaluation, metric))
        return self._figures[key]


def _values(evaluation: KeptEvaluation, metric: str) -> NDArray[np.float64]:
    column = evaluation.images.column(_COLUMNS[metric])
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _hits(evaluation: KeptEvaluation, metric: str) -> NDArray[np.bool_]:
    return _values(evaluation, metric) > 0


def _truth_of(evaluation: KeptEvaluation) -> Truth:
    """The truth that a multi-label run was evaluated with."""
    images = evaluation.images
    ids = images.column("image_id").to_numpy()
    paths, labels = (images.column(name).combine_chunks() for name in ("path", "labels"))
    return Truth(ids, paths, labels)
