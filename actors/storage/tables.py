"""Tables in a Parquet file of their own, on a disk or in a bucket."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage


def write_table(uri: str, table: pa.Table) -> None:
    """Write a Parquet file, over another too: the old one or the new one is there, whole."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    storage.write_bytes(uri, sink.getvalue().to_pybytes())
