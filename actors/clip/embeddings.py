"""The rows of an embedding store: the stages that make them of encoded and of decoded images."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from actors.clip.lane import IN_FLIGHT
from actors.clip.runtime import ClipRuntime
from actors.mllm.response_cache import key_of
from actors.stage import RowErrors, stage


@stage("digest", ("digest",))
def add_digests(batch: pa.Table) -> pa.Table:
    """Add the content hash of ``bytes``, as the response cache has it; null without bytes."""
    cells = batch.column("bytes")
    found = [key_of(cell.as_buffer()) if cell.is_valid else None for cell in cells]
    return batch.append_column("digest", pa.array(found, pa.binary(16)))


@stage("clip", ("feature",))
class EmbeddingRows:
    """Batches of decoded images in, their features out as bytes of the store's dtype.

    Columns out: ``image_id, path, uri, digest, feature`` (fixed-size binary, null with an error),
    ``error, error_detail``. A feature that is not finite is an error, ``not_finite``.
    """

    in_flight: ClassVar[int] = IN_FLIGHT

    def __init__(self, clip: ClipRuntime, dtype: str) -> None:
        """Load CLIP once for this replica."""
        self._encoder = clip.load()
        self._dtype = np.dtype(dtype)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Encode one batch; rows stay in order."""
        errors = RowErrors.of(batch)
        cells: list[bytes | None] = [None] * batch.num_rows
        width = self._encoder.model_info.embed_dim
        for row, feature in zip(*self._encoder.encode_decoded(batch), strict=True):
            if np.isfinite(feature).all():
                cells[row] = feature.astype(self._dtype).tobytes()
            else:
                errors.fail(row, "not_finite", "CLIP's feature of it is not finite")
        kept = {name: batch.column(name) for name in ("image_id", "path", "uri", "digest")}
        feature = pa.array(cells, pa.binary(width * self._dtype.itemsize))
        return pa.table({**kept, "feature": feature, **errors.columns()})
