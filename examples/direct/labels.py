"""The label stage: rows with a response in, rows of the labels table out."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from actors.labels.table import LABELS_SCHEMA
from actors.mllm.responses import response_text
from actors.stage import RowErrors, stage
from examples.direct.reading import named_class
from methods.answers import AnswerError
from methods.class_matching import ClassMatcher
from methods.class_names import ClassNames

COLUMNS = pa.schema([*LABELS_SCHEMA, ("answer", pa.string())])


@stage("label", COLUMNS)
def label_directly(batch: pa.Table, query: str, classes: ClassNames, method: str) -> pa.Table:
    """Label a batch of a stage table by the class that each response names.

    Args:
        batch: with the columns of a stage table.
        query: column with the responses.
        classes: ids and names.
        method: for the column of that name.

    Returns:
        `COLUMNS`; a response that names no class is a row with its code.
    """
    errors = RowErrors.of(batch)
    matcher = ClassMatcher(classes.names, classes.others)
    responses = batch.column(query).to_pylist()
    labels: list[str | None] = [None] * batch.num_rows
    for row, fine in enumerate(errors.fine):
        if fine:
            try:
                labels[row] = named_class(response_text(responses[row]), matcher, classes.ids)
            except AnswerError as error:
                errors.fail(row, error)
    columns: dict[str, Any] = {
        **{name: batch.column(name) for name in ("image_id", "path", "uri")},
        "label": labels,
        "score": pa.nulls(batch.num_rows, pa.float32()),
        "top_labels": [[label] if label else [] for label in labels],
        "top_scores": [[] for _ in labels],
        "method": [method] * batch.num_rows,
        "answer": [response and response["answer"] for response in responses],
    }
    return errors.onto(pa.table(columns)).select(COLUMNS.names).cast(COLUMNS)
