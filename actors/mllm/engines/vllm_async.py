"""vLLM's asynchronous engine (``vllm.AsyncLLMEngine``): the model steps in a process of its own.

For GPUs. Requests of concurrent calls go into it as they come and are batched continuously; images
are prepared in the replica's process meanwhile. On a CPU it works as well, but two processes would
compete for the same cores and start three times as slowly: there it is `vllm_local`.

A process of the model that ends by itself or is killed ends this engine: vLLM raises in every
request under way. One that lives and says nothing is found out by the deadline of an answer: that
answer is given up, and unless the process says something it is not asked again. Twice as many
requests as it works on are in it; what waits has no deadline, and its image is not prepared yet.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Final

from actors.compat import vllm as compat
from actors.mllm.engines.base import EngineDied
from actors.mllm.engines.process_log import ProcessLog
from actors.mllm.engines.vllm_chat import (
    conversation,
    overdue,
    refused,
    response_of,
    sampling_params,
)
from actors.mllm.engines.vllm_failures import start_error
from actors.mllm.engines.vllm_model import (
    adapter_problem,
    adapter_request,
)
from actors.mllm.engines.vllm_preparation import Preparation, prepare
from actors.mllm.engines.vllm_settings import prepare_environment
from actors.mllm.model import EngineOptions, MllmModel, layout_of
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError

_RESPONDS_S: Final = 60.0
"""A process that has said nothing for so long, asked whether it is there, will not again."""


class VllmAsync:
    """One asynchronous vLLM engine and its model."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to start; nothing is loaded yet."""
        self._model, self._options = model, options
        self._preparing = asyncio.Lock()
        self._prepared: Preparation | None = None
        self._engine: Any = None
        self._slots: asyncio.Semaphore | None = None
        self._asking: asyncio.Task[None] | None = None
        self._silent = False
        self._adapter: Any = None

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        prepared = await self._preparation()
        self._slots = asyncio.Semaphore(2 * compat.max_num_seqs(prepared.config))
        with ProcessLog() as log:
            try:
                # in a thread: whoever asks how busy this replica is gets an answer meanwhile
                self._engine = await asyncio.to_thread(compat.async_engine, prepared.config)
            except Exception as error:  # vLLM raises many kinds for models it cannot run
                self._prepared = None  # a start changes its configuration
                raise start_error(self._model, error, log.text()) from error
        try:
            await self._load_adapter()
        except EngineStartError:
            self._prepared = None
            await self.close()
            raise

    async def _load_adapter(self) -> None:
        self._adapter = await asyncio.to_thread(adapter_request, self._engine, self._model)
        if self._adapter is None:
            return
        try:
            await self._engine.add_lora(self._adapter)
        except Exception as error:  # peft's files, and what vLLM says of them
            raise adapter_problem(self._model, error) from error

    async def sequences(self) -> int:
        """As set, else as vLLM chooses for the model and the device.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        return compat.max_num_seqs((await self._preparation()).config)

    async def _preparation(self) -> Preparation:
        """What is found out before the start, once."""
        async with self._preparing:
            if self._prepared is None:
                prepare_environment(self._options)
                self._prepared = await asyncio.to_thread(prepare, self._model, self._options)
            return self._prepared

    async def generate(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            EngineDied: the model's process is gone, or says nothing any more.
        """
        assert self._slots is not None
        async with self._slots:
            if self._silent:
                raise EngineDied(f"its process has said nothing for {_RESPONDS_S:g} s")
            seconds = self._options.deadline_s
            try:
                async with asyncio.timeout(seconds) as deadline:
                    return await self._answer(request)
            except TimeoutError:
                if not deadline.expired():
                    raise
            await self._listen()
            return overdue(seconds)

    async def _answer(self, request: Request) -> Response:
        thoughts = (await self._preparation()).thoughts
        try:
            turns = conversation(request, layout_of(self._model, self._options))
            prompt = await compat.chat_input(
                self._engine, turns, self._options.chat, self._options.chat_template
            )
            outputs = self._engine.generate(
                prompt,
                sampling_params(request, thoughts),
                uuid.uuid4().hex,
                lora_request=self._adapter,
            )
            (output,) = [each async for each in outputs]  # asked for the final one only
        except Exception as error:
            if compat.is_dead(error) or self._engine.errored:
                raise EngineDied(f"{type(error).__name__}: {error}") from error
            return refused(error)
        return response_of(output, thoughts)

    async def _listen(self) -> None:
        """Find out whether the model's process still says anything; all that wait ask together."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_whether_it_is_there())
        await asyncio.shield(self._asking)

    async def _ask_whether_it_is_there(self) -> None:
        limit = min(_RESPONDS_S, self._options.deadline_s)
        try:
            await asyncio.wait_for(compat.responds(self._engine), limit)
        except Exception:  # whatever it is, it said nothing
            self._silent = True

    async def close(self) -> None:
        """End the model's process, which gives back the GPU's memory."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.shutdown)
            self._engine = None
