"""Load shedding: an ingress that knows its classifiers to be full refuses early.

A request that the classifiers refuse has been read and has travelled to them. Once that happened,
as many are known to be too many, and those that come meanwhile are refused before their images are
read; now and then one is let through, since replicas come and go.
"""

from __future__ import annotations

import time
from typing import Final

_FIRST_SECONDS: Final = 0.5
_MOST_SECONDS: Final = 8.0


class LoadShedder:
    """The number of requests in flight that was too many, and until when that is taken to hold.

    A level that is found full again and again is tried less and less often.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self._level, self._until, self._lasts = 0, 0.0, _FIRST_SECONDS

    def full(self, in_flight: int) -> bool:
        """Whether one more request beside so many in flight would be refused."""
        return in_flight >= self._level and time.monotonic() < self._until

    def refused(self, in_flight: int) -> None:
        """Note that a request was refused beside so many in flight."""
        now = time.monotonic()
        recent = now < self._until + self._lasts and in_flight >= self._level
        self._lasts = min(_MOST_SECONDS, 2 * self._lasts) if recent else _FIRST_SECONDS
        self._level, self._until = in_flight, now + self._lasts
