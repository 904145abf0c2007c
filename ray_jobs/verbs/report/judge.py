"""Right or wrong, for millions of (image, label) pairs at a time.

Discovered names need not be spelled as the truth spells them: a name is then right where the class
is that it was matched with.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_jobs.runs.reader import explode
from ray_jobs.verbs.evaluate.truth import Truth


class Judge:
    """Looks up whether a label is among the true labels of an image."""

    def __init__(self, truth: Truth, names: Mapping[str, str] | None = None) -> None:
        """Index ``truth``: one int64 per true label.

        Args:
            truth: aligned truth.
            names: the class that each discovered name stands for; None if labels are classes.
        """
        self.truth = truth
        row, label = explode(truth.labels)
        self._classes = pc.unique(label)
        self._labels, self._stands_for = self._classes, np.arange(len(self._classes))
        if names is not None:
            self._labels = pa.array(list(names), pa.string())
            self._stands_for = self._codes(
                pa.array(list(names.values()), pa.string()), self._classes
            )
        self._pairs = np.sort(self._pair(row, self._codes(label, self._classes)))

    def _codes(self, labels: pa.Array, known: pa.Array) -> NDArray[np.int64]:
        codes: NDArray[np.int64] = pc.index_in(labels, known).fill_null(-1).to_numpy()
        return codes.astype(np.int64)

    def _pair(self, row: NDArray[np.int64], code: NDArray[np.int64]) -> NDArray[np.int64]:
        return row.astype(np.int64) * max(len(self._classes), 1) + code

    def _is_among(self, image_ids: NDArray[np.int64], code: NDArray[np.int64]) -> NDArray[np.bool_]:
        row = self.truth.positions(image_ids)
        known: NDArray[np.bool_] = (row >= 0) & (code >= 0)
        known &= len(self._pairs) > 0
        pairs = self._pair(row[known], code[known])
        at = np.searchsorted(self._pairs, pairs)  # np.isin would sort all pairs for every batch
        known[known] = self._pairs[np.minimum(at, len(self._pairs) - 1)] == pairs
        return known

    def can_tell(self, image_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say for each image whether its truth is known, bool of the same shape."""
        return self.truth.positions(image_ids) >= 0

    def is_true(self, image_ids: NDArray[np.int64], labels: pa.Array) -> NDArray[np.bool_]:
        """Say for each (image, label) pair whether the label is right; False without truth."""
        code = self._codes(labels, self._labels)
        return self._is_among(image_ids, np.append(self._stands_for, -1)[code])

    def is_of(self, image_ids: NDArray[np.int64], true_class: str) -> NDArray[np.bool_]:
        """Say for each image whether it truly is of a class; False without truth."""
        code = self._codes(pa.array([true_class], pa.string()), self._classes)
        return self._is_among(image_ids, np.repeat(code, len(image_ids)))

    def verdict(self, image_id: int, labels: list[str]) -> bool | None:
        """Say whether all ``labels`` of one image are right; None if it cannot be told."""
        ids = np.full(len(labels), image_id, dtype=np.int64)
        if not labels or not self.can_tell(ids).all():
            return None
        return bool(self.is_true(ids, pa.array(labels, pa.string())).all())

    def true_labels(self, image_id: int) -> list[str] | None:
        """Return the true labels of one image, None without truth."""
        row = int(self.truth.positions(np.array([image_id], dtype=np.int64))[0])
        return None if row < 0 else self.truth.labels_at(row)
