"""Steps that take CLIP's features from an embedding store in place of images."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors import storage
from actors.clip.embeddings import add_digests
from actors.clip.model import ClipModel
from actors.clip.stored_features import attach_features, hash_addresses, index_store
from actors.embedding_store import SHOWN_SETTINGS, EmbeddingStore, open_store
from actors.storage.tables import write_table
from methods.errors import InputError
from ray_jobs.config import StoredConfig
from ray_jobs.passes.read_images import Images
from ray_jobs.passes.steps import READ_BATCH, Flow, PassContext, flow, resolve
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.manifest import read_manifest
from ray_jobs.runs.stage_tables import stage_table

logger = logging.getLogger(f"onoma.{__name__}")

_UNSTORED = "unstored"


def store_of(config: StoredConfig, model: ClipModel) -> EmbeddingStore | None:
    """Open the store that a command names, and check that its features are the command's.

    Raises:
        InputError: it is none, half-written, or of another CLIP or another way of reading.
    """
    if config.embeddings is None:
        return None
    store = open_store(config.embeddings)
    settings = {name: getattr(config, name) for name in ("precision", *SHOWN_SETTINGS)}
    store.check(model, settings, f"--embeddings {config.embeddings}")
    return store


def store_identity(store: EmbeddingStore | None) -> dict[str, Any]:
    """What a store adds to the identity of a run: features of half precision are others."""
    return {} if store is None else {"embeddings": store.dtype}


def refuse_store(config: StoredConfig, why: str) -> None:
    """Refuse a store where its features are not what is needed.

    Raises:
        InputError: a store was given.
    """
    if config.embeddings is not None:
        raise InputError(f"--embeddings {config.embeddings}: {why}; leave --embeddings out")


@dataclass(frozen=True)
class StoreMatch:
    """Which images of a run a store holds.

    Attributes:
        known: how many it holds.
        ids: theirs, int64 ascending; None where those are all that it holds.
        unstored: the others; None where there are none.
    """

    known: int
    ids: NDArray[np.int64] | None
    unstored: Images | None


def match_store(run: RunFolder, store: EmbeddingStore) -> StoreMatch:
    """Find the images of a run's manifest in a store, and write the manifest of the others.

    Streams the manifest; ids and hashes of addresses of the store are held.
    """
    index = index_store(store)
    known: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    others: list[pa.Table] = []
    for table in read_manifest(run.manifest, None):
        ids = table.column("image_id").to_numpy()
        found = index.find(ids, hash_addresses(table.column("uri")))
        there = found >= 0
        there[there] = index.settled[found[there]]
        known.append(ids[there])
        if not there.all():
            others.append(table.filter(pa.array(~there)))
    ids = np.sort(np.concatenate(known))
    images, unstored = int(run.record["images"]), None
    if others:
        path = storage.join(stage_table(run, _UNSTORED), "part-00000.parquet")
        write_table(path, pa.concat_tables(others))
        unstored = Images(path, images - len(ids))
    logger.info(
        "%s holds %d of %d images; %s", store.uri, len(ids), images,
        f"{images - len(ids)} are read and encoded" if unstored else "no image is read",
    )  # fmt: skip
    run.save(embeddings={"folder": store.uri, "used": len(ids), "encoded": images - len(ids)})
    return StoreMatch(len(ids), None if len(ids) == store.images else ids, unstored)


def from_store(
    store: EmbeddingStore, stage: Callable[..., pa.Table], encode: Flow, **arguments: Any
) -> Flow:
    """Make rows of what a store holds by a stream of its rows, and of other images as usual.

    Args:
        store: of features.
        stage: from rows of a store to rows as ``encode`` makes them; takes ``ids``, of the images.
        encode: what the other images go through, from `images` on.
        arguments: what else the stage takes; `Late` ones are made when the pass runs.
    """

    def plan(_: Any, context: PassContext) -> Any:
        match = match_store(context.job.run, store)
        if not match.known:
            return encode.plan(context)
        given = {**resolve(arguments, context.job), "ids": match.ids}
        made = _stream(store).map_batches(
            stage, batch_format="pyarrow", batch_size=None, fn_kwargs=given
        )
        if match.unstored is None:
            return made
        return made.union(encode.plan(replace(context, images=match.unstored)))

    return flow(plan)


def _stream(store: EmbeddingStore) -> Any:
    """The rows of a store as a Ray Data dataset, a file a block."""
    import ray

    filesystem, _ = storage.resolve(store.uri)
    files = store.files()
    return ray.data.read_parquet(
        files,
        filesystem=filesystem,
        columns=["image_id", "path", "uri", "feature", "error", "error_detail"],
        partitioning=None,  # a key=value folder above would be a column
        file_extensions=None,  # which are looked for before a ? in a path
        override_num_blocks=len(files),
    )


def digest() -> Flow:
    """Add the content hash of images that were fetched, in the tasks that fetch."""

    def plan(rows: Any, context: PassContext) -> Any:
        from ray.data import TaskPoolStrategy

        return rows.map_batches(
            add_digests,
            batch_format="pyarrow",
            batch_size=READ_BATCH,
            compute=TaskPoolStrategy(context.read_tasks),
            **context.options,
        )

    return flow(plan)


def attach_stored(store: EmbeddingStore | None) -> Flow:
    """Give images the features that a store holds of them, so that they are not read.

    Without a store nothing is done.
    """
    if store is None:
        return Flow(())

    def plan(rows: Any, context: PassContext) -> Any:
        import ray

        index = ray.put(index_store(store))
        return rows.map_batches(
            _attach, batch_format="pyarrow", fn_kwargs={"store": store, "index": index}
        )

    return flow(plan)


def _attach(batch: pa.Table, store: EmbeddingStore, index: Any) -> pa.Table:
    import ray

    return attach_features(batch, store, ray.get(index))
