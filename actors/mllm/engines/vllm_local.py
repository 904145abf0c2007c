"""A queue in front of ``vllm.LLM``, for a machine without a GPU: the model steps in this process.

A thread takes what has come, up to as many requests as the model works on at once, gives them to
``LLM.enqueue_chat`` one by one, so that one that cannot be asked is refused alone, and lets
``LLM.wait_for_completion`` answer the others; together they are ``LLM.chat``. What comes while the
model works is the next batch.

An answer that does not come in its time is given up; its batch goes on. A batch that takes twice as
long is one that will not end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from actors.compat.vllm import quiet_thread_warnings
from actors.mllm.engines.base import EngineDied
from actors.mllm.engines.vllm_chat import (
    conversation,
    overdue,
    refused,
    response_of,
    sampling_params,
)
from actors.mllm.engines.vllm_failures import start_error
from actors.mllm.engines.vllm_model import adapter_problem, adapter_request
from actors.mllm.engines.vllm_preparation import prepare
from actors.mllm.engines.vllm_settings import CPU_SEQUENCES, prepare_environment
from actors.mllm.engines.vllm_thoughts import Thoughts
from actors.mllm.model import EngineOptions, MllmModel, images_first
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError

logger = logging.getLogger(__name__)

_LOOK_S: Final = 5.0


class VllmLocal:
    """One ``vllm.LLM`` in this process, owned by a thread."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to start; nothing is loaded yet."""
        self._model, self._options = model, options
        self._most: int = options.extra.get("max_num_seqs") or options.sequences or CPU_SEQUENCES
        self._arrived: queue.SimpleQueue[_PendingRequest | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._dead: str | None = None
        self._batch_began: float | None = None

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        prepare_environment(self._options)
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(
            target=self._engine_loop, args=(started, loop), name="vllm-engine", daemon=True
        )
        self._thread.start()
        try:
            await started
        except EngineStartError:
            raise
        except Exception as error:  # vLLM raises many kinds for models it cannot run
            raise start_error(self._model, error) from error

    async def sequences(self) -> int:
        """As set, else as many as a model on a CPU works on."""
        return self._most

    async def generate(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            EngineDied: the engine is gone.
        """
        pending = _PendingRequest(request, asyncio.get_running_loop())
        self._arrived.put(pending)
        if self._dead is not None:
            raise EngineDied(self._dead)
        return await self._in_time(pending)

    async def _in_time(self, pending: _PendingRequest) -> Response:
        """Wait for a response, as long as it has from when its batch was taken up."""
        seconds = self._options.deadline_s
        while True:
            now = time.monotonic()
            left = seconds if pending.began is None else pending.began + seconds - now
            done, _ = await asyncio.wait({pending.response}, timeout=min(max(left, 0.01), _LOOK_S))
            if done:
                return pending.response.result()
            now = time.monotonic()
            if pending.began is not None and now - pending.began >= seconds:
                pending.response.cancel()
                return overdue(seconds)
            if self._batch_began is not None and now - self._batch_began >= 2 * seconds:
                raise EngineDied(f"a batch has not ended in {2 * seconds:g} s")

    async def close(self) -> None:
        """Let the thread end after what it is at; the model's memory goes with the process."""
        if self._thread is not None and self._dead is None:
            self._arrived.put(None)
            await asyncio.to_thread(self._thread.join, 30)

    def _engine_loop(self, started: asyncio.Future[None], loop: asyncio.AbstractEventLoop) -> None:
        """The thread: make the engine, then answer batches until told to stop or it fails."""
        try:
            from vllm import LLM

            prepared = prepare(self._model, self._options)
            llm = LLM(**prepared.arguments)
            first = images_first(self._model, self._options)
            chat = _Chat(llm, prepared.thoughts, self._chat_arguments(llm), first)
            quiet_thread_warnings()
        except BaseException as error:
            failure = error if isinstance(error, Exception) else RuntimeError(repr(error))
            loop.call_soon_threadsafe(started.set_exception, failure)
            return
        loop.call_soon_threadsafe(started.set_result, None)
        batch: Sequence[_PendingRequest] = ()
        try:
            while batch := self._drain_queue():
                self._batch_began = time.monotonic()
                for pending in batch:
                    pending.began = self._batch_began
                chat.answer(batch)
                self._batch_began = None
        except BaseException as error:  # whatever it is, nobody will run this engine again
            self._dead = f"{type(error).__name__}: {error}"
            logger.error("the engine of %s died: %s", self._model.name, self._dead)
            for pending in (*batch, *self._left()):
                pending.set_exception(EngineDied(self._dead))

    def _chat_arguments(self, llm: Any) -> dict[str, Any]:
        """Load the adapter; what each chat is enqueued with."""
        adapter = adapter_request(llm, self._model)
        if adapter is not None:
            try:
                llm.llm_engine.add_lora(adapter)
            except Exception as error:  # peft's files, and what vLLM says of them
                raise adapter_problem(self._model, error) from error
        found = {
            "chat_template": self._options.chat_template,
            "chat_template_kwargs": self._options.chat,
            "lora_request": adapter,
        }
        return {name: value for name, value in found.items() if value}

    def _drain_queue(self) -> list[_PendingRequest]:
        """Wait for a request and take those that came with it; none at the end.

        No more than the model works on at once: their images are all prepared before it begins.
        """
        batch: list[_PendingRequest] = []
        while len(batch) < self._most and (not batch or not self._arrived.empty()):
            pending = self._arrived.get()
            if pending is None:
                return []
            batch.append(pending)
        return batch

    def _left(self) -> list[_PendingRequest]:
        left = []
        while not self._arrived.empty():
            left.append(self._arrived.get())
        return [pending for pending in left if pending is not None]


class _Chat:
    """A model, and how it is spoken to."""

    def __init__(
        self, llm: Any, thoughts: Thoughts, settings: dict[str, Any], images_first: bool
    ) -> None:
        self._llm, self._thoughts = llm, thoughts
        self._settings, self._images_first = settings, images_first

    def answer(self, batch: Sequence[_PendingRequest]) -> None:
        """Answer a batch with one run of the engine."""
        asked = []
        for pending in batch:
            request = pending.request
            try:
                params = sampling_params(request, self._thoughts)
                turns = conversation(request, self._images_first)
                self._llm.enqueue_chat(turns, params, use_tqdm=False, **self._settings)
            except Exception as error:  # of this request alone
                pending.set_result(refused(error))
            else:
                asked.append(pending)
        # vLLM numbers requests as they come, and returns them in this order
        outputs = self._llm.wait_for_completion(use_tqdm=False)
        for pending, output in zip(asked, outputs, strict=True):
            pending.set_result(response_of(output, self._thoughts))


class _PendingRequest:
    """A request on its way through the engine's thread, and the future of its response."""

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self.began: float | None = None
        self._loop = loop
        self.response: asyncio.Future[Response] = loop.create_future()

    def set_result(self, response: Response) -> None:
        """Give the response, from any thread."""
        self._tell(response, None)

    def set_exception(self, error: Exception) -> None:
        """Give up, from any thread."""
        self._tell(None, error)

    def _tell(self, response: Response | None, error: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and who waited with it
            self._loop.call_soon_threadsafe(self._settle, response, error)

    def _settle(self, response: Response | None, error: Exception | None) -> None:
        if self.response.done():  # the caller went away
            return
        if error is not None:
            self.response.set_exception(error)
        elif response is not None:
            self.response.set_result(response)
