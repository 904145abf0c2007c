"""Joining a stream of label rows with ground truth, so that no image is lost or counted twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.truth import Truth, TruthError


class TruthJoin:
    """Checks, while labels stream by, that each image of the truth is met once; counts errors."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.rows = 0
        self.errors = 0
        self.met = np.zeros(len(truth.image_ids), dtype=np.int64)

    def positions(self, batch: pa.Table) -> NDArray[np.int64]:
        """Return the truth row of each label row, -1 without truth."""
        at = self.truth.positions(batch.column("image_id").to_numpy())
        failed = pc.is_valid(batch.column("error")).to_numpy()
        self.rows += batch.num_rows
        self.errors += int((failed & (at >= 0)).sum())
        np.add.at(self.met, at[at >= 0], 1)
        return at

    def check(self, run: RunReader) -> None:
        """Raise TruthError unless every image of the truth was met exactly once."""
        for wrong, what in (
            (self.met == 0, "are not in the run's labels table"),
            (self.met > 1, "are in the run's labels table more than once"),
        ):
            if wrong.any():
                example = self.truth.paths[int(np.argmax(wrong))].as_py()
                raise TruthError(
                    f"{wrong.sum()} of the {len(wrong)} images of the truth {what}"
                    f" ({run.uri}), for example {example!r}"
                )

    def note(self, *more: str | None) -> str | None:
        """Say in words what a reader of the numbers should know."""
        without = self.rows - len(self.met)
        left_out = f"images of the run without truth, left out: {without}"
        parts = [self.truth.note, left_out if without else None, *more]
        return "; ".join(part for part in parts if part) or None
