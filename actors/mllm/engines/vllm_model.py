"""The LoRA adapter of a model, made sure of once vLLM has started, and not at the first request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from actors.compat import vllm as compat
from actors.mllm.adapter import Adapter, check_fits
from actors.mllm.model import MllmModel
from methods.errors import EngineStartError, InputError


def adapter_request(engine: Any, model: MllmModel) -> Any:
    """The adapter of a model as a ``LoRARequest``, None without one.

    Raises:
        EngineStartError: it changes the image tower, and vLLM would leave that out; or it is one of
            another model, as only the weights that came from the hub could tell.
    """
    adapter = model.adapter
    if adapter is None:
        return None
    _check_on_hub_weights(model, adapter)
    from vllm.lora.request import LoRARequest

    if adapter.tower and not compat.takes_tower_adapter(engine.model_config):
        raise EngineStartError(
            f"--mllm {model.name}: the adapter changes the image tower as well, which vLLM does "
            "not apply for this model; merge it into the model's weights and give that folder"
        )
    return LoRARequest(adapter.name, 1, adapter.folder())


def _check_on_hub_weights(model: MllmModel, adapter: Adapter) -> None:
    from huggingface_hub import try_to_load_from_cache

    if not model.revision or model.format != "hf":
        return
    config = try_to_load_from_cache(model.source, "config.json", revision=model.revision)
    if isinstance(config, str):
        try:
            check_fits("--mllm", model.name, adapter, Path(config).parent)
        except InputError as error:
            raise EngineStartError(str(error)) from error


def adapter_problem(model: MllmModel, error: Exception) -> EngineStartError:
    """What vLLM says of an adapter that it does not load, as one sentence."""
    assert model.adapter is not None
    return EngineStartError(
        f"--mllm {model.name}: vLLM does not take the adapter {model.adapter.name}: "
        f"{_sentence(error)}; give one that was trained for this model"
    )


def _sentence(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:300].rstrip(".")
