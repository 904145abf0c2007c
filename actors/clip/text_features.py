"""Features of sentences and of their tokens, computed once (data-free method)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from actors.clip.encoder import ClipEncoder, Precision
from actors.clip.model import ClipModel
from actors.clip.text_tower import text_tower
from actors.stage import counted
from methods.data_free.text_features import TextFeatures

FEATURES_SCHEMA = pa.schema(
    [
        ("text_id", pa.int64()),
        ("classes", pa.list_(pa.int32())),
        ("length", pa.int64()),
        ("whole", pa.list_(pa.float16())),
        ("tokens", pa.list_(pa.float16())),
    ]
)
"""A text's number and classes, how many tokens it has, its unit feature (D,) and those of its
tokens (length x D, flattened), in half precision."""


class SentenceFeatures:
    """Batches of texts in, rows of `FEATURES_SCHEMA` out."""

    def __init__(
        self,
        model: ClipModel,
        precision: Precision = "auto",
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        """Load the text tower once for this replica; it computes in single precision."""
        encoder = ClipEncoder(model, precision="fp32", threads=threads, device=device)
        self._tower = text_tower(encoder)

    @counted("sentence_features")
    def __call__(self, batch: pa.Table) -> pa.Table:
        """Encode one batch."""
        found = TextFeatures.of(self._tower, batch.column("text").to_pylist())
        tokens = np.split(found.tokens.astype(np.float16), np.cumsum(found.lengths)[:-1])
        return pa.table(
            {
                "text_id": batch.column("text_id"),
                "classes": batch.column("classes"),
                "length": found.lengths,
                "whole": list(found.whole.astype(np.float16)),
                "tokens": [each.ravel() for each in tokens],
            },
            schema=FEATURES_SCHEMA,
        )
