"""What an evaluation leaves in the run folder, for tables of many runs.

``evaluation/figures.json`` holds the metrics, ``evaluation/images.parquet`` one row for each image
with truth: how sure a figure is, and whether two runs differ, is asked of images. No job that
labels or learns reads the folder.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from methods.errors import InputError
from methods.json_text import json_text
from ray_jobs.runs.reader import RunReader

_FOLDER: Final = "evaluation"
_FIGURES, _IMAGES = "figures.json", "images.parquet"


class Measured(NamedTuple):
    """A run that was measured.

    Attributes:
        result: what `ray_jobs.verbs.evaluate.evaluate` documents.
        images: one row for each image with truth, by ascending ``image_id``.
    """

    result: dict[str, Any]
    images: pa.Table


@dataclass(frozen=True)
class KeptEvaluation:
    """An evaluated run.

    Attributes:
        run: the run.
        figures: its metrics, as `ray_jobs.verbs.evaluate.evaluate` documents them.
        images: of a single-label run as `evaluate_single_label` makes it, of a multi-label run as
            `evaluate_multi_label` does.
    """

    run: RunReader
    figures: dict[str, Any]
    images: pa.Table


def keep(run: RunReader, measured: Measured) -> str | None:
    """Write what was measured into the run folder.

    Returns:
        None, or why it could not be written: the figures stand all the same.
    """
    figures = {**measured.result, "run_finished_at": run.record.get("finished_at")}
    table = io.BytesIO()
    pq.write_table(measured.images, table)
    try:
        # the figures come last: a folder that has them is whole
        storage.write_bytes(storage.join(run.uri, _FOLDER, _IMAGES), table.getvalue())
        text = json_text(figures, indent=1)
        storage.write_bytes(storage.join(run.uri, _FOLDER, _FIGURES), text.encode())
    except OSError as error:
        return (
            f"the evaluation could not be kept in {run.uri} ({error.strerror or error}), so "
            "onoma table cannot use it"
        )
    return None


def read_kept(folder: str) -> KeptEvaluation:
    """Read the evaluation of a run.

    Raises:
        InputError: the folder is no run, was never evaluated, or holds another run by now.
    """
    run = RunReader(folder)
    again = f"onoma evaluate --labels {folder} --truth FILE.csv"
    figures = storage.join(run.uri, _FOLDER, _FIGURES)
    if not storage.exists(figures):
        raise InputError(f"{folder} is a run that was not evaluated; run {again}")
    try:
        known = json.loads(storage.read_bytes(figures))
        stored = storage.read_bytes(storage.join(run.uri, _FOLDER, _IMAGES))
        images = pq.read_table(io.BytesIO(stored), partitioning=None)
        finished_at = known["run_finished_at"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"the evaluation in {folder} is corrupt ({error!r}); run {again}"
        ) from error
    if finished_at != run.record.get("finished_at"):
        raise InputError(f"{folder} was labelled again since it was evaluated; run {again}")
    return KeptEvaluation(run, known, images)
