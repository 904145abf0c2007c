"""``vllm.LLM`` in this process, for a machine without a GPU.

A thread steps its engine (`vllm_thread`) while the renderer's own threads prepare what comes next,
as vLLM's asynchronous engine does with two processes (`vllm_async`): images are resized and cut
while the model computes. Together they are ``LLM.chat``, and answer what it answers.

An answer that does not come in its time is given up, and so is an engine whose step takes twice as
long. What waits for its turn has no deadline.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, Final

from actors.compat import vllm as compat
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
from actors.mllm.engines.vllm_thread import EngineThread, PreparedRequest, Started
from actors.mllm.model import EngineOptions, Layout, MllmModel, layout_of
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError

_LOOK_S: Final = 5.0


class VllmLocal:
    """One ``vllm.LLM`` in this process."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to start; nothing is loaded yet."""
        self._model, self._options = model, options
        self._most: int = options.extra.get("max_num_seqs") or options.sequences or CPU_SEQUENCES
        self._thread = EngineThread(model.name, self._most)
        # so many again are prepared, so that the engine never waits for one
        self._slots = asyncio.Semaphore(2 * self._most)
        self._thoughts = Thoughts()
        self._layout: Layout = "first"
        self._engine: Any = None

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        prepare_environment(self._options)
        try:
            self._engine = await self._thread.start(self._load)
        except EngineStartError:
            raise
        except Exception as error:  # vLLM raises many kinds for models it cannot run
            raise start_error(self._model, error) from error

    def _load(self) -> Started:
        """Make the engine, in its thread."""
        from vllm import LLM

        prepared = prepare(self._model, self._options)
        llm = LLM(**prepared.arguments)
        self._thoughts = prepared.thoughts
        self._layout = layout_of(self._model, self._options)
        adapter = adapter_request(llm, self._model)
        if adapter is not None:
            try:
                llm.llm_engine.add_lora(adapter)
            except Exception as error:  # peft's files, and what vLLM says of them
                raise adapter_problem(self._model, error) from error
        compat.quiet_thread_warnings()
        told = partial(response_of, thoughts=self._thoughts)
        return Started(llm.llm_engine, {"lora_request": adapter}, told)

    async def sequences(self) -> int:
        """As set, else as many as a model on a CPU works on."""
        return self._most

    async def generate(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            EngineDied: the engine is gone.
        """
        async with self._slots:
            if self._thread.dead is not None:
                raise EngineDied(self._thread.dead)
            try:
                turns = conversation(request, self._layout)
                prompt = await compat.chat_input(
                    self._engine, turns, self._options.chat, self._options.chat_template
                )
                params = sampling_params(request, self._thoughts)
            except Exception as error:  # of this request alone
                return refused(error)
            prepared = PreparedRequest(prompt, params, asyncio.get_running_loop())
            self._thread.add(prepared)
            return await self._in_time(prepared)

    async def _in_time(self, prepared: PreparedRequest) -> Response:
        """Wait for a response, as long as it has from when the engine took it up."""
        seconds = self._options.deadline_s
        try:
            while True:
                now = time.monotonic()
                left = seconds if prepared.began is None else prepared.began + seconds - now
                wait = min(max(left, 0.01), _LOOK_S)
                done, _ = await asyncio.wait({prepared.response}, timeout=wait)
                if done:
                    return prepared.response.result()
                if self._thread.step_seconds() >= 2 * seconds:
                    raise EngineDied(f"a step has not ended in {2 * seconds:g} s")
                if prepared.began is not None and time.monotonic() - prepared.began >= seconds:
                    return overdue(seconds)
        finally:
            prepared.response.cancel()  # of an answer that is there it does nothing

    async def close(self) -> None:
        """Let the engine end after what it is at."""
        await self._thread.close()
