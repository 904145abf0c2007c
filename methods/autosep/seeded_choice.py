"""Random draws by counter: a hash of the seed and of what is drawn for, never a stream.

The same draw comes out at any batch size, number of replicas and order of work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")
_BITS, _EXACT = 64, 53  # a float holds 53 bits exactly


def uniform(seed: int, *key: object) -> float:
    """A number in [0, 1) for ``key``, which may be numbers and texts."""
    return (_hash(seed, key) >> (_BITS - _EXACT)) / float(1 << _EXACT)


def coin(seed: int, *key: object) -> bool:
    """A fair coin for ``key``."""
    return bool(_hash(seed, key) & 1)


def choose(items: Sequence[_T], count: int, seed: int, *key: object) -> list[_T]:
    """Draw at most ``count`` distinct items, in random order.

    An item's chance depends on the item, ``key`` and the seed, not on its place.
    """
    return sorted(items, key=lambda item: (_hash(seed, (*key, item)), repr(item)))[:count]


def others(items: Sequence[int], item: int, count: int, seed: int, *key: object) -> list[int]:
    """Draw ``count`` items beside ``item``, without replacement.

    Raises:
        ValueError: there are not so many others.
    """
    rest = [other for other in items if other != item]
    if count > len(rest):
        raise ValueError(f"{count} others of {len(items)} items cannot be drawn")
    return choose(rest, count, seed, *key, item)


def _hash(seed: int, key: tuple[object, ...]) -> int:
    text = repr((seed, *key)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=_BITS // 8).digest())
