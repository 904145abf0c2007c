"""CLIP features of the images that were drawn: one pass, kept as a stage table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.clip.image_features import ClipFeatures
from actors.clip.model import ClipModel
from actors.embedding_store import EmbeddingStore
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.steps import clip, decode, fetch, images
from ray_jobs.passes.stored import attach_stored
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table

FEATURES = "features"
"""Name of the stage."""


@dataclass(frozen=True)
class Features:
    """Of the images that could be read, ordered by id.

    Attributes:
        ids: int64 (N,), ascending.
        paths: by id.
        matrix: unit features, float32 (N, D).
        errors: by id, the code of each image that could not be read.
    """

    ids: NDArray[np.int64]
    paths: dict[int, str]
    matrix: NDArray[np.float32]
    errors: dict[int, str]

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features of some of the images, in the order asked for."""
        return self.matrix[np.searchsorted(self.ids, ids)]


def compute_features(
    job: Job, model: ClipModel, context: int | str | None, store: EmbeddingStore | None = None
) -> Features:
    """Encode the images drawn, resuming where an earlier attempt stopped, and read what came.

    Images of which a store holds the feature are not encoded.

    The replicas check first whether a prompt with this context, if any, can be learned for the
    model: before any image is encoded or asked about.
    """
    encode = clip(ClipFeatures, model, context=context)
    flow = images() >> attach_stored(store) >> fetch() >> decode(model.preprocessing) >> encode
    run_pass(job, Pass(FEATURES, flow))
    return read_features(stage_table(job.run, FEATURES), model.embed_dim)


def read_features(table: str, width: int) -> Features:
    """Read a stage table of features."""
    ids, paths, errors = [], {}, {}
    pieces = [np.zeros((0, width), np.float32)]
    for batch in batches_of(table, ("image_id", "path", "feature", "error")):
        fine = batch.filter(batch.column("error").is_null())
        ids.append(fine.column("image_id").to_numpy())
        pieces.append(fine.column("feature").flatten().to_numpy().reshape(-1, width))
        for row in batch.select(["image_id", "path", "error"]).to_pylist():
            paths[row["image_id"]] = row["path"]
            if row["error"] is not None:
                errors[row["image_id"]] = row["error"]
    found = np.concatenate([np.zeros(0, np.int64), *ids])
    order = np.argsort(found)
    return Features(found[order], paths, np.concatenate(pieces)[order], errors)
