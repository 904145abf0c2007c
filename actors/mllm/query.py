"""A query: everything that decides what a model says of a row.

`Query.cache_identity` is the only place where the key of the response cache is made. What changes
a response is in it: model and revision, engine arguments, what the chat template is given, prompt,
class list, form of the response, sampling, size of the images. What only changes speed is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import xxhash

from actors.mllm.endpoint_images import photos_as_jpeg
from actors.mllm.model import EngineOptions, Layout, MllmModel, layout_of
from actors.mllm.prompts import PromptBuilder
from actors.mllm.request import DecodedImage, Request, Sampling

_LAYOUTS: Final[dict[Layout, str]] = {
    "first": "images, then text",
    "last": "text, then images",
    "alone": "text as the system's turn, images as the user's",
}
"""How a request becomes a chat, by where its images stand."""

SPEED_ONLY: Final = frozenset(
    {
        "async_scheduling",
        "block_size",
        "cpu_offload_gb",
        "data_parallel_size",
        "disable_log_stats",
        "distributed_executor_backend",
        "download_dir",
        "enable_chunked_prefill",
        "enable_expert_parallel",
        "enable_lora",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "hf_token",
        "kv_cache_memory_bytes",
        "limit_mm_per_prompt",
        "max_cpu_loras",
        "max_lora_rank",
        "max_loras",
        "max_model_len",
        "max_num_batched_tokens",
        "max_num_seqs",
        "max_parallel_loading_workers",
        "mm_encoder_tp_mode",
        "mm_processor_cache_gb",
        "mm_processor_cache_type",
        "num_gpu_blocks_override",
        "pipeline_parallel_size",
        "scheduling_policy",
        "seed",
        "skip_mm_profiling",
        "tensor_parallel_size",
    }
)
"""Engine arguments of vLLM that say how fast, with how much memory and from where, not what is
computed; a token of the hub is none of a key's business either. Requests bring random streams of
their own, so that an engine's ``seed`` decides nothing. All others (quantization, dtype,
hf_overrides, mm_processor_kwargs, ...) are part of the identity."""


@dataclass(frozen=True)
class Query:
    """One question of a pass.

    Attributes:
        name: of the column with its responses, and of the query in messages.
        prompt: builds the request of a row.
        sampling: how a response is drawn; each row gets a random stream of its own.
        max_side: longest side of the images that the model is shown, in pixels; None without any.
        as_stored: whether they are taken as they are stored (`actors.images.decode.decode_image`).
    """

    name: str
    prompt: PromptBuilder
    sampling: Sampling
    max_side: int | None = None
    as_stored: bool = False

    def request(self, row: Mapping[str, Any], image: DecodedImage | None) -> Request:
        """Return what to ask about a row; its ``key`` chooses the random stream."""
        return self.prompt.build(row, image, self.sampling.about(row["key"]))

    def cache_identity(self, model: MllmModel, engine: EngineOptions) -> dict[str, Any]:
        """Everything that decides a response beside the row's key, as plain values."""
        return {
            **model_identity(model, engine),
            **({} if self.max_side is None else _images_identity(model, engine)),
            **self.prompt.identity(),
            "sampling": self.sampling.identity(),
            **({} if self.max_side is None else {"max_side": self.max_side}),
            **({"as_stored": True} if self.as_stored else {}),
        }


def model_identity(model: MllmModel, engine: EngineOptions) -> dict[str, Any]:
    """What decides a response whatever is asked: the model, and how it is run and addressed."""
    template = engine.chat_template
    own = {"chat_template": xxhash.xxh3_128_hexdigest(template.encode())} if template else {}
    return {
        "model": model.fingerprint,
        "engine": {name: value for name, value in engine.extra.items() if name not in SPEED_ONLY},
        **({"chat": engine.chat} if engine.chat else {}),
        **({"body": engine.body} if engine.body else {}),
        "layout": _LAYOUTS[layout_of(model, engine)],
        **own,
    }


def _images_identity(model: MllmModel, engine: EngineOptions) -> dict[str, Any]:
    """The form that photographs are sent to an endpoint in; nothing where they lose nothing."""
    remote = model.engine == "openai"
    form = photos_as_jpeg(model.base_url, engine.image_format) if remote else ""
    return {"images": form} if form else {}
