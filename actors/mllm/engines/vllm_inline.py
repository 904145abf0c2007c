"""vLLM inside a replica: requests of concurrent calls feed one engine that batches continuously.

One thread owns the engine: it takes in what has arrived, lets the engine make one step, and hands
out what is finished. On a GPU the model steps in a process of its own, and images are prepared
beside it. On a CPU both happen in that one thread: whatever runs beside the model competes with it
for the same cores (preparing images in other threads makes its steps 1.6 times as long, a process
of its own takes the start from 18 to 54 seconds on two cores).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from actors.mllm.engines.vllm_prompts import VllmPrompts, chat_params
from actors.mllm.engines.vllm_settings import (
    EngineStartError,
    engine_arguments,
    prepare_environment,
    quieten,
    why_not,
)
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.request import Request, Response, rejected

logger = logging.getLogger(f"onoma.{__name__}")


class EngineDied(Exception):
    """The engine is gone for good; whatever it was asked must be asked of another."""


class VllmEngine:
    """One vLLM engine and its model."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to start; nothing is loaded yet."""
        self._model, self._options = model, options
        self._engine: Any = None
        self._arrived: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._open: dict[str, _Ticket] = {}
        self._dead: str | None = None

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        prepare_environment(self._options)
        if True:
            try:
                from vllm.engine.arg_utils import EngineArgs
                from vllm.usage.usage_lib import UsageContext
                from vllm.v1.engine.llm_engine import LLMEngine
            except ImportError as error:
                raise EngineStartError(
                    f"vLLM cannot be imported ({error}); install it with uv sync in "
                    "a checkout, or with pip install 'onoma[gpu]' on a GPU machine"
                ) from error
        arguments = engine_arguments(self._model, self._options)

        def make() -> Any:
            # the defaults for throughput, as vLLM's LLM class has them: larger steps
            return LLMEngine.from_engine_args(EngineArgs(**arguments), UsageContext.LLM_CLASS)

        loop = asyncio.get_running_loop()
        made: asyncio.Future[Any] = loop.create_future()
        self._thread = threading.Thread(
            target=self._live, args=(make, made, loop), name="vllm-engine", daemon=True
        )
        self._thread.start()
        try:
            self._engine = await made
        except Exception as error:  # vLLM raises many kinds for models it cannot run
            raise EngineStartError(why_not(self._model, error)) from error
        self._prompts = VllmPrompts(self._engine.renderer, chat_params())
        quieten()

    async def answer(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            EngineDied: the engine is gone.
        """
        prompt = None
        if self._options.gpus:
            try:
                prompt = await self._prompts.prepare_beside(request)
            except Exception as error:  # image processors raise anything
                return _refused(error)
        ticket = _Ticket(request, prompt, asyncio.get_running_loop())
        self._arrived.put(ticket)
        if self._dead is not None:
            raise EngineDied(self._dead)
        return await ticket.answer

    def _live(
        self,
        make: Callable[[], Any],
        made: asyncio.Future[Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """The engine's thread: make the engine, then run it."""
        try:
            engine = make()
        except BaseException as error:
            failure = error if isinstance(error, Exception) else RuntimeError(repr(error))
            loop.call_soon_threadsafe(made.set_exception, failure)
            return
        loop.call_soon_threadsafe(made.set_result, engine)
        self._run()

    def _run(self) -> None:
        """Take in, step, hand out, until told to stop or the engine fails."""
        try:
            while self._take_in():
                if self._engine.has_unfinished_requests():
                    for output in self._engine.step():
                        if output.finished:
                            self._open.pop(output.request_id).settle(_answer(output))
        except BaseException as error:  # whatever it is, nobody will step this engine again
            self._dead = f"{type(error).__name__}: {error}"
            logger.error("the engine of %s died: %s", self._model.name, self._dead)
            left = list(self._open.values())
            while not self._arrived.empty():
                left += [ticket for ticket in (self._arrived.get(),) if ticket is not None]
            for ticket in left:
                ticket.fail(EngineDied(self._dead))

    def _take_in(self) -> bool:
        """Give the engine what has arrived, waiting if it has nothing to do; False at the end."""
        wait = self._engine is None or not self._engine.has_unfinished_requests()
        while wait or not self._arrived.empty():
            tickets = [self._arrived.get()]
            while not self._arrived.empty():
                tickets.append(self._arrived.get())
            if None in tickets:
                return False
            self._add([ticket for ticket in tickets if ticket is not None])
            wait = not self._engine.has_unfinished_requests()
        return True

    def _add(self, tickets: Sequence[_Ticket]) -> None:
        """Give the engine requests; one that cannot be asked is settled at once."""
        named = {uuid.uuid4().hex: ticket for ticket in tickets}
        self._open |= named  # whatever happens, none is forgotten
        if self._options.gpus:
            prompts = [ticket.prompt for ticket in tickets]
        else:
            prompts = self._prompts.prepare([ticket.request for ticket in tickets])
        for (name, ticket), prompt in zip(named.items(), prompts, strict=True):
            if isinstance(prompt, Exception):
                self._open.pop(name).settle(_refused(prompt))
                continue
            try:
                self._engine.add_request(name, prompt, sampling_params(ticket.request))
            except (ValueError, TypeError, _client_error()) as error:
                self._open.pop(name).settle(_refused(error))

    async def close(self) -> None:
        """Stop the thread and the engine."""
        if self._engine is not None and self._dead is None:
            self._arrived.put(None)
            await asyncio.to_thread(self._thread.join, 30)
            await asyncio.to_thread(self._engine.engine_core.shutdown)


class _Ticket:
    """A request on its way through the engine's thread, and the future of its answer."""

    def __init__(self, request: Request, prompt: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.request, self.prompt = request, prompt
        self._loop = loop
        self.answer: asyncio.Future[Response] = loop.create_future()

    def settle(self, answer: Response) -> None:
        """Give the answer, from any thread."""
        self._loop.call_soon_threadsafe(self._set, answer, None)

    def fail(self, error: Exception) -> None:
        """Give up, from any thread."""
        self._loop.call_soon_threadsafe(self._set, None, error)

    def _set(self, answer: Response | None, error: Exception | None) -> None:
        if self.answer.done():  # the caller went away
            return
        if error is not None:
            self.answer.set_exception(error)
        elif answer is not None:
            self.answer.set_result(answer)


def _client_error() -> type[Exception]:
    """vLLM's own errors about requests."""
    from vllm.exceptions import VLLMClientError

    return VLLMClientError


def _refused(error: Exception) -> Response:
    return rejected(str(error) or type(error).__name__)


def _answer(output: Any) -> Response:
    said = output.outputs[0]
    return Response(
        text=said.text,
        finish_reason=said.finish_reason,
        prompt_tokens=len(output.prompt_token_ids or ()),
        output_tokens=len(said.token_ids),
    )


def sampling_params(request: Request) -> Any:
    """vLLM's sampling parameters of a request."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    constraint = request.constraint()
    sampling = request.sampling
    return SamplingParams(
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed if sampling.temperature else None,
        structured_outputs=StructuredOutputsParams(**constraint) if constraint else None,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
