"""From a verb's settings to how a multimodal LLM is run and how its responses are drawn."""

from __future__ import annotations

import os

from actors.mllm.model import ENDPOINT, EngineOptions, MllmModel
from actors.mllm.prompts import PromptBuilder
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from methods.errors import InputError
from ray_jobs.config import AskingImagesConfig, MllmConfig
from ray_jobs.runs.chat_template import read_chat_template


def sampling(config: MllmConfig, **changes: float | int) -> Sampling:
    """How responses are drawn, as the settings say; ``changes`` are fields of `Sampling`."""
    settings = {
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed,
    }
    return Sampling(**{**settings, **changes})  # type: ignore[arg-type]


def image_query(
    config: AskingImagesConfig, name: str, prompt: PromptBuilder, how: Sampling
) -> Query:
    """A query about images, shown as the settings say."""
    return Query(name, prompt, how, config.max_side, config.as_stored)


def engine_options(
    config: MllmConfig, images: int = 1, model: MllmModel | None = None
) -> EngineOptions:
    """How an engine is run, as far as the settings say; `size_mllm_pool` adds GPUs and threads.

    Args:
        config: the verb's settings.
        images: most images in one request.
        model: where it may be another one than that of ``--mllm``: the chat template is not its.

    Raises:
        InputError: the chat template cannot work, or a setting is of another engine.
    """
    own = model is None or model.name == config.mllm
    endpoint = config.mllm.startswith(ENDPOINT)
    remote = endpoint if own else model is not None and model.engine == "openai"
    if endpoint and config.mllm_engine:
        raise InputError(
            "--mllm-engine sets vLLM's arguments, which an endpoint (--mllm openai:...) does not "
            "take; give fields of its requests with --mllm-extra"
        )
    if config.mllm_extra and not endpoint:
        raise InputError(
            "--mllm-extra adds to the requests to an endpoint (--mllm openai:...); give arguments "
            "of vLLM with --mllm-engine"
        )
    return EngineOptions(
        context=None if config.mllm_max_model_len == "auto" else config.mllm_max_model_len,
        sequences=config.mllm_max_num_seqs,
        pictures=max(1, images),
        gpu_memory=config.mllm_gpu_memory_utilization,
        extra=dict(config.mllm_engine),
        chat=dict(config.mllm_chat),
        deadline_s=config.mllm_deadline,
        chat_template=_chat_template(config) if own else None,
        image_position=config.mllm_image_position,
        body=dict(config.mllm_extra),
        image_format=config.mllm_image_format,
        concurrency=config.mllm_concurrency,
        requests_per_minute=config.mllm_rate,
        retries=config.mllm_retries,
        timeout_s=config.mllm_timeout,
        api_key=os.environ.get("OPENAI_API_KEY") if remote else None,
    )


def _chat_template(config: MllmConfig) -> str | None:
    if config.mllm_chat_template is None:
        return None
    if config.mllm.startswith(ENDPOINT):
        raise InputError(
            f"--mllm-chat-template {config.mllm_chat_template}: an endpoint writes its prompts "
            "itself; set the template where the model is served"
        )
    return read_chat_template(config.mllm_chat_template)
