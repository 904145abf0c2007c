"""A store as NumPy files, which map into memory."""

from __future__ import annotations

import os
from typing import Final

import numpy as np

from actors import storage
from actors.embedding_store import EmbeddingStore, feature_array
from methods.errors import InputError

FEATURES: Final = "features.npy"
IDS: Final = "ids.npy"
PATHS: Final = "paths.txt"


def check_target(folder: str) -> None:
    """See whether files can be written into a folder, before any image is encoded.

    Raises:
        InputError: it is remote, a file, or cannot be written.
    """
    what = f"--export-numpy {folder}"
    if not storage.is_local(folder):
        raise InputError(f"{what}: NumPy maps local files only; give a local folder")
    path = storage.local_path(folder)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"{what}: cannot be written ({error.strerror})") from error
    if not os.access(path, os.W_OK):
        raise InputError(f"{what}: cannot be written (no permission)")


def export_numpy(store: EmbeddingStore, folder: str) -> str:
    """Write ``features.npy`` (n, D), ``ids.npy`` (n,) and ``paths.txt`` of the n images encoded.

    Streams the store. Rows are in the order of the store's files, the same in all three; a line of
    ``paths.txt`` is a path, with line breaks in it as blanks.

    Returns:
        The folder.
    """
    where = storage.local_path(folder)
    shape = (store.count, store.width)
    # written through NumPy's own memory map: a store may be larger than memory
    features = np.lib.format.open_memmap(
        os.path.join(where, FEATURES), mode="w+", dtype=np.dtype(store.dtype), shape=shape
    )
    ids = np.lib.format.open_memmap(
        os.path.join(where, IDS), mode="w+", dtype=np.int64, shape=(store.count,)
    )
    at = 0
    with open(os.path.join(where, PATHS), "w", encoding="utf-8", errors="surrogateescape") as out:
        for table in store.batches(["image_id", "path", "feature", "error"]):
            fine = table.filter(table.column("error").is_null())
            rows = slice(at, at + fine.num_rows)
            features[rows] = feature_array(fine.column("feature"))
            ids[rows] = fine.column("image_id").to_numpy()
            out.writelines(f"{' '.join(p.splitlines())}\n" for p in fine.column("path").to_pylist())
            at += fine.num_rows
    features.flush()
    ids.flush()
    return where
