"""Ground truth for `evaluate` and `report`: reading ``truth.csv`` and joining it by image id.

The only place of the project that reads human labels. The file has the header ``path,label``;
several labels of one image are joined by ``|``. Paths are relative to the archive's root, so their
hash is the ``image_id`` of the labels table.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from actors import storage
from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.runs.reader import RunReader


class TruthError(InputError):
    """The ground truth is missing, malformed, or does not belong to the run."""


@dataclass(frozen=True)
class Truth:
    """Ground truth of n images, ordered by image id (a hash, so unrelated to the labels)."""

    image_ids: NDArray[np.int64]  # (n,), ascending
    paths: pa.Array  # string (n,)
    labels: pa.Array  # list<string> (n,), possibly empty lists
    note: str | None = None  # how the paths were aligned with the run's, if they had to be

    def positions(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each image id, int64 of the same shape; -1 without truth."""
        at = np.searchsorted(self.image_ids, image_ids)
        at[at == len(self.image_ids)] = 0
        return np.where(self.image_ids[at] == image_ids, at, -1)

    def labels_at(self, position: int) -> list[str]:
        """Return the labels of one row."""
        return list(self.labels[position].as_py())


def read_truth(uri: str) -> Truth:
    """Read a truth file.

    Raises:
        TruthError: the file is missing, no CSV, empty, lacks ``path`` or ``label``, or names an
            image twice.
    """
    table = _read_csv(uri)
    if table.num_rows == 0:
        raise TruthError(f"the truth {uri} has a header but no rows")
    paths = pc.replace_substring_regex(table.column("path"), r"^(\./+)+", "")
    counts = pc.value_counts(paths)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        example = repeated[0]["values"].as_py()
        raise TruthError(
            f"the truth {uri} names {len(repeated)} images more than once, for example {example!r};"
            " join several labels of one image by |"
        )
    # as class files are read
    stripped = pc.utf8_trim_whitespace(pc.utf8_normalize(table.column("label"), "NFC"))
    labels = pc.split_pattern_regex(pc.replace_substring_regex(stripped, r"\s*\|\s*", "|"), r"\|+")
    return _ordered(paths.combine_chunks(), _without_blanks(labels.combine_chunks()))


def align_truth(truth: Truth, run: RunReader) -> Truth:
    """Return ``truth`` with image ids that are the run's.

    If not one path matches, the run may have been given a folder above or below the one that the
    truth is relative to: one leading folder common to all paths is then added or removed, whichever
    matches most, and the note says so.

    Raises:
        TruthError: no image of the truth is in the run.
    """
    if _matches(run, [truth])[0]:
        return truth
    first, last = _path_range(run)
    candidates = [*_with_folder(truth, _common_folders(first, last)), *_without_folder(truth)]
    matches = _matches(run, candidates)
    if not candidates or not max(matches):
        raise TruthError(
            "no image of the truth is in the run: the truth has, for example, "
            f"{truth.paths[0].as_py()!r}, the run {first!r}; paths must be relative to the "
            "archive's root"
        )
    return candidates[int(np.argmax(matches))]


def _read_csv(uri: str) -> pa.Table:
    if not storage.exists(uri):
        raise TruthError(f"there is no truth file {uri}")
    try:
        data = storage.read_bytes(uri)
        return pyarrow.csv.read_csv(
            io.BytesIO(data),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=["path", "label"],
                column_types={"path": pa.string(), "label": pa.string()},
                strings_can_be_null=False,
            ),
        )
    except KeyError as error:
        first = data.split(b"\n", 1)[0][:200].decode("utf-8-sig", "replace").strip()
        raise TruthError(
            f"the truth {uri} needs the header path,label in its first line, fields divided by "
            f"commas without blanks, and has {first!r}"
        ) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise TruthError(f"the truth {uri} cannot be read as CSV: {error}") from error


def _without_blanks(labels: pa.ListArray) -> pa.ListArray:
    values = labels.flatten()
    keep = pc.not_equal(values, "").to_numpy(zero_copy_only=False)
    kept_before = np.concatenate([[0], keep.cumsum()])
    offsets = pa.array(kept_before[labels.offsets.to_numpy()], pa.int32())
    return pa.ListArray.from_arrays(offsets, values.filter(pa.array(keep)))


def _ordered(paths: pa.Array, labels: pa.Array) -> Truth:
    ids = np.fromiter((image_id(p.as_py()) for p in paths), dtype=np.int64, count=len(paths))
    order = np.argsort(ids, kind="stable")
    return Truth(ids[order], paths.take(pa.array(order)), labels.take(pa.array(order)))


def _matches(run: RunReader, candidates: list[Truth]) -> list[int]:
    counts = [0] * len(candidates)
    for batch in run.batches(["image_id"]):
        ids = batch.column("image_id").to_numpy()
        for index, truth in enumerate(candidates):
            counts[index] += int((truth.positions(ids) >= 0).sum())
    return counts


def _path_range(run: RunReader) -> tuple[str, str]:
    ends: list[Any] = []
    for batch in run.batches(["path"]):
        ends += pc.min_max(batch.column("path")).as_py().values()
    known = [end for end in ends if end is not None]
    if not known:
        raise TruthError(f"the labels table of {run.uri} has no rows")
    return min(known), max(known)


def _common_folders(first: str, last: str) -> list[str]:
    """Return the leading folders that all paths sorted between two share, outermost first."""
    shared = 0
    parts, others = first.split("/")[:-1], last.split("/")[:-1]
    while shared < min(len(parts), len(others)) and parts[shared] == others[shared]:
        shared += 1
    return ["/".join(parts[: depth + 1]) for depth in range(shared)]


def _with_folder(truth: Truth, folders: list[str]) -> list[Truth]:
    note = "the truth's paths were taken to be below {!r}, as the run's are"
    paths = truth.paths.to_pylist()
    return [
        _renamed(truth, [f"{folder}/{path}" for path in paths], note.format(folder))
        for folder in folders
    ]


def _without_folder(truth: Truth) -> list[Truth]:
    note = "the leading folder {!r} of the truth's paths was ignored: the run's paths have none"
    ends = pc.min_max(truth.paths).as_py()
    paths = truth.paths.to_pylist()
    return [
        _renamed(truth, [path[len(folder) + 1 :] for path in paths], note.format(folder))
        for folder in _common_folders(ends["min"], ends["max"])
    ]


def _renamed(truth: Truth, paths: list[str], note: str) -> Truth:
    return replace(_ordered(pa.array(paths, pa.string()), truth.labels), note=note)
