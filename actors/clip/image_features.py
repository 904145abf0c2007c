"""CLIP features of images: the class given to ``map_batches``."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from actors.clip.checks import check_context
from actors.clip.lane import IN_FLIGHT
from actors.clip.runtime import ClipRuntime
from actors.stage import RowErrors, stage

FEATURES_SCHEMA: Final = pa.schema(
    [
        ("image_id", pa.int64()),
        ("path", pa.string()),
        ("feature", pa.list_(pa.float32())),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ]
)
"""``feature`` is of unit length; null in rows with an error."""


@stage("clip", FEATURES_SCHEMA)
class ClipFeatures:
    """Batches of decoded images in, their unit features out; rows with an error pass through.

    A feature that is not finite (broken weights, bf16 at its limits) is an error as well,
    ``not_finite``. ``in_flight`` calls may run at once, in threads, on a GPU.
    """

    in_flight: ClassVar[int] = IN_FLIGHT

    def __init__(self, clip: ClipRuntime, context: int | str | None = None) -> None:
        """Load CLIP once for this replica.

        Args:
            clip: the model.
            context: of a prompt that is to be learned for it (`actors.clip.checks.check_context`).

        Raises:
            InputError: no such prompt can be learned for it.
        """
        self._encoder = clip.load()
        if context is not None:
            check_context(self._encoder, context)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Encode one batch; rows stay in order."""
        errors = RowErrors.of(batch)
        cells: list[Any] = [None] * batch.num_rows
        for row, feature in zip(*self._encoder.encode_decoded(batch), strict=True):
            if np.isfinite(feature).all():
                cells[row] = feature
            else:
                errors.fail(row, "not_finite", "CLIP's feature of it is not finite")
        return pa.table(
            {
                "image_id": batch.column("image_id"),
                "path": batch.column("path"),
                "feature": pa.array(cells, pa.list_(pa.float32())),
                **errors.columns(),
            },
            schema=FEATURES_SCHEMA,
        )
