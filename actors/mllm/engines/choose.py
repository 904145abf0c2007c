"""Which engine runs a model."""

from __future__ import annotations

from actors.mllm.engines.base import Engine
from actors.mllm.model import EngineOptions, MllmModel


def engine_class(model: MllmModel, options: EngineOptions) -> type[Engine]:
    """Choose the engine that runs a model: its module is imported, nothing is started."""
    if model.engine == "openai":
        from actors.mllm.engines.openai import OpenAIEndpoint

        return OpenAIEndpoint
    if model.engine == "dummy":
        from actors.mllm.engines.dummy import DummyEngine

        return DummyEngine
    if options.gpus:
        from actors.mllm.engines.vllm_async import VllmAsync

        return VllmAsync
    from actors.mllm.engines.vllm_local import VllmLocal

    return VllmLocal
