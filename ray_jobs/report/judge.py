"""Right or wrong, for millions of (image, label) pairs at a time.

Discovered names need not be spelled as the truth spells them: a name that the truth does not know
is then neither right nor wrong.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_jobs.finished_run import explode
from ray_jobs.truth import Truth


class Judge:
    """Looks up whether a label is among the true labels of an image."""

    def __init__(self, truth: Truth, *, names_discovered: bool = False) -> None:
        """Index ``truth``: one int64 per true label."""
        self.truth = truth
        self.names_discovered = names_discovered
        row, label = explode(truth.labels)
        self.classes = pc.unique(label)
        self._pairs = np.sort(self._pair(row, pc.index_in(label, self.classes).to_numpy()))

    def _pair(self, row: NDArray[np.int64], code: NDArray[np.int64]) -> NDArray[np.int64]:
        return row.astype(np.int64) * max(len(self.classes), 1) + code

    def can_tell(self, image_ids: NDArray[np.int64], labels: pa.Array) -> NDArray[np.bool_]:
        """Say for each (image, label) pair whether it is right or wrong at all."""
        known: NDArray[np.bool_] = self.truth.positions(image_ids) >= 0
        if self.names_discovered:
            known &= pc.is_in(labels, self.classes).to_numpy(zero_copy_only=False)
        return known

    def is_true(self, image_ids: NDArray[np.int64], labels: pa.Array) -> NDArray[np.bool_]:
        """Say for each (image, label) pair whether the label is true; False without truth."""
        row = self.truth.positions(image_ids)
        code = pc.index_in(labels, self.classes).fill_null(-1).to_numpy()
        known: NDArray[np.bool_] = (row >= 0) & (code >= 0)
        return known & np.isin(self._pair(row, code), self._pairs)

    def verdict(self, image_id: int, labels: list[str]) -> bool | None:
        """Say whether all ``labels`` of one image are true; None if it cannot be told."""
        ids, names = np.full(len(labels), image_id, dtype=np.int64), pa.array(labels, pa.string())
        if not labels or not self.can_tell(ids, names).all():
            return None
        return bool(self.is_true(ids, names).all())

    def true_labels(self, image_id: int) -> list[str] | None:
        """Return the true labels of one image, None without truth."""
        row = int(self.truth.positions(np.array([image_id], dtype=np.int64))[0])
        return None if row < 0 else self.truth.labels_at(row)
