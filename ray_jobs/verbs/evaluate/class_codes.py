"""Class names as integers, and which of an image's best labels is the true one."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.labels.table import TOP_LABELS
from methods.metrics_single import NO_PREDICTION, Codes, hits_of_best
from ray_jobs.runs.reader import explode

BEST: Final = TOP_LABELS
"""Labels among which the true one is looked for: the five that labels tables keep."""


class ClassCodes:
    """Codes of class names, in the order of first appearance."""

    def __init__(self) -> None:
        """Begin with no name."""
        self.codes: dict[str, int] = {}

    def encode(self, names: pa.Array) -> Codes:
        """Return the code of each name, int64; new names get new codes."""
        encoded = names.dictionary_encode()
        known = [self.codes.setdefault(n, len(self.codes)) for n in encoded.dictionary.to_pylist()]
        codes: Codes = np.array(known, dtype=np.int64)[encoded.indices.to_numpy()]
        return codes

    def alphabetical(self) -> tuple[list[str], Codes]:
        """Return the names in order, and for each code its place in that order."""
        names = sorted(self.codes)
        place = np.empty(len(names), dtype=np.int64)
        place[[self.codes[name] for name in names]] = np.arange(len(names))
        return names, place


class BestLabels:
    """Looks for the true class among the `BEST` labels of each image, batch by batch."""

    def __init__(self, images: int) -> None:
        """Begin with no image seen.

        Args:
            images: with truth.
        """
        self._hits = np.zeros(images, dtype=np.bool_)
        self._shortest = BEST
        self._seen: set[int] = set()

    def add(self, batch: pa.Table, at: NDArray[np.int64], true: Codes, names: ClassCodes) -> None:
        """Look at the ``top_labels`` of a batch; those of rows with an error hold nothing.

        Args:
            batch: with ``labels``, ``top_labels`` and ``error``.
            at: the truth row of each row, -1 without truth.
            true: the code of the true class of each truth row.
            names: gives codes.
        """
        row, label = explode(batch.column("top_labels").combine_chunks())
        first = np.searchsorted(row, row)  # rows come in order: where the list of each began
        place = np.arange(len(row)) - first
        kept = place < BEST
        codes = names.encode(label)
        ranked = np.full((batch.num_rows, BEST), NO_PREDICTION)
        ranked[row[kept], place[kept]] = codes[kept]
        given = pc.list_value_length(batch.column("labels")).fill_null(0).to_numpy() > 0
        looked_at = given & (at >= 0) & pc.is_null(batch.column("error")).to_numpy()
        if looked_at.any():
            self._seen.update(np.unique(codes).tolist())
            lengths = (ranked[looked_at] != NO_PREDICTION).sum(axis=1)
            self._shortest = min(self._shortest, int(lengths.min()))
            self._hits[at[looked_at]] = hits_of_best(true[at[looked_at]], ranked[looked_at])

    @property
    def hits(self) -> NDArray[np.bool_] | None:
        """Whether the true class is among the best, bool (images,).

        None of a run that does not rank so many, such as one whose model chose one class: what
        stands in its list says nothing of the classes that do not.
        """
        needed = min(BEST, len(self._seen))
        return self._hits if self._seen and self._shortest >= needed > 1 else None
