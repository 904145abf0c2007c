"""A query: everything that decides what a model says of a row.

`Query.cache_identity` is the only place where the key of the response cache is made. What changes
a response is in it: model and revision, engine arguments, what the chat template is given, prompt,
class list, form of the response, sampling, size of the images. What only changes speed is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.prompts import PromptBuilder
from actors.mllm.request import DecodedImage, Request, Sampling

LAYOUT: Final = "text, then images"
"""How a request becomes one user turn; part of the identity, so that another layout asks anew."""

SPEED_ONLY: Final = frozenset(
    {
        "block_size",
        "disable_log_stats",
        "distributed_executor_backend",
        "enable_chunked_prefill",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
        "max_model_len",
        "max_num_batched_tokens",
        "max_num_seqs",
        "mm_processor_cache_gb",
        "pipeline_parallel_size",
        "swap_space",
        "tensor_parallel_size",
    }
)
"""Engine arguments of vLLM that say how fast and with how much memory, not what is computed. All
others (quantization, dtype, mm_processor_kwargs, chat_template, ...) are part of the identity."""


@dataclass(frozen=True)
class Query:
    """One question of a pass.

    Attributes:
        name: of the column with its responses, and of the query in messages.
        prompt: builds the request of a row.
        sampling: how a response is drawn; each row gets a random stream of its own.
        max_side: longest side of the images that the model is shown, in pixels; None without any.
    """

    name: str
    prompt: PromptBuilder
    sampling: Sampling
    max_side: int | None = None

    def request(self, row: Mapping[str, Any], image: DecodedImage | None) -> Request:
        """Return what to ask about a row; its ``key`` chooses the random stream."""
        return self.prompt.build(row, image, self.sampling.about(row["key"]))

    def cache_identity(self, model: MllmModel, engine: EngineOptions) -> dict[str, Any]:
        """Everything that decides a response beside the row's key, as plain values."""
        return {
            "model": model.fingerprint,
            "engine": {
                name: value for name, value in engine.extra.items() if name not in SPEED_ONLY
            },
            **({"chat": engine.chat} if engine.chat else {}),
            "layout": LAYOUT,
            **self.prompt.identity(),
            "sampling": self.sampling.identity(),
            **({} if self.max_side is None else {"max_side": self.max_side}),
        }
