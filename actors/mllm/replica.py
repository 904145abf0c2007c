"""The MLLM replica: a batch of requests in, a batch of responses out, order kept.

One replica is one Ray actor with one engine. It is made an asynchronous actor, so concurrent calls
of `generate` share the engine, which batches whatever is in it. The engine starts with the first
request: a run whose responses are all known starts none.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from actors.mllm.engines.base import Engine, EngineDied
from actors.mllm.engines.choose import engine_class
from actors.mllm.metrics import count_responses, set_waiting
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.request import Request, Response, completed
from actors.stage import OK, record
from methods.errors import EndpointRefused, EngineStartError

logger = logging.getLogger(__name__)

ENDPOINT = "endpoint"
"""Engine of the responses that came from an endpoint, which no run starts."""

_AGAIN_S: Final = (5.0, 15.0, 45.0)
"""Pauses before an engine is started again whose reason not to start may pass."""


@dataclass(frozen=True)
class Responses:
    """What `MLLM.generate` returns.

    Attributes:
        responses: one for each request, in order.
        engine: which engine start gave them; a replica that was restarted has another.
    """

    responses: list[Response]
    engine: str


class MLLM:
    """One replica of a multimodal LLM, on whichever engine runs it."""

    def __init__(
        self,
        model: MllmModel,
        options: EngineOptions | None = None,
        engine: type[Engine] | None = None,
    ) -> None:
        """Keep what is needed to start an engine, by default the one that is for the model; nothing
        is loaded yet."""
        options = options or EngineOptions()
        self._engine = (engine or engine_class(model, options))(model, options)
        self._starting = asyncio.Lock()
        self._name = ""
        self._problem: EngineStartError | None = None
        self._refused: EndpointRefused | None = None
        self._url = model.base_url
        self._answered = False
        self._remote = model.engine == "openai"
        self._waiting = 0
        self._busy_since = 0.0
        self.start_seconds = 0.0

    async def start(self) -> float:
        """Start the engine unless it runs; returns the seconds that its start took.

        Raises:
            EngineStartError: with the reason and what to do; every later call says the same, unless
                the reason may pass.
        """
        async with self._starting:
            if self._problem is not None:
                raise self._problem
            if not self._name:
                began = time.monotonic()
                try:
                    await self._start_again_and_again()
                except EngineStartError as error:
                    self._problem = None if error.passing else error
                    raise
                self.start_seconds = time.monotonic() - began
                self._name = ENDPOINT if self._remote else uuid.uuid4().hex[:12]
        return self.start_seconds

    async def _start_again_and_again(self) -> None:
        """Start the engine; wait a while where what it needs may not have been given back yet."""
        for pause in _AGAIN_S:
            try:
                return await self._engine.start()
            except EngineStartError as error:
                if not error.passing:
                    raise
                logger.warning("%s; trying again in %g s", error, pause)
            await asyncio.sleep(pause)
        await self._engine.start()

    async def sequences(self) -> int:
        """Requests that the engine works on at once; known before it has started.

        Raises:
            EngineStartError: the engine cannot be set up.
        """
        return await self._engine.sequences()

    async def generate(self, requests: Sequence[Request]) -> Responses:
        """Answer a batch; an answer that did not come is a `Response` with an error.

        Raises:
            EngineStartError: the engine cannot start.
            EndpointRefused: the endpoint answers nothing; every later call says the same.
        """
        if self._refused is not None:
            raise self._refused
        await self._take(len(requests))
        try:
            came = await asyncio.gather(*(self._engine.generate(each) for each in requests))
        except EngineDied as error:
            logger.error("the engine died (%s): this replica ends, and another is asked", error)
            # A raised error would leave this actor alive with a dead engine, and Ray would send it
            # batch after batch. A dead actor is restarted, and its calls are made again. A process
            # of the engine that is left would keep its memory from the next one.
            for process in multiprocessing.active_children():
                process.kill()
            os._exit(1)
        except EndpointRefused as error:
            self._refused = error
            raise
        finally:
            self._waiting -= len(requests)
            set_waiting(self._waiting)
        self._check_first(came)
        responses = [completed(each) for each in came]
        now = time.perf_counter()
        outcomes = Counter(response.error or OK for response in responses)
        record("mllm", outcomes, now - self._busy_since)
        self._busy_since = now  # what is still under way counts with the responses to come
        count_responses(responses)
        return Responses(responses, self._name)

    def _check_first(self, responses: Sequence[Response]) -> None:
        """End a job whose endpoint has answered nothing, before its failures become rows.

        Raises:
            EndpointRefused: it refused the whole first batch, or is not there.
        """
        self._answered |= not self._remote or any(each.error is None for each in responses)
        if self._answered or len(responses) < 2:
            return
        codes, detail = {each.error for each in responses}, responses[0].error_detail or ""
        if codes == {"mllm_rejected"}:
            why = f'refuses every request, such as with "{detail}"; mend that'
        elif codes == {"mllm_timeout"}:
            why = f"accepts requests and answers none ({detail}); mend it or raise --mllm-timeout"
        elif codes == {"mllm_unavailable"} and detail.startswith(self._url):
            told = detail.removeprefix(self._url).lstrip(": ")
            why = f"cannot be reached ({told}); start it or check the address"
        else:
            return
        self._refused = EndpointRefused(f"{self._url} {why}, then the same command goes on")
        raise self._refused

    async def _take(self, requests: int) -> None:
        """Take requests; the replica is busy from the first one that finds it without work."""
        idle = self._waiting == 0
        self._waiting += requests
        try:
            await self.start()
        except EngineStartError:
            self._waiting -= requests
            raise
        if idle:
            self._busy_since = time.perf_counter()
        set_waiting(self._waiting)

    async def close(self) -> None:
        """Stop the engine and free what it holds."""
        if self._name:
            await self._engine.close()
            self._name = ""

    async def waiting(self) -> int:
        """Requests taken and not yet answered."""
        return self._waiting

    async def pid(self) -> int:
        """Process id of this replica."""
        return os.getpid()
