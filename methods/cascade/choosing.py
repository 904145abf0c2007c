"""Which images are asked about: decided for all of them before the first one is asked.

Everything here depends on image ids and scores alone, not on the order in which images come.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.splitmix64 import splitmix64

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_DRAW: Final = np.uint64(0xD1B54A32D192ED03)
"""Odd numbers without a pattern: one for the order of choices, one for that of images."""

Ids = NDArray[np.int64]


def ranked(ids: Ids, uncertainty: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of images, the most uncertain first; of equal ones that of the smaller id.

    Args:
        ids: n distinct ones.
        uncertainty: float64 (n,), finite.

    Raises:
        ValueError: an uncertainty that is not finite has no place in an order.
    """
    if not np.isfinite(uncertainty).all():
        raise ValueError("an uncertainty that is not finite has no place in an order")
    return np.lexsort((ids, -uncertainty)).astype(np.int64)


def choose(
    ids: Ids, uncertainty: NDArray[np.float64], most: int, asked: Ids | None = None
) -> NDArray[np.bool_]:
    """Choose the most uncertain images, ``most`` at most.

    Args:
        ids: n distinct ones.
        uncertainty: float64 (n,), finite.
        most: images that may be asked about in all; at or above n, all are chosen.
        asked: ids that were asked about already and count; they are chosen.

    Returns:
        bool (n,): ``min(most, n)`` of them.

    Raises:
        ValueError: more were asked about than may be, or an uncertainty is not finite.
    """
    chosen = np.zeros(len(ids), np.bool_) if asked is None else np.isin(ids, asked)
    left = min(most, len(ids)) - int(chosen.sum())
    if left < 0:
        raise ValueError(f"{chosen.sum()} images were asked about and {most} may be")
    order = ranked(ids, uncertainty)
    fresh = order[~chosen[order]]
    chosen[fresh[:left]] = True
    return chosen


def affordable(
    ids: Ids,
    uncertainty: NDArray[np.float64],
    made: NDArray[np.int64],
    left: NDArray[np.int64],
    calls_each: int,
    most: int,
) -> NDArray[np.bool_]:
    """Which of the chosen images a budget still has room for, where answers were lost.

    An image that is kept counts for ``calls_each`` calls, or for those made and left if they are
    more; one that is dropped for the calls made. The most uncertain are kept first.

    Args:
        ids: n distinct ones.
        uncertainty: float64 (n,), finite.
        made: calls about each so far, int64 (n,).
        left: calls that each still takes, int64 (n,); one that takes none is kept.
        calls_each: calls that an image takes.
        most: calls that may be made in all.

    Returns:
        bool (n,).
    """
    kept = left == 0
    whole = np.maximum(calls_each, made + left)
    room = most - int(np.where(kept, whole, made).sum())
    for at in ranked(ids, uncertainty).tolist():
        if not kept[at] and (cost := int(whole[at] - made[at])) <= room:
            kept[at] = True
            room -= cost
    return kept


def at_random(ids: Ids, seed: int) -> NDArray[np.float64]:
    """Numbers by which `ranked` puts images in an order that has to do with nothing else.

    Args:
        ids: n distinct ones.
        seed: of the order.

    Returns:
        float64 (n,) in [0, 1), by seed and id alone.
    """
    return (_mixed(ids, seed, _DRAW) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def spread(ids: Ids, confidence: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of ``count`` images at equal distances in the order of confidence: int64, ascending.

    Each image of the archive is as likely as any other to be near one, so what holds of them on
    average holds of the archive. Fewer images than ``count`` are all of them.
    """
    order = ranked(ids, -confidence)
    count = min(count, len(ids))
    places = (2 * np.arange(count, dtype=np.int64) + 1) * len(ids) // (2 * max(count, 1))
    return np.sort(order[places])


def shuffled(choices: NDArray[np.int32], ids: Ids, seed: int) -> NDArray[np.int32]:
    """The choices of each image in an order of its own, by seed and id alone.

    A model that prefers what stands first then prefers no rank of CLIP's.

    Args:
        choices: int32 (n, k), the best first.
        ids: of the images, int64 (n,).
        seed: of all orders.
    """
    rows = _mixed(ids, seed)
    with np.errstate(over="ignore"):
        columns = np.arange(1, choices.shape[1] + 1, dtype=np.uint64) * _STEP
        keys = splitmix64(rows[:, None] + columns[None, :])
    return np.take_along_axis(choices, np.argsort(keys, axis=1, kind="stable"), axis=1)


def _mixed(ids: Ids, seed: int, what: np.uint64 = _STEP) -> NDArray[np.uint64]:
    """A number for each id that hangs on it and the seed, and on what it is for."""
    with np.errstate(over="ignore"):  # sums are modulo 2**64, as meant
        start = splitmix64(np.array([seed], np.int64).view(np.uint64) + what)
        return splitmix64(np.ascontiguousarray(ids).view(np.uint64) ^ start)
