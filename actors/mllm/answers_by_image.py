"""Where the answers about an image are in a stage table, by the id of the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from actors.mllm.response_cache import KEY_BYTES, KeyIndex


def image_keys(image_ids: Sequence[int]) -> list[bytes]:
    """Keys of images: 16 hexadecimal digits of the id."""
    return [b"%016x" % (each & (2**64 - 1)) for each in image_ids]


def index_images(*folders: str) -> list[KeyIndex]:
    """Index stage tables whose rows are images by ``image_id``; those without rows are left out.

    An index takes 24 bytes an image, as that of a response cache does.
    """
    found = []
    for folder in folders:
        filesystem, _ = storage.resolve(folder)
        keys: list[bytes] = []
        files: list[int] = []
        rows: list[int] = []
        paths: list[str] = []
        for path in storage.list_files(folder, ".parquet"):
            with pq.ParquetFile(path, filesystem=filesystem) as file:
                if not file.metadata.num_rows:
                    continue
                ids = file.read(["image_id"]).column("image_id").to_pylist()
            keys += image_keys(ids)
            files += [len(paths)] * len(ids)
            rows += range(len(ids))
            paths.append(path)
        if keys:
            named = np.array(keys, dtype=f"S{KEY_BYTES}")
            unique, first = np.unique(named, return_index=True)
            place = np.array(files, np.int32)[first], np.array(rows, np.int32)[first]
            found.append(KeyIndex(folder, tuple(paths), unique, *place))
    return found


def read_images(
    indices: Sequence[KeyIndex], image_ids: Sequence[int], columns: Sequence[str]
) -> list[dict[str, object] | None]:
    """Read the rows of some images: the first table that has one counts, None where none has."""
    keys = image_keys(image_ids)
    found: list[dict[str, object] | None] = [None] * len(keys)
    for index in indices:
        places = index.find(keys)
        hits = [at for at in np.flatnonzero(places >= 0).tolist() if found[at] is None]
        if hits:
            table: pa.Table = index.read([keys[at] for at in hits], columns)
            for at, row in zip(hits, table.to_pylist(), strict=True):
                found[at] = row
    return found
