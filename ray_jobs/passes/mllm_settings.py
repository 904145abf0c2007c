"""From a verb's settings to how a multimodal LLM is run and how its responses are drawn."""

from __future__ import annotations

import os

from actors.mllm.model import EngineOptions
from actors.mllm.request import Sampling
from ray_jobs.config import MllmConfig


def sampling(config: MllmConfig, **changes: float | int) -> Sampling:
    """How responses are drawn, as the settings say; ``changes`` are fields of `Sampling`."""
    settings = {
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed,
    }
    return Sampling(**{**settings, **changes})  # type: ignore[arg-type]


def engine_options(config: MllmConfig, images: int = 1) -> EngineOptions:
    """How an engine is run, as far as the settings say; `size_mllm_pool` adds GPUs and threads.

    Args:
        config: the verb's settings.
        images: most images in one request.
    """
    return EngineOptions(
        context=None if config.mllm_max_model_len == "auto" else config.mllm_max_model_len,
        sequences=config.mllm_max_num_seqs,
        pictures=max(1, images),
        gpu_memory=config.mllm_gpu_memory_utilization,
        extra=dict(config.mllm_engine),
        chat=dict(config.mllm_chat),
        deadline_s=config.mllm_deadline,
        concurrency=config.mllm_concurrency,
        requests_per_minute=config.mllm_rate,
        retries=config.mllm_retries,
        timeout_s=config.mllm_timeout,
        api_key=os.environ.get("OPENAI_API_KEY") if config.mllm.startswith("openai:") else None,
    )
