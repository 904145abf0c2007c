"""The journal of calls: what is sent to a model, written down before it is sent.

A job that is killed loses the answers on their way, and neither its stage table nor the response
cache says that they were asked for. With a journal a budget can count them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.mllm.response_cache import KEY_BYTES, index_keys
from actors.storage.tables import write_table

CALLS_SCHEMA: Final = pa.schema(
    [("image_id", pa.int64()), ("query", pa.string()), ("key", pa.binary(KEY_BYTES))]
)
"""One call: the image, what was asked, and the key of its response in the response cache."""


class CallsMade(NamedTuple):
    """Calls that were made about n images.

    Attributes:
        ids: of the images, int64 (n,), ascending.
        made: calls, int64 (n,).
        answered: queries of which the response cache holds the answer, int64 (n,).
    """

    ids: NDArray[np.int64]
    made: NDArray[np.int64]
    answered: NDArray[np.int64]


def note_calls(folder: str, calls: Sequence[tuple[int, str, bytes]]) -> None:
    """Write down calls (`CALLS_SCHEMA`) that are about to be made, as a new file."""
    columns = zip(*calls, strict=True)
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}.parquet"
    write_table(
        storage.join(folder, name), pa.table([list(each) for each in columns], schema=CALLS_SCHEMA)
    )


def read_calls(folder: str, responses: Mapping[str, str]) -> CallsMade:
    """Count the calls of a journal, and which of them the response cache has an answer to.

    Args:
        folder: of the journal; there may be none.
        responses: folders of the response cache, by name of the query.
    """
    filesystem, _ = storage.resolve(folder)
    tables = [
        pq.read_table(path, filesystem=filesystem, partitioning=None)
        for path in storage.list_files(folder, ".parquet")
    ]
    calls = pa.concat_tables([CALLS_SCHEMA.empty_table(), *tables])
    ids, places = np.unique(calls.column("image_id").to_numpy(), return_inverse=True)
    made = np.bincount(places, minlength=len(ids)).astype(np.int64)
    answered = np.zeros(len(ids), np.int64)
    for query, where in responses.items():
        own = np.flatnonzero(pc.equal(calls.column("query"), query).to_numpy())
        keys = calls.column("key").take(pa.array(own)).to_pylist()
        there = index_keys(where).find(keys) >= 0
        answered[np.unique(places[own[there]])] += 1
    return CallsMade(ids, made, answered)
