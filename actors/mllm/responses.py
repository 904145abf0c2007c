"""Responses as cells of a stage table, and the lookup of those that are cached.

A query's column holds a struct (`RESPONSE_TYPE`), null where nothing could be asked:

answer            what the model said, without thoughts; null where it is not known or did not come
finish_reason, prompt_tokens, output_tokens   of the response
reused            whether it came from the response cache
engine            which engine start gave it; null for cached ones
error, error_detail   why none came
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray
from numpy.typing import NDArray

from actors.mllm.metrics import count_reused
from actors.mllm.request import ANSWERED, read_answer
from actors.mllm.response_cache import (
    KEY_BYTES,
    RESPONSE_COLUMNS,
    RESPONSES_SCHEMA,
    KeyIndex,
    key_of,
)
from actors.stage import RowErrors, stage
from methods.answers import AnswerError, usable_text

RESPONSE_TYPE: Final = pa.struct(
    [
        *(RESPONSES_SCHEMA.field(name) for name in RESPONSE_COLUMNS),
        ("reused", pa.bool_()),
        ("engine", pa.string()),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ]
)
"""One response in a stage table."""


@stage("cached", ("key", "error", "error_detail"))
def lookup_cached(
    batch: pa.Table,
    content: str,
    cached: Mapping[str, ray.ObjectRef[KeyIndex]],
    again: NDArray[np.int64] | None = None,
) -> pa.Table:
    """Add ``key`` and a column for each query, filled where the response cache has a response.

    Args:
        batch: with a column ``content`` and, possibly, ``error``.
        content: name of the binary or string column that is asked about.
        cached: by name of the query, the index of its responses, in the object store.
        again: ids of images whose responses are not looked up, int64 (n,): they were of no use.

    Returns:
        The batch with ``key`` (binary of 16 bytes, null in rows with an error), the queries'
        columns (`RESPONSE_TYPE`), and ``error``, ``error_detail`` if they were not there.
    """
    errors = RowErrors.of(batch)
    batch = errors.onto(batch)
    cells = batch.column(content)
    keys = [_key(cells[row]) if fine else None for row, fine in enumerate(errors.fine)]
    batch = batch.append_column("key", pa.array(keys, pa.binary(KEY_BYTES)))
    looked_up = _without(keys, batch, again)
    for name, index in cached.items():
        found = [_read(row) for row in ray.get(index).read(looked_up, RESPONSE_COLUMNS).to_pylist()]
        count_reused(sum(response["reused"] for response in found))
        rows = [
            None if key is None else response for key, response in zip(keys, found, strict=True)
        ]
        batch = batch.append_column(name, pa.array(rows, RESPONSE_TYPE))
    return batch


def _without(
    keys: list[bytes | None], batch: pa.Table, again: NDArray[np.int64] | None
) -> list[bytes | None]:
    """The keys, null for images that are asked about again."""
    if again is None or "image_id" not in batch.column_names:
        return keys
    anew = np.isin(batch.column("image_id").to_numpy(), again)
    return [None if skip else key for key, skip in zip(keys, anew, strict=True)]


def _read(kept: dict[str, Any]) -> dict[str, Any]:
    """A row of the response cache as a cell; what is no whole answer is not known."""
    if kept["answer"] is None or kept["finish_reason"] not in ANSWERED:
        return {**dict.fromkeys(kept), "reused": False}
    return {**kept, **read_answer(kept["answer"], kept["finish_reason"]), "reused": True}


def _key(cell: Any) -> bytes | None:
    if not cell.is_valid:
        return None
    value = cell.as_py() if pa.types.is_string(cell.type) else cell.as_buffer()
    return key_of(value.encode() if isinstance(value, str) else value)


def unanswered(batch: pa.Table, query: str) -> NDArray[np.bool_]:
    """Say which rows are still to be asked about: bool (rows,)."""
    missing = pc.is_null(pc.struct_field(batch.column(query), "answer"))
    return pc.and_(missing, pc.is_null(batch.column("error"))).to_numpy()


def response_text(response: Mapping[str, Any] | None, cut_counts: bool = False) -> str:
    """Return the text of a response (`RESPONSE_TYPE`) without blanks at its ends.

    Args:
        response: a cell of a stage table.
        cut_counts: whether the beginning of an answer will do.

    Raises:
        AnswerError: none came, or it cannot be used.
    """
    return usable_text(*said_in(response), cut_counts)


def cut_of(row: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    """Say which responses of a row the token limit cut, used or not, as the column ``cut`` has it.

    Args:
        row: of a stage table.
        columns: names of responses, by the columns of the row that hold them.

    Returns:
        The names, such as ``answer and choice``; None where none was cut.
    """
    said = {name: row.get(column) for column, name in columns.items()}
    cut = [name for name, each in said.items() if each and each["finish_reason"] == "length"]
    return " and ".join(cut) or None


def said_in(response: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
    """Return what a response (`RESPONSE_TYPE`) says, usable or not, and why it ended.

    Raises:
        AnswerError: none came.
    """
    if response is None:
        raise AnswerError("not_asked", "nothing could be asked")
    if response["error"] is not None:
        raise AnswerError(response["error"], response["error_detail"] or "")
    return response["answer"], response["finish_reason"]
