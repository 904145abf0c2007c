"""The labels table: its columns, for methods that give one label an image or several."""

from __future__ import annotations

import pyarrow as pa

LABELS_SCHEMA = pa.schema(
    [
        ("image_id", pa.int64()),
        ("path", pa.string()),
        ("uri", pa.string()),
        ("label", pa.string()),
        ("score", pa.float32()),
        ("top_labels", pa.list_(pa.string())),
        ("top_scores", pa.list_(pa.float32())),
        ("method", pa.string()),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ]
)
"""One label an image."""

MULTI_LABELS_SCHEMA = pa.schema(
    [
        *(LABELS_SCHEMA.field(i) for i in range(3)),
        ("labels", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        *(LABELS_SCHEMA.field(i) for i in range(5, len(LABELS_SCHEMA))),
    ]
)
"""Several labels an image."""
