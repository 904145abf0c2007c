"""An engine without a model: it answers from a file (`actors.mllm.dummy_file`)."""

from __future__ import annotations

import asyncio
import time

from actors.mllm.dummy_file import read_dummy
from actors.mllm.engines.vllm_settings import CPU_SEQUENCES
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError, InputError


class DummyEngine:
    """An engine without a model."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep where the answers are."""
        self._model, self._options = model, options
        self._most: int = options.sequences or CPU_SEQUENCES
        self._free_at = 0.0

    async def start(self) -> None:
        """Read the file.

        Raises:
            EngineStartError: it is not there any more, or not as it should be.
        """
        try:
            self._responder = read_dummy(self._model.source)
        except InputError as error:
            raise EngineStartError(str(error)) from error
        self._slots = asyncio.Semaphore(self._most)

    async def sequences(self) -> int:
        """As set, else as many as a model on a CPU works on."""
        return self._most

    async def generate(self, request: Request) -> Response:
        """Answer one request."""
        async with self._slots:
            response = await self._responder.respond(request)
            if rate := self._responder.images_per_second:
                self._free_at = max(self._free_at, time.monotonic()) + 1 / rate
                await asyncio.sleep(self._free_at - time.monotonic())
            return response

    async def close(self) -> None:
        """Nothing is held."""
