"""A text or an image as a unit feature of a store's CLIP, and the images nearest to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors import storage
from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.embedding_store import EmbeddingStore, unit_features
from actors.images.decode import input_pixels
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from methods.errors import InputError
from methods.nearest import best_of_blocks
from ray_jobs.config import SearchConfig


def text_query(store: EmbeddingStore, config: SearchConfig, text: str) -> NDArray[np.float32]:
    """Encode a text: float32 (D,), as CLIP reads it, without a template around it.

    Raises:
        InputError: the store's CLIP is not there, or another one is.
    """
    found: NDArray[np.float32] = encoder_of(store, config).encode_texts([text])[0]
    return found


def image_query(store: EmbeddingStore, config: SearchConfig) -> NDArray[np.float32]:
    """Encode the image of ``--like``, read as the store's images were: float32 (D,).

    Raises:
        InputError: it cannot be read or is no image; or as `text_query`.
    """
    reading = store.record["reading"]
    try:
        data = fetch_bytes({"uri": storage.absolute(str(config.like))}, reading["max_bytes"])
        model = resolve_clip(str(config.clip or store.record["clip"]["name"]))
        pixels = input_pixels(
            data,
            model.preprocessing,
            max_pixels=reading["max_pixels"],
            exact=reading["exact_decode"],
            as_stored=reading["as_stored"],
        )
    except ImageError as error:
        raise InputError(f"--like {config.like}: {error.detail} ({error.code})") from error
    found: NDArray[np.float32] = encoder_of(store, config).encode_pixels(pixels[None])[0]
    return found


def encoder_of(store: EmbeddingStore, config: SearchConfig) -> ClipEncoder:
    """Load the CLIP that made a store.

    Raises:
        InputError: it is not there, or is another one now.
    """
    own = store.record["clip"]
    model = resolve_clip(config.clip or own["name"])
    if not model.is_of(own):
        raise InputError(
            f"search {store.uri}: its features are of the CLIP model {own['name']} "
            f"({own['embed_dim']} wide), and the one at hand, {model.name} ({model.embed_dim} "
            "wide), is another; give the same model by --clip, or embed the archive again"
        )
    return ClipRuntime(model, store.record["precision"]).load()


def find_nearest(
    store: EmbeddingStore, query: NDArray[np.float32], top: int
) -> list[dict[str, Any]]:
    """Return the rows of the images nearest to a query, best first, with their ``similarity``."""
    blocks = (unit_features(table.column("feature")) for table in encoded_rows(store, ["feature"]))
    numbers, cosines = best_of_blocks(blocks, query, top)
    rows = rows_at(store, numbers)
    return [
        {**row, "similarity": round(float(cosine), 6)}
        for row, cosine in zip(rows, cosines, strict=True)
    ]


def encoded_rows(store: EmbeddingStore, columns: list[str]) -> Iterator[pa.Table]:
    """Stream some columns of the images that have a feature, in the order of the files."""
    for table in store.batches([*columns, "error"]):
        yield table.filter(table.column("error").is_null()).select(columns)


def rows_at(store: EmbeddingStore, numbers: NDArray[np.int64]) -> list[dict[str, Any]]:
    """The ``image_id``, ``path`` and ``uri`` of some images, by their number among the encoded."""
    found: dict[int, dict[str, Any]] = {}
    start = 0
    for table in encoded_rows(store, ["image_id", "path", "uri"]):
        mine = numbers[(numbers >= start) & (numbers < start + table.num_rows)]
        rows = table.take(pa.array(mine - start)).to_pylist()
        found.update(zip(mine.tolist(), rows, strict=True))
        start += table.num_rows
    return [found[number] for number in numbers.tolist()]
