"""Runs over the same images side by side: an integer for each image and run, whatever the labels.

An image's labels become one 64-bit sum of hashes, so that a run of any length and of many labels
costs eight bytes an image, and two runs say the same where their sums are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from methods.errors import InputError
from methods.splitmix64 import splitmix64
from ray_jobs.runs.reader import RunReader, explode

UNLABELLED: Final = np.uint64(0)


@dataclass(frozen=True)
class AlignedRuns:
    """What R runs say of the n images of the first.

    Attributes:
        runs: R of them.
        ids: int64 (n,), ascending.
        said: uint64 (R, n), equal where two runs say the same, `UNLABELLED` without a label.
        counts: for each run, how many images have a label, by label.
        errors: for each run, how many images have an error, by code.
        images: how many rows each run has.
        strangers: how many of them are no images of the first run.
    """

    runs: Sequence[RunReader]
    ids: NDArray[np.int64]
    said: NDArray[np.uint64]
    counts: list[dict[str, int]]
    errors: list[dict[str, int]]
    images: list[int]
    strangers: list[int]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Where a run says anything, bool (R, n)."""
        return self.said != UNLABELLED

    def agreement(self) -> NDArray[np.float64]:
        """The share of images on which two runs say the same, of those that both label.

        Returns:
            float64 (R, R), symmetric; NaN where two runs label no image together.
        """
        number = len(self.runs)
        shares = np.full((number, number), np.nan)
        for one in range(number):
            for other in range(one, number):
                both = (self.said[one] != UNLABELLED) & (self.said[other] != UNLABELLED)
                if both.any():
                    same = float((self.said[one][both] == self.said[other][both]).mean())
                    shares[one, other] = shares[other, one] = same
        return shares

    def unanimous(self) -> tuple[int, int]:
        """On how many images all runs say the same, and how many all of them label."""
        every = self.labelled.all(axis=0)
        same = (self.said == self.said[0]).all(axis=0)
        return int((every & same).sum()), int(every.sum())


class LabelHashes:
    """A hash for each label, whatever its case; a spoken name counts as the id of its class."""

    def __init__(self, run: RunReader) -> None:
        """Take the classes of a run."""
        self._codes: dict[str, int] = {}
        self._ids: dict[str, str] = {}
        if run.named is not None:
            for own, name in zip(run.named.ids, run.named.names, strict=True):
                self._ids.setdefault(_folded(name), _folded(own))

    def of(self, labels: pa.Array, stands_for: Mapping[str, str]) -> NDArray[np.uint64]:
        """Hash labels.

        Args:
            labels: string (m,).
            stands_for: the class that a discovered name was matched with.

        Returns:
            uint64 (m,), none of them 0.
        """
        encoded = labels.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        codes = [self._code(stands_for.get(name, name)) for name in names]
        hashes = splitmix64(np.array(codes, np.uint64))
        return hashes[encoded.indices.to_numpy()]

    def _code(self, label: str) -> int:
        key = _folded(label)
        return self._codes.setdefault(self._ids.get(key, key), len(self._codes) + 1)


def align_runs(
    runs: Sequence[RunReader], names: Sequence[Mapping[str, str]] | None = None
) -> AlignedRuns:
    """Read the labels of each run once.

    Args:
        runs: the first says which images there are.
        names: for each run the class that each of its discovered names stands for.

    Raises:
        InputError: the first run has no rows, or another has no image of it.
    """
    ids = _ids(runs[0])
    hashes = LabelHashes(runs[0])
    found = AlignedRuns(runs, ids, np.zeros((len(runs), len(ids)), np.uint64), [], [], [], [])
    for at, run in enumerate(runs):
        _read(run, found, hashes, names[at] if names else {}, found.said[at])
        if found.strangers[at] == found.images[at]:
            raise InputError(
                f"{run.uri} has no image of {runs[0].uri}; give runs over the same images"
            )
    return found


def _ids(run: RunReader) -> NDArray[np.int64]:
    parts = [batch.column("image_id").to_numpy() for batch in run.batches(["image_id"])]
    if not parts:
        raise InputError(f"the labels table of {run.uri} has no rows, so nothing can be compared")
    return np.unique(np.concatenate(parts))


def _read(
    run: RunReader,
    found: AlignedRuns,
    hashes: LabelHashes,
    stands_for: Mapping[str, str],
    said: NDArray[np.uint64],
) -> None:
    counts: dict[str, int] = {}
    errors: dict[str, int] = {}
    images = strangers = 0
    for batch in run.batches(["image_id", "labels", "error"]):
        own = batch.column("image_id").to_numpy()
        at = positions(found.ids, own)
        row, label = explode(batch.column("labels").combine_chunks())
        sums = np.zeros(len(own), np.uint64)
        with np.errstate(over="ignore"):
            np.add.at(sums, row, hashes.of(label, stands_for))
        said[at[at >= 0]] = sums[at >= 0]
        images += len(own)
        strangers += int((at < 0).sum())
        _add(counts, label)
        _add(errors, batch.column("error").combine_chunks().drop_null())
    found.counts.append(counts)
    found.errors.append(errors)
    found.images.append(images)
    found.strangers.append(strangers)


def positions(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each of ``wanted`` in ascending ``ids``, int64; -1 where it is not there."""
    at = np.searchsorted(ids, wanted)
    at[at == len(ids)] = 0
    return np.where(ids[at] == wanted, at, -1)


def _add(totals: dict[str, int], values: pa.Array) -> None:
    for pair in pc.value_counts(values).to_pylist():
        totals[pair["values"]] = totals.get(pair["values"], 0) + pair["counts"]


def _folded(label: str) -> str:
    return label.casefold().strip()
