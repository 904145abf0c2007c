"""The thread that owns an ``LLMEngine`` in this process, and steps it.

Requests come as they are prepared, up to as many are in the engine as the model works on at once,
and each step works on all that are there: what ends makes room for the next at once.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from actors.mllm.engines.base import EngineDied
from actors.mllm.engines.vllm_chat import refused
from actors.mllm.request import Response

logger = logging.getLogger(__name__)


class Started:
    """An engine that can be stepped.

    Attributes:
        engine: a ``vllm.LLMEngine``.
        settings: what each request is added with.
        response_of: makes a response of a finished ``RequestOutput``.
    """

    def __init__(
        self, engine: Any, settings: dict[str, Any], response_of: Callable[[Any], Response]
    ) -> None:
        """Keep them."""
        self.engine, self.settings, self.response_of = engine, settings, response_of


class PreparedRequest:
    """A request that the renderer has prepared, and the future of its response.

    Attributes:
        began: when the engine took it up, by the monotonic clock; None while it waits.
        response: of the event loop that asked.
    """

    def __init__(self, prompt: Any, params: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Keep what the engine is given: the renderer's prompt and vLLM's sampling parameters."""
        self.prompt, self.params = prompt, params
        self.began: float | None = None
        self._loop = loop
        self.response: asyncio.Future[Response] = loop.create_future()

    def settle(self, outcome: Response | Exception) -> None:
        """Give the response, or give up, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and who waited with it
            self._loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Response | Exception) -> None:
        if self.response.done():  # the caller went away
            return
        if isinstance(outcome, Exception):
            self.response.set_exception(outcome)
        else:
            self.response.set_result(outcome)


class EngineThread:
    """Steps an engine from its start to its end or failure."""

    def __init__(self, name: str, most: int) -> None:
        """Nothing runs yet.

        Args:
            name: of the model, for the log.
            most: requests that are in the engine at once.
        """
        self._name, self._most = name, most
        self._arrived: queue.SimpleQueue[PreparedRequest | None] = queue.SimpleQueue()
        self._waiting: collections.deque[PreparedRequest] = collections.deque()
        self._running: dict[str, PreparedRequest] = {}
        self._numbers = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        self._dead: str | None = None
        self._step_began: float | None = None

    @property
    def dead(self) -> str | None:
        """Why the engine is gone; None while it is not."""
        return self._dead

    def step_seconds(self) -> float:
        """How long the step under way has taken; 0 between steps."""
        began = self._step_began
        return 0.0 if began is None else time.monotonic() - began

    async def start(self, make: Callable[[], Started]) -> Any:
        """Make the engine in the thread, then let it step.

        Args:
            make: returns the engine and what each request is added with.

        Returns:
            The engine.

        Raises:
            Exception: whatever ``make`` raises.
        """
        loop = asyncio.get_running_loop()
        started: asyncio.Future[Any] = loop.create_future()

        def run() -> None:
            try:
                made = make()
            except BaseException as error:
                failure = error if isinstance(error, Exception) else RuntimeError(repr(error))
                loop.call_soon_threadsafe(started.set_exception, failure)
                return
            loop.call_soon_threadsafe(started.set_result, made.engine)
            self._run(made)

        self._thread = threading.Thread(target=run, name="vllm-engine", daemon=True)
        self._thread.start()
        return await started

    def add(self, request: PreparedRequest) -> None:
        """Hand over a request.

        Raises:
            EngineDied: the engine is gone.
        """
        self._arrived.put(request)
        if self._dead is not None:
            raise EngineDied(self._dead)

    async def close(self) -> None:
        """Let the thread end after what it is at; the model's memory goes with the process."""
        if self._thread is not None and self._dead is None:
            self._arrived.put(None)
            await asyncio.to_thread(self._thread.join, 30)

    def _run(self, made: Started) -> None:
        """Step until told to stop, or the engine fails."""
        try:
            while self._take():
                self._fill(made)
                self._step_began = time.monotonic()
                outputs = made.engine.step()
                self._step_began = None
                for output in outputs:
                    if output.finished:
                        self._running.pop(output.request_id).settle(made.response_of(output))
        except BaseException as error:  # whatever it is, nobody will run this engine again
            self._end(f"{type(error).__name__}: {error}")
            logger.error("the engine of %s died: %s", self._name, self._dead)
        else:
            self._end("it was closed")

    def _take(self) -> bool:
        """Take what has come; wait where there is nothing to do. Whether there is more to do."""
        while not self._closing and (
            not self._arrived.empty() or not (self._waiting or self._running)
        ):
            request = self._arrived.get()
            if request is None:
                self._closing = True
            else:
                self._waiting.append(request)
        return bool(self._waiting or self._running)

    def _fill(self, made: Started) -> None:
        """Give up those whose caller went away, and put waiting ones in their place."""
        gone = [number for number, each in self._running.items() if each.response.cancelled()]
        if gone:
            made.engine.abort_request(gone)
            for number in gone:
                del self._running[number]
        while self._waiting and len(self._running) < self._most:
            request = self._waiting.popleft()
            if request.response.cancelled():
                continue
            self._numbers += 1
            number = str(self._numbers)
            try:
                made.engine.add_request(number, request.prompt, request.params, **made.settings)
            except Exception as error:  # of this request alone
                request.settle(refused(error))
                continue
            request.began = time.monotonic()
            self._running[number] = request

    def _end(self, why: str) -> None:
        self._dead = why
        while not self._arrived.empty():
            if (request := self._arrived.get()) is not None:
                self._waiting.append(request)
        for request in (*self._running.values(), *self._waiting):
            request.settle(EngineDied(why))
