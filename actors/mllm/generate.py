"""The stage that asks a model: what is not cached goes to the replicas, what comes is kept.

It asks one query or several about each row, an image or a text. The replicas are handles of actors
that outlive a pass; the stage is a plain function, run as a task.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import ray

from actors.images.errors import ImageError
from actors.metrics import note
from actors.mllm.images import ImageLimits, decode_for_mllm
from actors.mllm.journal import note_calls
from actors.mllm.query import Query
from actors.mllm.request import DecodedImage, Response, read_answer
from actors.mllm.response_cache import RESPONSES_SCHEMA, append
from actors.mllm.responses import RESPONSE_TYPE, unanswered
from actors.mllm.routing import least_busy
from actors.stage import OK, RowErrors, record

_CALLS_IN_FLIGHT: Final = 2
"""Calls that a task has under way: the model has work while the next one is prepared."""


@dataclass(frozen=True)
class CachedQuery:
    """A query with the folder in which its responses are kept.

    Attributes:
        query: what is asked.
        folder: URI of its folder in the response cache.
    """

    query: Query
    folder: str

    @property
    def name(self) -> str:
        """Name of the query and of its column."""
        return self.query.name


def generate(
    block: pa.Table,
    batch: int,
    replicas: Sequence[Any],
    queries: Sequence[CachedQuery],
    limits: ImageLimits | None = None,
    keep_bytes: bool = False,
    journal: str | None = None,
) -> Iterator[pa.Table]:
    """Ask about the rows that have neither a response nor an error, and keep what comes.

    Images are decoded here, once it is known that they are needed, and go to the replica as they
    are: as a column of a table they would be copied at every step. While one call is answered, the
    next is under way.

    Args:
        block: as `actors.mllm.responses.lookup_cached` leaves it.
        batch: rows of a call.
        replicas: handles of `actors.mllm.replica.MLLM` actors.
        queries: what to ask about each row; all of a call go to one replica.
        limits: of images, where the rows are images with a column ``bytes``; None for texts.
        keep_bytes: whether images keep ``bytes``, for another query about them.
        journal: folder in which calls are written down before they are made; rows are images then.

    Yields:
        The rows in order, images without ``bytes``; each without an error has a response to each
        query, or the reason why none came.
    """
    calls: deque[_Call] = deque()
    for start in range(0, block.num_rows, batch):
        part = block.slice(start, batch)
        calls.append(_call(part, replicas, queries, limits, keep_bytes, journal))
        if len(calls) == _CALLS_IN_FLIGHT:
            yield _answered(calls.popleft())
    while calls:
        yield _answered(calls.popleft())


def _answered(call: _Call) -> pa.Table:
    """The rows of a call when its responses are there, counted."""
    rows = call.result()
    note("ask", passed=rows.num_rows)
    return rows


@dataclass(frozen=True)
class _Call:
    """Rows that a replica is asked about.

    Attributes:
        batch: the rows, without the responses.
        queries, places: what is asked, none if all is cached; row and query of each request.
        responses: reference of the `actors.mllm.replica.Responses`.
    """

    batch: pa.Table
    queries: Sequence[CachedQuery] = ()
    places: Sequence[tuple[int, CachedQuery]] = ()
    responses: Any = None

    def result(self) -> pa.Table:
        """Wait for the responses, keep them, and return the rows with them."""
        if not self.queries:
            return self.batch
        batch, came = self.batch, ray.get(self.responses)
        for query in self.queries:
            pairs = zip(self.places, came.responses, strict=True)
            responses = {row: response for (row, asked), response in pairs if asked is query}
            batch = _keep(batch, query, responses, came.engine)
        return batch


def _call(
    batch: pa.Table,
    replicas: Sequence[Any],
    queries: Sequence[CachedQuery],
    limits: ImageLimits | None,
    keep_bytes: bool,
    journal: str | None,
) -> _Call:
    """Prepare the requests about a batch, and send them."""
    missing = {query.name: unanswered(batch, query.name) for query in queries}
    rows: list[int] = np.flatnonzero(np.any(list(missing.values()), axis=0)).tolist()
    images: dict[int, DecodedImage] = {}
    if limits is not None:
        batch, images = _decode(batch, rows, limits)
        if not keep_bytes:
            batch = batch.drop_columns(["bytes"])
        failed = [row for row in rows if row not in images]
        batch = _clear(batch, failed, [query.name for query in queries])
        rows = list(images)
    if not rows:
        return _Call(batch)
    began = time.perf_counter()
    cells = dict(zip(rows, batch.take(pa.array(rows)).to_pylist(), strict=True))
    # what is asked about one image goes side by side
    places = [(row, query) for row in rows for query in queries if missing[query.name][row]]
    requests = [query.query.request(cells[row], images.get(row)) for row, query in places]
    record("ask", {OK: len(requests)}, time.perf_counter() - began)
    if journal is not None:
        note_calls(
            journal, [(cells[at]["image_id"], query.name, cells[at]["key"]) for at, query in places]
        )
    replica = least_busy(replicas, cells[rows[0]]["key"])
    return _Call(batch, queries, places, replica.generate.remote(requests))


def _decode(
    batch: pa.Table, rows: Sequence[int], limits: ImageLimits
) -> tuple[pa.Table, dict[int, DecodedImage]]:
    """Decode the images of some rows; those that cannot be decoded get their error."""
    began = time.perf_counter()
    errors, outcomes = RowErrors.of(batch), Counter[str]()
    cells, images = batch.column("bytes"), {}
    for row in rows:
        try:
            images[row] = decode_for_mllm(bytes(cells[row].as_buffer()), limits)
        except ImageError as error:
            errors.fail(row, error)
            outcomes[error.code] += 1
    record("decode", {**outcomes, OK: len(images)}, time.perf_counter() - began)
    return errors.onto(batch), images


def _clear(batch: pa.Table, rows: Sequence[int], queries: Sequence[str]) -> pa.Table:
    """Set the cells of rows about which nothing can be asked to null."""
    for name in queries if rows else ():
        cells = batch.column(name).to_pylist()
        for row in rows:
            cells[row] = None
        batch = _with_column(batch, name, pa.array(cells, RESPONSE_TYPE))
    return batch


def _with_column(batch: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The batch with other values in one column, which stays in its place."""
    return batch.set_column(batch.schema.get_field_index(name), name, values)


def _keep(
    batch: pa.Table, query: CachedQuery, responses: Mapping[int, Response], engine: str
) -> pa.Table:
    """Put responses into their rows, and those that came into the response cache."""
    cells = batch.column(query.name).to_pylist()
    keys = batch.column("key").to_pylist()
    fresh = []
    for row, response in responses.items():
        came = response.record()
        cells[row] = {"reused": False, "engine": engine, **came}
        if response.text is not None:
            fresh.append({"key": keys[row], **came})  # with its thoughts, as they came
            cells[row] |= read_answer(response.text, response.finish_reason)
    append(query.folder, pa.Table.from_pylist(fresh, schema=RESPONSES_SCHEMA))
    return _with_column(batch, query.name, pa.array(cells, RESPONSE_TYPE))
