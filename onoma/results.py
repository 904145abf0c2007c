"""What jobs leave behind, opened again at any time: a `Run` of labels, and what a `Fit` learned.

Both are paths (`os.PathLike`): wherever a folder is asked for, they stand for theirs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from actors import storage
from methods.errors import InputError
from ray_jobs.runs.folder import FINISHED, RECORD, RunFolder
from ray_jobs.runs.ledger import Ledger, count_labels
from ray_jobs.runs.reader import RunReader

if TYPE_CHECKING:
    import pandas as pd
    import ray.data

    from onoma.classifier import Classifier


class Run:
    """A run folder: labels of an archive, one row for every image.

    Attributes:
        path: the folder, an absolute path or URI.
        record: the content of ``run.json`` when the run was opened: method, settings, counts,
            seconds, versions.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open a run that is there.

        Raises:
            InputError: the folder holds no run.
        """
        self.path = storage.absolute(os.fspath(folder))
        self.record = _record(self.path)

    def __fspath__(self) -> str:
        """The folder."""
        return self.path

    def __repr__(self) -> str:
        """Folder, method, and how many images have a label."""
        state = "" if self.finished else ", not finished"
        return f"<Run {self.path}: {self.method}, {self.record.get('labelled', 0)} labelled{state}>"

    @property
    def method(self) -> str:
        """The method that labelled."""
        return str(self.record["method"])

    @property
    def finished(self) -> bool:
        """Whether every image has its row and the ledger added up."""
        return bool(self.record.get("state") == FINISHED)

    @property
    def ledger(self) -> Ledger:
        """The labels table counted: ``rows, labelled``, and ``errors`` by code."""
        return count_labels(RunFolder(self.path, self.record).labels)

    @property
    def columns(self) -> list[str]:
        """The columns of the labels table."""
        return list(RunReader(self.path).columns)

    def labels(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The labels table in memory; rows with an error have a code in ``error`` and no label.

        Args:
            columns: those to read; all by default.

        Raises:
            InputError: nothing is labelled yet, or there is no such column.
        """
        return RunReader(self.path).table(columns)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The same as a data frame of pandas."""
        return self.labels(columns).to_pandas()

    def to_ray(self, columns: Sequence[str] | None = None) -> ray.data.Dataset:
        """The same as a dataset of Ray Data, for tables that are larger than memory."""
        from ray_jobs.passes.session import start_ray
        from ray_jobs.runs.stage_tables import read_stage

        start_ray()
        wanted = None if columns is None else list(columns)
        return read_stage(RunFolder(self.path, self.record).labels, wanted)

    def evaluate(self, truth: str | os.PathLike[str], **settings: Any) -> dict[str, Any]:
        """Compare with the truth; see `onoma.evaluate`."""
        from onoma.jobs import evaluate

        return evaluate(self, truth, **settings)

    def classifier(self, **how: Any) -> Classifier:
        """The classifier that the run has labelled with, loaded; see `onoma.Classifier.load`.

        Raises:
            InputError: the run has none, as those whose labels are a multimodal LLM's.
        """
        return _classifier(self.path, how)


class Fit:
    """What a method has learned, in a folder.

    Attributes:
        path: the folder, an absolute path or URI.
        result: what ``onoma fit --json`` prints.
    """

    def __init__(self, folder: str | os.PathLike[str], result: Mapping[str, Any]) -> None:
        """Keep the folder and the result."""
        self.path = storage.absolute(os.fspath(folder))
        self.result = dict(result)

    def __fspath__(self) -> str:
        """The folder."""
        return self.path

    def __repr__(self) -> str:
        """Folder and method."""
        return f"<Fit {self.path}: {self.result.get('method', '')}>"

    def classifier(self, **how: Any) -> Classifier:
        """The classifier that was made, loaded; see `onoma.Classifier.load`.

        Raises:
            InputError: the method learns something else, such as a prompt.
        """
        return _classifier(self.path, how)


def _classifier(path: str, how: Mapping[str, Any]) -> Classifier:
    from onoma.classifier import Classifier

    return Classifier.load(path, **how)


def _record(path: str) -> dict[str, Any]:
    uri = storage.join(path, RECORD)
    if not storage.exists(uri):
        raise InputError(f"{path} holds no run: no {RECORD}; onoma.label(..., out=...) makes one")
    try:
        record = json.loads(storage.read_bytes(uri))
    except ValueError as error:
        raise InputError(f"{uri} is corrupt: {error}") from error
    if not isinstance(record, dict) or "method" not in record:
        raise InputError(f"{uri} is not the record of a run")
    return record
