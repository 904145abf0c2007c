"""Labels that are names which a multimodal LLM gave to each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import ray

from actors.labels.table import LABELS_SCHEMA
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.name_spelling import name_key


class ReadsNames(Protocol):
    """Reads the name from an answer of a stage table; a small picklable object."""

    def name_of(self, said: Mapping[str, Any] | None) -> str:
        """Return the name, or raise `AnswerError`."""
        ...


@stage("names", ("name",))
def keep_names(batch: pa.Table, ask: str, question: ReadsNames) -> pa.Table:
    """The names in a batch of a stage table, one column ``name``; rows without one are left out."""
    names = []
    for said in batch.column(ask).to_pylist():
        try:
            names.append(question.name_of(said))
        except AnswerError:
            continue
    return pa.table({"name": pa.array(names, pa.string())})


@stage("label", LABELS_SCHEMA)
def label_by_name(
    batch: pa.Table,
    ask: str,
    question: ReadsNames,
    forms: ray.ObjectRef[dict[str, str]],
    method: str,
) -> pa.Table:
    """Rows of the labels table from rows of a stage table.

    ``label`` is the name in the way it is most often written; there is no score. An answer without
    a name is a row with its code.

    Args:
        batch: with the columns of a stage table.
        ask: name of the column with the answers.
        question: reads a name.
        forms: from a name's key to how it is written, in the object store.
        method: for the column of that name.
    """
    written = ray.get(forms)
    errors, said = RowErrors.of(batch), batch.column(ask).to_pylist()
    labels: list[str | None] = [None] * batch.num_rows
    for row in np.flatnonzero(errors.fine).tolist():
        try:
            labels[row] = written[name_key(question.name_of(said[row]))]
        except AnswerError as error:
            errors.fail(row, error)
    named = [[label] if label is not None else [] for label in labels]
    return pa.table(
        {
            "image_id": batch.column("image_id"),
            "path": batch.column("path"),
            "uri": batch.column("uri"),
            "label": labels,
            "score": pa.nulls(batch.num_rows, pa.float32()),
            "top_labels": named,
            "top_scores": [[] for _ in named],
            "method": [method] * batch.num_rows,
            **errors.columns(),
        },
        schema=LABELS_SCHEMA,
    )
