"""Stages that ask: find what is already answered, ask the rest, keep what was said.

A stage asks one question or several about each row, an image or a text. It adds ``key``, what is
asked about (16 bytes, null in rows with an error), and for each question a column of its name, a
struct (`RESPONSE_TYPE`), null where nothing could be asked:

answer            what the model said; null where it is not known yet or did not come
finish_reason, prompt_tokens, output_tokens   of the answer
reused            whether it came from the answers table
engine            which engine start answered; null for reused answers
error, error_detail   why no answer came

The replicas are handles of actors that outlive a stage. Stages are plain functions, run as tasks.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray
from numpy.typing import NDArray

from actors.images.errors import ImageError
from actors.mllm.images import ImageLimits, decode_for_mllm
from actors.mllm.metrics import count_reused
from actors.mllm.request import DecodedImage, Request, Response, ResponseFormat, Sampling
from actors.mllm.response_cache import (
    KEY_BYTES,
    RESPONSE_COLUMNS,
    RESPONSES_SCHEMA,
    KeyIndex,
    append,
    key_of,
)
from actors.mllm.routing import least_busy
from actors.stage import OK, record
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
"""One answer in a stage table."""

_AHEAD: Final = 2
"""Calls that a task has under way: the model has work while the next one is prepared."""


class PromptBuilder(Protocol):
    """Makes the request of one row; a small picklable object."""

    def request(self, row: dict[str, Any], picture: DecodedImage | None) -> Request:
        """Return what to ask about a row."""
        ...


@dataclass(frozen=True)
class Ask:
    """One question of a stage.

    Attributes:
        name: of its column.
        question: makes the request of a row.
        answers: URI of the folder of this ask in the answers table.
    """

    name: str
    question: PromptBuilder
    answers: str


class ImagePrompt:
    """The same question about every image."""

    def __init__(
        self,
        text: str,
        sampling: Sampling,
        text_field: str = "",
        response_format: ResponseFormat = "none",
    ) -> None:
        """Keep the prompt's text, how to sample, and the form of the answer as `Request` has it."""
        self._text, self._sampling = text, sampling
        self._form = {"text_field": text_field, "response_format": response_format}

    def request(self, row: dict[str, Any], picture: DecodedImage | None) -> Request:
        """Return the text with the row's picture."""
        assert picture is not None
        sampling = self._sampling.about(row["key"])
        return Request(self._text, (picture,), sampling, **self._form)  # type: ignore[arg-type]


class SampleImagesPrompt:
    """The question that each row brings along, with pictures of a sample that all rows share."""

    def __init__(
        self,
        sampling: Sampling,
        pictures: Mapping[int, ray.ObjectRef[DecodedImage]],
        text: str = "text",
    ) -> None:
        """Keep how to sample, pictures in the object store by image id, and the text's column."""
        self._sampling, self._pictures, self._text = sampling, pictures, text

    def request(self, row: dict[str, Any], picture: DecodedImage | None) -> Request:
        """Return the row's text with the pictures of the ids in its column ``images``."""
        shown = ray.get([self._pictures[image] for image in row["images"]])
        return Request(row[self._text], tuple(shown), self._sampling.about(row["key"]))


class ColumnPrompt:
    """The question that each row brings along, in a column."""

    def __init__(self, column: str, sampling: Sampling) -> None:
        """Keep the column's name and how to sample."""
        self._column, self._sampling = column, sampling

    def request(self, row: dict[str, Any], picture: DecodedImage | None) -> Request:
        """Return the row's text."""
        return Request(row[self._column], (), self._sampling.about(row["key"]))


def lookup_cached(
    batch: pa.Table, content: str, known: Mapping[str, ray.ObjectRef[KeyIndex]]
) -> pa.Table:
    """Add ``key`` and a column for each ask, filled where the answers table knows the answer.

    Args:
        batch: with a column ``content`` and, possibly, ``error``.
        content: name of the binary or string column that is asked about.
        known: by name of the ask, the index of its answers, in the object store.
    """
    if "error" not in batch.column_names:
        nothing = pa.nulls(batch.num_rows, pa.string())
        batch = batch.append_column("error", nothing).append_column("error_detail", nothing)
    cells = batch.column(content)
    keys = [
        _key(cells[row]) if fine else None
        for row, fine in enumerate(pc.is_null(batch.column("error")).to_pylist())
    ]
    batch = batch.append_column("key", pa.array(keys, pa.binary(KEY_BYTES)))
    for name, index in known.items():
        said = ray.get(index).read(keys, RESPONSE_COLUMNS).to_pylist()
        count_reused(sum(row["answer"] is not None for row in said))
        rows = [
            None if key is None else {**row, "reused": row["answer"] is not None}
            for key, row in zip(keys, said, strict=True)
        ]
        batch = batch.append_column(name, pa.array(rows, RESPONSE_TYPE))
    return batch


def _key(cell: Any) -> bytes | None:
    if not cell.is_valid:
        return None
    value = cell.as_py() if pa.types.is_string(cell.type) else cell.as_buffer()
    return key_of(value.encode() if isinstance(value, str) else value)


def unanswered(batch: pa.Table, ask: str) -> NDArray[np.bool_]:
    """Say which rows are still to be asked about: bool (rows,)."""
    silent = pc.is_null(pc.struct_field(batch.column(ask), "answer"))
    return pc.and_(silent, pc.is_null(batch.column("error"))).to_numpy()


def response_text(said: Mapping[str, Any] | None) -> str:
    """Return the text of an answer (`RESPONSE_TYPE`) without blanks at its ends.

    Raises:
        AnswerError: none came, or it cannot be used.
    """
    if said is None:
        raise AnswerError("not_asked", "nothing could be asked")
    if said["error"] is not None:
        raise AnswerError(said["error"], said["error_detail"] or "")
    return usable_text(said["answer"], said["finish_reason"])


def ask(
    unit: pa.Table,
    at_once: int,
    replicas: Sequence[Any],
    asks: Sequence[Ask],
    limits: ImageLimits | None = None,
    keep_bytes: bool = False,
) -> Iterator[pa.Table]:
    """Ask about the rows that have neither an answer nor an error, and keep what comes.

    Images are decoded here, once it is known that they are needed, and go to the replica as they
    are: as a column of a table they would be copied at every step. While one call is answered, the
    next is under way.

    Args:
        unit: as `lookup_cached` leaves it.
        at_once: rows of a call.
        replicas: handles of `actors.mllm.replica.MLLM` actors.
        asks: what to ask about each row; all of a call go to one replica.
        limits: of pictures, where the rows are images with a column ``bytes``; None for texts.
        keep_bytes: whether images keep ``bytes``, for another question about them.

    Yields:
        The rows in order, images without ``bytes``; each without an error has an answer to each
        ask, or the reason why none came.
    """
    calls: deque[_Call] = deque()
    for start in range(0, unit.num_rows, at_once):
        calls.append(_call(unit.slice(start, at_once), replicas, asks, limits, keep_bytes))
        if len(calls) == _AHEAD:
            yield calls.popleft().result()
    while calls:
        yield calls.popleft().result()


@dataclass(frozen=True)
class _Call:
    """Rows that a replica is asked about.

    Attributes:
        batch: the rows, without the answers.
        asks, places: what is asked, none if all is known; row and ask of each request.
        answers: reference of the `actors.mllm.replica.Responses`.
    """

    batch: pa.Table
    asks: Sequence[Ask] = ()
    places: Sequence[tuple[int, Ask]] = ()
    answers: Any = None

    def result(self) -> pa.Table:
        """Wait for the answers, keep them, and return the rows with them."""
        if not self.asks:
            return self.batch
        batch, said = self.batch, ray.get(self.answers)
        for each in self.asks:
            pairs = zip(self.places, said.answers, strict=True)
            mine = {row: answer for (row, asked), answer in pairs if asked is each}
            batch = _keep(batch, each, mine, said.engine)
        return batch


def _call(
    batch: pa.Table,
    replicas: Sequence[Any],
    asks: Sequence[Ask],
    limits: ImageLimits | None,
    keep_bytes: bool,
) -> _Call:
    """Prepare the requests about a batch, and send them."""
    wanted = {each.name: unanswered(batch, each.name) for each in asks}
    rows: list[int] = np.flatnonzero(np.any(list(wanted.values()), axis=0)).tolist()
    pictures: dict[int, DecodedImage] = {}
    if limits is not None:
        batch, pictures = _open_pictures(batch, rows, limits)
        if not keep_bytes:
            batch = batch.drop_columns(["bytes"])
        failed = [row for row in rows if row not in pictures]
        batch = _never_asked(batch, failed, [each.name for each in asks])
        rows = list(pictures)
    if not rows:
        return _Call(batch)
    began = time.perf_counter()
    about = dict(zip(rows, batch.take(pa.array(rows)).to_pylist(), strict=True))
    # what is asked about one image goes side by side
    places = [(row, each) for row in rows for each in asks if wanted[each.name][row]]
    requests = [each.question.request(about[row], pictures.get(row)) for row, each in places]
    record("ask", {OK: len(requests)}, time.perf_counter() - began)
    replica = least_busy(replicas, about[rows[0]]["key"])
    return _Call(batch, asks, places, replica.answer.remote(requests))


def _open_pictures(
    batch: pa.Table, rows: Sequence[int], limits: ImageLimits
) -> tuple[pa.Table, dict[int, DecodedImage]]:
    """Decode the images of some rows; those that cannot be decoded get their error."""
    began = time.perf_counter()
    codes: list[Any] = batch.column("error").to_pylist()
    details: list[Any] = batch.column("error_detail").to_pylist()
    cells, pictures = batch.column("bytes"), {}
    for row in rows:
        try:
            pictures[row] = decode_for_mllm(bytes(cells[row].as_buffer()), limits)
        except ImageError as error:
            codes[row], details[row] = error.code, error.detail
    record("decode", Counter(codes[row] or OK for row in rows), time.perf_counter() - began)
    batch = _with_column(batch, "error", pa.array(codes, pa.string()))
    return _with_column(batch, "error_detail", pa.array(details, pa.string())), pictures


def _never_asked(batch: pa.Table, rows: Sequence[int], asks: Sequence[str]) -> pa.Table:
    """Take the answers' places from rows about which nothing can be asked."""
    for name in asks if rows else ():
        cells = batch.column(name).to_pylist()
        for row in rows:
            cells[row] = None
        batch = _with_column(batch, name, pa.array(cells, RESPONSE_TYPE))
    return batch


def _with_column(batch: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The batch with other values in one column, which stays in its place."""
    return batch.set_column(batch.schema.get_field_index(name), name, values)


def _keep(batch: pa.Table, ask: Ask, said: Mapping[int, Response], engine: str) -> pa.Table:
    """Put answers into their rows, and those that came into the answers table."""
    cells = batch.column(ask.name).to_pylist()
    keys = batch.column("key").to_pylist()
    fresh = []
    for row, answer in said.items():
        cells[row] = {"reused": False, "engine": engine, **answer.record()}
        if answer.text is not None:
            fresh.append({"key": keys[row], **cells[row]})
    append(ask.answers, pa.Table.from_pylist(fresh, schema=RESPONSES_SCHEMA))
    return _with_column(batch, ask.name, pa.array(cells, RESPONSE_TYPE))
