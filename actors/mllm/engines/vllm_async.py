"""vLLM's asynchronous engine (``vllm.AsyncLLMEngine``): the model steps in a process of its own.

For GPUs. Requests of concurrent calls go into it as they come and are batched continuously; images
are prepared in the replica's process meanwhile. On a CPU it works as well, but two processes would
compete for the same cores and start three times as slowly: there it is `vllm_local`.

A process of the model that ends by itself or is killed ends this engine: vLLM raises in every
request under way.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from actors.compat import vllm as compat
from actors.mllm.engines.base import EngineDied
from actors.mllm.engines.vllm_chat import conversation, refused, response_of, sampling_params
from actors.mllm.engines.vllm_settings import (
    engine_arguments,
    missing_vllm,
    prepare_environment,
    start_problem,
)
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError


class VllmAsync:
    """One asynchronous vLLM engine and its model."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to start; nothing is loaded yet."""
        self._model, self._options = model, options
        self._configuring = asyncio.Lock()
        self._config: Any = None
        self._engine: Any = None

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        config = await self._configured()
        try:
            # in a thread: whoever asks how busy this replica is gets an answer meanwhile
            self._engine = await asyncio.to_thread(compat.async_engine, config)
        except Exception as error:  # vLLM raises many kinds for models it cannot run
            raise EngineStartError(start_problem(self._model, error)) from error

    async def sequences(self) -> int:
        """As set, else as vLLM chooses for the model and the device.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        return compat.max_num_seqs(await self._configured())

    async def _configured(self) -> Any:
        """vLLM's configuration, made once."""
        async with self._configuring:
            if self._config is None:
                prepare_environment(self._options)
                arguments = engine_arguments(self._model, self._options)
                try:
                    self._config = await asyncio.to_thread(compat.engine_config, arguments)
                except ImportError as error:
                    raise missing_vllm(error) from error
                except Exception as error:  # vLLM raises many kinds for models it cannot run
                    raise EngineStartError(start_problem(self._model, error)) from error
            return self._config

    async def generate(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            EngineDied: the model's process is gone.
        """
        try:
            prompt = await compat.chat_input(self._engine, conversation(request))
            outputs = self._engine.generate(prompt, sampling_params(request), uuid.uuid4().hex)
            (output,) = [each async for each in outputs]  # asked for the final one only
        except Exception as error:
            if compat.is_dead(error) or self._engine.errored:
                raise EngineDied(f"{type(error).__name__}: {error}") from error
            return refused(error)
        return response_of(output)

    async def close(self) -> None:
        """End the model's process, which gives back the GPU's memory."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.shutdown)
            self._engine = None
