"""Labels that are names which a multimodal LLM gave to each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa
import ray

from actors.labels.table import LABELS_SCHEMA
from actors.stage import counted
from methods.answers import AnswerError
from methods.discovered_names import name_key


class ReadsNames(Protocol):
    """Reads the name from an answer of a stage table; a small picklable object."""

    def name_of(self, said: Mapping[str, Any] | None) -> str:
        """Return the name, or raise `AnswerError`."""
        ...


def keep_names(batch: pa.Table, ask: str, question: ReadsNames) -> pa.Table:
    """The names in a batch of a stage table, one column ``name``; rows without one are left out."""
    names = []
    for said in batch.column(ask).to_pylist():
        try:
            names.append(question.name_of(said))
        except AnswerError:
            continue
    return pa.table({"name": pa.array(names, pa.string())})


@counted("label")
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
    errors: list[Any] = batch.column("error").to_pylist()
    details: list[Any] = batch.column("error_detail").to_pylist()
    labels: list[str | None] = []
    for row, said in enumerate(batch.column(ask).to_pylist()):
        labels.append(None)
        if errors[row] is not None:
            continue
        try:
            labels[row] = written[name_key(question.name_of(said))]
        except AnswerError as error:
            errors[row], details[row] = error.code, error.detail
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
            "error": errors,
            "error_detail": details,
        },
        schema=LABELS_SCHEMA,
    )
