"""Features that an embedding store holds, given to the images of a pass.

An image is the store's if its id and its address are: the id is a hash of the path below the
archive's root, which images of two archives may share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from actors import storage
from actors.embedding_store import (
    ROW_GROUP,
    STORED,
    EmbeddingStore,
    feature_array,
    feature_column,
)
from actors.stage import stage
from methods.errors import IMAGE_CODES

_OF_STORAGE = ("missing", "no_permission", "not_a_file", "storage_error")
"""Errors that another attempt may not meet; the others are of an image's content."""


@dataclass(frozen=True)
class StoreIndex:
    """Which images a store holds, sorted by id.

    Attributes:
        ids: int64 (n,), ascending.
        addresses: of each, a hash of its address, uint64 (n,).
        encoded: whether it has a feature, bool (n,).
        settled: whether nothing would be gained by reading it: it has a feature, or an error that
            is of its content; bool (n,).
        places: of each, its number in the order of the store's files, int64 (n,).
    """

    ids: NDArray[np.int64]
    addresses: NDArray[np.uint64]
    encoded: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    places: NDArray[np.int64]

    def find(self, ids: NDArray[np.int64], addresses: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where images are in this index, int64 (m,); -1 for those that are not the store's."""
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        found = (self.ids[at] == ids) & (self.addresses[at] == addresses)
        return np.where(found, at, -1)


def hash_addresses(uris: pa.ChunkedArray | pa.Array) -> NDArray[np.uint64]:
    """Hashes of addresses, uint64 (n,); of none the hash of nothing."""
    hashed = xxhash.xxh3_64_intdigest
    values = (hashed((uri or "").encode("utf-8", "surrogatepass")) for uri in uris.to_pylist())
    return np.fromiter(values, np.uint64, len(uris))


def index_store(store: EmbeddingStore) -> StoreIndex:
    """Read which images a store holds: some 26 bytes each; no feature is read."""
    ids, addresses, encoded, settled = [], [], [], []
    again = pa.array([code for code in _OF_STORAGE if code in IMAGE_CODES])
    for table in store.batches(["image_id", "uri", "error"], 64 * ROW_GROUP):
        error = table.column("error")
        ids.append(table.column("image_id").to_numpy())
        addresses.append(hash_addresses(table.column("uri")))
        encoded.append(np.asarray(error.is_null()))
        settled.append(~np.asarray(pa.compute.is_in(error, value_set=again)))
    found = np.concatenate(ids)
    order = np.argsort(found, kind="stable")
    return StoreIndex(
        found[order],
        np.concatenate(addresses)[order],
        np.concatenate(encoded)[order],
        np.concatenate(settled)[order],
        order,
    )


@stage("stored", (STORED,))
def attach_features(batch: pa.Table, store: EmbeddingStore, index: StoreIndex) -> pa.Table:
    """Add the features that a store holds of a batch's images; rows stay in order.

    Args:
        batch: of images, with ``image_id`` and ``uri``.
        store: of features (n, D).
        index: of the store.
    """
    found = index.find(batch.column("image_id").to_numpy(), hash_addresses(batch.column("uri")))
    there = found >= 0
    there[there] = index.encoded[found[there]]
    features = np.zeros((batch.num_rows, store.width), store.dtype)
    if there.any():
        features[there] = read_features(store, index.places[found[there]])
    return batch.append_column(STORED, feature_column(features, there))


def read_features(store: EmbeddingStore, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read the features at some places of a store, in that order: (m, D) of the store's dtype."""
    starts = _group_starts(store.uri, tuple(store.files()))
    groups = np.searchsorted(starts.first, places, side="right") - 1
    features = np.zeros((len(places), store.width), store.dtype)
    for group in np.unique(groups).tolist():
        mine = np.flatnonzero(groups == group)
        rows = _row_group(store.uri, starts.paths[group], int(starts.number[group]))
        features[mine] = rows[places[mine] - starts.first[group]]
    return features


@dataclass(frozen=True)
class _Groups:
    """The row groups of a store: where each begins, in which file, and its number there."""

    first: NDArray[np.int64]
    paths: tuple[str, ...]
    number: NDArray[np.int64]


@lru_cache(maxsize=4)
def _group_starts(uri: str, files: tuple[str, ...]) -> _Groups:
    filesystem, _ = storage.resolve(uri)
    sizes, paths, numbers = [], [], []
    for path in files:
        metadata = pq.read_metadata(path, filesystem=filesystem)
        for number in range(metadata.num_row_groups):
            sizes.append(metadata.row_group(number).num_rows)
            paths.append(path)
            numbers.append(number)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return _Groups(first, tuple(paths), np.array(numbers, np.int64))


@lru_cache(maxsize=4)
def _row_group(uri: str, path: str, number: int) -> NDArray[np.float32]:
    """The features of a row group; images asked about together mostly lie together."""
    filesystem, _ = storage.resolve(uri)
    with pq.ParquetFile(path, filesystem=filesystem) as file:
        return feature_array(file.read_row_group(number, columns=["feature"]).column("feature"))
