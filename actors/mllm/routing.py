"""Which replica of a model is asked next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import ray

_POLL_S: Final = 0.05


def least_busy(replicas: Sequence[Any], key: bytes) -> Any:
    """Choose the replica with the fewest requests among those that say how many they have.

    One that is being restarted, or that the cluster has no room for yet, does not say. ``key``
    decides between equals.
    """
    if len(replicas) == 1:
        return replicas[0]
    start = key[0] % len(replicas)
    order = [*replicas[start:], *replicas[:start]]
    while True:
        asked = {replica.waiting.remote(): replica for replica in order}
        first, others = ray.wait(list(asked), num_returns=1)
        more, _ = ray.wait(others, num_returns=len(others), timeout=_POLL_S) if others else ([], [])
        said = {}
        for reference in (*first, *more):
            try:
                said[reference] = ray.get(reference)
            except ray.exceptions.RayActorError:  # it died for good, or is being restarted
                continue
        if said:
            return asked[min((ref for ref in asked if ref in said), key=said.__getitem__)]
        if len(first) + len(more) == len(order):  # all died: its call says why
            return order[0]
