"""What an ingress knows of how much its classifiers take, so that refusals are quick.

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
    """How many requests at once were too many, and until when that is taken to hold.

    A level that is found full again and again is tried less and less often.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self._level, self._until, self._lasts = 0, 0.0, _FIRST_SECONDS

    def full(self, asking: int) -> bool:
        """Whether one more beside so many under way would be refused."""
        return asking >= self._level and time.monotonic() < self._until

    def refused(self, asking: int) -> None:
        """Note that one was refused beside so many under way."""
        now = time.monotonic()
        recent = now < self._until + self._lasts and asking >= self._level
        self._lasts = min(_MOST_SECONDS, 2 * self._lasts) if recent else _FIRST_SECONDS
        self._level, self._until = asking, now + self._lasts
