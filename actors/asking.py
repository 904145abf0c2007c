"""Stages that ask: find what is already answered, ask the rest, keep what was said.

The columns that these stages share, added by `find_known` and completed by `ask`:

key               what is asked about (16 bytes), null in rows with an error
answer            what the model said; null where it is not known or did not come
finish_reason, prompt_tokens, output_tokens   of the answer
reused            whether it came from the answers table
engine            which engine start answered; null for reused answers
error, error_detail

The replicas are handles of actors that outlive a stage. Stages are plain functions, run as tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray

from actors.answers_table import ANSWER_COLUMNS, KEY_BYTES, KeyIndex, append, key_of
from actors.mllm import Answers
from actors.mllm_requests import Answer, Picture, Request, Sampling

_PICTURE_COLUMNS = ("width", "height", "pixels")
_POLL_S = 1.0


class Question(Protocol):
    """Makes the request of one row; a small picklable object."""

    def request(self, row: dict[str, Any], picture: Picture | None) -> Request:
        """Return what to ask about a row."""
        ...


class AboutImage:
    """The same question about every image."""

    def __init__(self, text: str, sampling: Sampling) -> None:
        """Keep the prompt's text and how to sample."""
        self._text, self._sampling = text, sampling

    def request(self, row: dict[str, Any], picture: Picture | None) -> Request:
        """Return the text with the row's picture."""
        assert picture is not None
        return Request(self._text, (picture,), self._sampling)


def find_known(batch: pa.Table, index: ray.ObjectRef[KeyIndex], content: str) -> pa.Table:
    """Add the answer columns, filled where the answers table knows the answer.

    Args:
        batch: with a column ``content`` and, possibly, ``error``.
        index: of the answers to this ask, in the object store.
        content: name of the binary or string column that is asked about.
    """
    if "error" not in batch.column_names:
        nothing = pa.nulls(batch.num_rows, pa.string())
        batch = batch.append_column("error", nothing).append_column("error_detail", nothing)
    cells = batch.column(content)
    keys = [
        _key(cells[row]) if fine else None
        for row, fine in enumerate(pc.is_null(batch.column("error")).to_pylist())
    ]
    known = ray.get(index).read(keys, ANSWER_COLUMNS)
    batch = batch.append_column("key", pa.array(keys, pa.binary(KEY_BYTES)))
    for name in ANSWER_COLUMNS:
        batch = batch.append_column(name, known.column(name))
    reused = pc.is_valid(batch.column("answer"))
    return batch.append_column("reused", reused).append_column(
        "engine", pa.nulls(batch.num_rows, pa.string())
    )


def _key(cell: Any) -> bytes | None:
    if not cell.is_valid:
        return None
    value = cell.as_py() if pa.types.is_string(cell.type) else cell.as_buffer()
    return key_of(value.encode() if isinstance(value, str) else value)


def ask(batch: pa.Table, replicas: Sequence[Any], question: Question, answers: str) -> pa.Table:
    """Ask about the rows that have neither an answer nor an error, and keep what comes.

    Args:
        batch: as `find_known` and `actors.pictures.open_pictures` leave it.
        replicas: handles of `actors.mllm.MLLM` actors.
        question: makes the request of a row.
        answers: URI of the folder of this ask in the answers table.

    Returns:
        The batch without pictures; every row has an answer or an error.
    """
    pixels = batch.column("pixels") if "pixels" in batch.column_names else None
    plain = batch.drop_columns([name for name in _PICTURE_COLUMNS if name in batch.column_names])
    wanted = pc.and_(pc.is_null(batch.column("answer")), pc.is_null(batch.column("error")))
    rows: list[int] = np.flatnonzero(wanted.to_numpy()).tolist()
    if not rows:
        return plain
    records = plain.take(pa.array(rows)).to_pylist()
    pictures = _pictures(batch, rows) if pixels is not None else [None] * len(rows)
    requests = [question.request(*pair) for pair in zip(records, pictures, strict=True)]
    replica = least_busy(replicas, records[0]["key"])
    said: Answers = ray.get(replica.answer.remote(requests))
    result = _with_answers(plain, rows, said)
    fresh = np.zeros(batch.num_rows, bool)
    fresh[rows] = True
    append(answers, result.filter(pc.and_(pa.array(fresh), pc.is_valid(result.column("answer")))))
    return result


def _pictures(batch: pa.Table, rows: Sequence[int]) -> list[Picture | None]:
    table = batch.select(list(_PICTURE_COLUMNS)).take(pa.array(rows))
    return [Picture(row["width"], row["height"], row["pixels"]) for row in table.to_pylist()]


def least_busy(replicas: Sequence[Any], key: bytes) -> Any:
    """Choose the replica with the fewest requests; by ``key`` among those that do not say."""
    if len(replicas) == 1:
        return replicas[0]
    start = key[0] % len(replicas)
    order = [*replicas[start:], *replicas[:start]]
    asked = {replica.waiting.remote(): replica for replica in order}
    ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_POLL_S)
    said = {}
    for reference in ready:
        try:
            said[reference] = ray.get(reference)
        except ray.exceptions.RayActorError:  # being restarted
            continue
    if not said:
        return order[0]
    return asked[min((ref for ref in asked if ref in said), key=said.__getitem__)]


def _with_answers(batch: pa.Table, rows: Sequence[int], said: Answers) -> pa.Table:
    """Put answers into their rows."""
    columns = {name: batch.column(name).to_pylist() for name in (*ANSWER_COLUMNS, "engine")}
    columns |= {name: batch.column(name).to_pylist() for name in ("error", "error_detail")}
    for row, answer in zip(rows, said.answers, strict=True):
        _fill(columns, row, answer)
        columns["engine"][row] = said.engine
    for name, values in columns.items():
        place = batch.schema.get_field_index(name)
        kind = batch.schema.field(name).type
        batch = batch.set_column(place, pa.field(name, kind), pa.array(values, kind))
    return batch


def _fill(columns: dict[str, list[Any]], row: int, answer: Answer) -> None:
    columns["answer"][row] = answer.text
    columns["finish_reason"][row] = answer.finish_reason
    columns["prompt_tokens"][row] = answer.prompt_tokens
    columns["output_tokens"][row] = answer.output_tokens
    columns["error"][row], columns["error_detail"][row] = answer.error, answer.error_detail
