"""The scores of an archive as the choice among its images needs them: a few numbers an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.labels.cascade import SHOWN
from actors.labels.cascade_scores import unit_lists
from actors.storage.tables import write_table
from methods.cascade.uncertainty import TEMPERATURES, Floats, probabilities, uncertainty
from methods.settings import Measure
from ray_jobs.passes.read_images import Images
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.manifest import read_manifest
from ray_jobs.runs.stage_tables import stage_table

SCORES = "scores"
"""Name of the pass that has CLIP score every image."""


@dataclass(frozen=True)
class Scored:
    """Of the images without an error: 28 bytes an image.

    Attributes:
        ids: int64 (n,).
        confidence: of CLIP in its best class, float64 (n,).
        inside: probability that the true class is among the choices, float32 (n,).
        uncertainty: float64 (n,), higher is asked about first.
    """

    ids: NDArray[np.int64]
    confidence: Floats
    inside: NDArray[np.float32]
    uncertainty: Floats


def read_scored(
    run: RunFolder, choices: int, at: int, measure: Measure, right: float = 1.0
) -> Scored:
    """Read the scores of all images, streaming.

    Args:
        run: with a finished pass of scores.
        choices: classes that the model would choose among.
        at, measure, right: as `methods.cascade.uncertainty` takes them.
    """
    ids, confidence, inside, doubts = [], [], [], []
    for table in _tables(run):
        best = probabilities(_matrix(table, "top_logits", choices), _matrix(table, "log_sums"), at)
        ids.append(table.column("image_id").to_numpy())
        confidence.append(best[:, 0])
        inside.append(best.sum(axis=1).astype(np.float32))
        doubts.append(uncertainty(best, measure, right))
    nothing = [np.zeros(0)]
    return Scored(
        np.concatenate([np.zeros(0, np.int64), *ids]),
        np.concatenate(nothing + confidence),
        np.concatenate([np.zeros(0, np.float32), *inside]),
        np.concatenate(nothing + doubts),
    )


@dataclass(frozen=True)
class Choices:
    """The k best classes of a few images.

    Attributes:
        ids: int64 (m,), ascending.
        top: places of the classes, best first, int32 (m, k).
        logits, log_sums: as `methods.cascade.uncertainty.probabilities` takes them.
    """

    ids: NDArray[np.int64]
    top: NDArray[np.int32]
    logits: NDArray[np.float32]
    log_sums: NDArray[np.float32]


def choices_of(run: RunFolder, wanted: NDArray[np.int64], choices: int) -> Choices:
    """Read the k best classes of some images, all of which have scores."""
    found = [
        table.filter(pc.is_in(table.column("image_id"), pa.array(wanted, pa.int64())))
        for table in _tables(run)
    ]
    table = pa.concat_tables(found).sort_by("image_id")
    return Choices(
        table.column("image_id").to_numpy(),
        _matrix(table, "top", choices).astype(np.int32),
        _matrix(table, "top_logits", choices),
        _matrix(table, "log_sums"),
    )


def features_of(run: RunFolder, wanted: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read the features of some images, one at least, all of which have scores.

    Args:
        run: whose pass of scores kept features.
        wanted: ids, int64 (m,), ascending.

    Returns:
        float32 (m, D), unit rows, in the order of ``wanted``.
    """
    ids: list[NDArray[np.int64]] = []
    features: list[NDArray[np.float32]] = []
    for batch in batches_of(stage_table(run, SCORES), ["image_id", "feature"]):
        own = batch.filter(pc.is_in(batch.column("image_id"), pa.array(wanted, pa.int64())))
        if own.num_rows:
            ids.append(own.column("image_id").to_numpy())
            features.append(unit_lists(own.column("feature")))
    order = np.argsort(np.concatenate(ids))
    return np.concatenate(features)[order]


def write_asked(
    run: RunFolder, path: str, ids: NDArray[np.int64], shown: NDArray[np.int32]
) -> None:
    """Write the manifest of images to ask about, each with the classes it is shown with.

    Args:
        run: whose manifest lists them.
        path: of the Parquet file.
        ids: int64 (m,), ascending.
        shown: places of classes, in the order in which they are shown, int32 (m, k).
    """
    wanted, tables = pa.array(ids, pa.int64()), []
    for table in read_manifest(run.manifest, None):
        own = table.filter(pc.is_in(table.column("image_id"), wanted))
        at = np.searchsorted(ids, own.column("image_id").to_numpy())
        tables.append(own.append_column(SHOWN, pa.array(list(shown[at]), pa.list_(pa.int32()))))
    write_table(path, pa.concat_tables(tables))


def asked_images(run: RunFolder, name: str) -> Images:
    """The images of a manifest of `write_asked`, none where it was not needed."""
    path = storage.join(run.uri, f"{name}.parquet")
    return Images(path, int(run.record.get("cascade", {}).get(name, 0)))


def asked_ids(run: RunFolder, name: str) -> NDArray[np.int64]:
    """The images that a manifest of `write_asked` lists, int64 (m,); none before it is decided."""
    found = asked_images(run, name)
    if not found.count:
        return np.zeros(0, np.int64)
    data = pa.BufferReader(storage.read_bytes(found.manifest))
    table = pq.read_table(data, columns=["image_id"], partitioning=None)
    ids: NDArray[np.int64] = table.column("image_id").to_numpy()
    return ids


def _tables(run: RunFolder) -> Iterator[pa.Table]:
    """Rows with scores."""
    names = ["image_id", "top", "top_logits", "log_sums", "error"]
    for batch in batches_of(stage_table(run, SCORES), names):
        table = pa.Table.from_batches([batch])
        yield table.filter(pc.is_null(table.column("error")))


def _matrix(table: pa.Table, name: str, width: int | None = None) -> NDArray[np.float32]:
    """A column of lists of one length as rows (n, length), or the first ``width`` of each."""
    if not len(table):
        return np.zeros((0, width or len(TEMPERATURES)), np.float32)
    column = pa.concat_arrays(table.column(name).chunks)
    values: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(table), -1)[:, :width]
