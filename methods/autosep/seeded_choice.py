"""Random draws by counter: a hash of the seed and of what is drawn for, never a stream.

The same draw comes out at any batch size, number of replicas and order of work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_BITS, _EXACT = 64, 53  # a float holds 53 bits exactly


def uniform(seed: int, *what: object) -> float:
    """A number in [0, 1) for ``what``, which may be numbers and texts."""
    return (_hash(seed, what) >> (_BITS - _EXACT)) / float(1 << _EXACT)


def coin(seed: int, *what: object) -> bool:
    """A fair coin for ``what``."""
    return bool(_hash(seed, what) & 1)


def choose(items: Sequence[_Item], count: int, seed: int, *what: object) -> list[_Item]:
    """Draw at most ``count`` distinct items, in random order.

    An item's chance depends on the item, ``what`` and the seed, not on its place.
    """
    return sorted(items, key=lambda item: (_hash(seed, (*what, item)), repr(item)))[:count]


def others(items: Sequence[int], item: int, count: int, seed: int, *what: object) -> list[int]:
    """Draw ``count`` items beside ``item``, without replacement.

    Raises:
        ValueError: there are not so many others.
    """
    rest = [each for each in items if each != item]
    if count > len(rest):
        raise ValueError(f"{count} others of {len(items)} items cannot be drawn")
    return choose(rest, count, seed, *what, item)


def _hash(seed: int, what: tuple[object, ...]) -> int:
    text = repr((seed, *what)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=_BITS // 8).digest())
