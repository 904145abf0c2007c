"""What an engine is: it starts, answers one request at a time to each of many callers, and closes.

Engines batch by themselves whatever they are asked at the same time, so a caller simply asks about
everything at once. A replica (`actors.mllm.replica.MLLM`) holds one engine.
"""

from __future__ import annotations

from typing import Protocol

from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.request import Request, Response
from methods.errors import OnomaError


class EngineDied(OnomaError):
    """The engine is gone for good; whatever it was asked must be asked of another."""


class Engine(Protocol):
    """One model, ready to be asked; made from a model and options, nothing is loaded by that."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to start."""
        ...

    async def start(self) -> None:
        """Load the model, or connect.

        Raises:
            EngineStartError: with the reason and what to do.
        """
        ...

    async def sequences(self) -> int:
        """How many requests it works on at once; more of them wait. No model is loaded for it.

        Raises:
            EngineStartError: as `start`.
        """
        ...

    async def generate(self, request: Request) -> Response:
        """Answer one request; what goes wrong with it alone is a response with an error.

        Raises:
            EngineDied: the engine is gone.
        """
        ...

    async def close(self) -> None:
        """Stop, and give back what the engine holds."""
        ...
