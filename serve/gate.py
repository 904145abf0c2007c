"""The gate before a model: whoever comes while it works goes in together when it is free.

``serve.batch`` closes a batch when its wait is over, whether the model is free or not: without a
wait, requests that come one by one while the model works become batches of one. With the gate
before it they are let in together, so a batch is whatever came during the one before, and a lone
request waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Lets at most ``width`` in at a time while the model is free, first come first served.

    Requests go through it with ``async with``; the batch function holds it ``closed``.
    """

    def __init__(self, width: int) -> None:
        """Open."""
        self._width = width
        self._inside = 0
        self._working = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Wait until the model is free; whoever is cancelled leaves the queue."""
        if not self._working and self._inside < self._width and not self._waiting:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and gone at once
                self._inside -= 1
                self._let_in()
            raise

    async def __aexit__(self, *_error: object) -> None:
        """Make room for the next."""
        self._inside -= 1
        self._let_in()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep the gate closed while the model works."""
        self._working = True
        try:
            yield
        finally:
            self._working = False
            if not self._inside:  # else those inside let the next in as they leave, all at once
                self._let_in()

    def _let_in(self) -> None:
        while not self._working and self._waiting and self._inside < self._width:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
