"""Stable 64-bit identities of images and order-free fingerprints of sets of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from methods.splitmix64 import splitmix64


def image_id(path: str) -> int:
    """Hash a path relative to the archive's root (or a key) to a signed 64-bit integer.

    The same relative path gives the same id in a folder, a bucket, a tar and a Parquet file, on any
    machine and in any version (XXH3 is frozen).
    """
    unsigned = xxhash.xxh3_64_intdigest(path.encode("utf-8", "surrogatepass"))
    return unsigned - (1 << 64) if unsigned >= 1 << 63 else unsigned


@dataclass(frozen=True)
class IdFingerprint:
    """Count and two sums modulo 2**64 of a multiset of ids: equal for equal multisets in any order.

    Two different multisets agree by chance with probability about 2**-64, and neither a lost nor a
    doubled id can hide, so a ledger over billions of rows needs no sort and no set of ids.
    """

    count: int = 0
    total: int = 0
    mixed: int = 0

    def add(self, ids: NDArray[np.int64]) -> IdFingerprint:
        """Return the fingerprint with ``ids`` (int64, shape (n,)) added."""
        unsigned = ids.astype(np.int64, copy=False).view(np.uint64)
        with np.errstate(over="ignore"):
            total = int(unsigned.sum(dtype=np.uint64))
            # mixed, so that the second sum is independent of the first
            mixed = int(splitmix64(unsigned).sum(dtype=np.uint64))
        modulus = 1 << 64
        return IdFingerprint(
            self.count + len(ids), (self.total + total) % modulus, (self.mixed + mixed) % modulus
        )
