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

ANSWER_LABELS_SCHEMA = pa.schema(
    [
        *LABELS_SCHEMA,
        ("answer", pa.string()),
        ("choice", pa.string()),
        ("answer_path", pa.string()),
    ]
)
"""One label an image, from what a multimodal LLM said: what it said of the image, what it chose of
the class list (null where there was no such stage), and how the label came of it (exact,
normalised, clip_fallback or failed; null for images that were never asked about)."""
