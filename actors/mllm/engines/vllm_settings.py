"""How vLLM is set up for labelling archives.

Choices made for labelling archives:

* no multimodal cache (``mm_processor_cache_gb=0``): every image is seen once, and the cache has
  eaten hundreds of GB of host memory (vllm issue 15294);
* prefix caching on: what all requests share before their image is computed once, the whole prompt
  where it stands before the image (``--mllm-image-position last``);
* images only: a video or an audio that nobody sends would have memory kept free for it (114,688
  tokens of Qwen2.5-VL's encoder);
* the context is fitted to the memory (``max_model_len=-1``, vLLM's ``auto``): what a model says it
  can read is often more than a card holds, and far more than a question about an image needs;
* on a CPU float32 and no compilation: it starts in seconds; and a prompt is taken in whole, since
  vLLM rewinds a request's random stream after a part of its prompt, which generators on a CPU
  cannot do: the engine died ("CPU Generator does not use offset"). Models that mix attention with a
  recurrent state (Mamba, GDN) need parts of prompts, and bfloat16: they get both.
"""

from __future__ import annotations

import os
from typing import Any, Final

from actors.cores import spin_environment
from actors.mllm.adapter import engine_arguments_of
from actors.mllm.model import EngineOptions, MllmModel

FITTED: Final = -1
"""The model's own context, or as much of it as the memory holds."""

_CPU_CACHE_BYTES: Final = 2**30
"""Keys and values that the engine keeps on a CPU; vLLM would take half of the machine's memory."""

CPU_SEQUENCES: Final = 64
"""Requests that the model works on at once on a CPU."""

ENVIRONMENT: Final = {
    "VLLM_LOGGING_LEVEL": "WARNING",  # a start says a hundred lines that nobody asked for
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # beside the tracebacks of its processes
    "VLLM_NO_USAGE_STATS": "1",  # nothing leaves the machine
    "TOKENIZERS_PARALLELISM": "false",  # no pool of threads for one sentence at a time
}
"""What vLLM and its tokenizers read from the environment, everywhere."""

CPU_ENVIRONMENT: Final = {
    # the engine in this process: one of its own takes the start from 18 to 54 s on two cores
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # the cores are shared with decoding: threads tied to cores would wait for each other
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
"""The same on a CPU; beside it `spin_environment`, since idle threads are to leave the core to what
they wait for, and ``OMP_NUM_THREADS``, which are `EngineOptions.threads`."""


def engine_arguments(model: MllmModel, options: EngineOptions) -> dict[str, Any]:
    """The engine arguments of vLLM for a model, ``options.extra`` winning."""
    arguments: dict[str, Any] = {
        "model": model.source,
        "revision": model.revision or None,
        "max_model_len": options.context or FITTED,
        "max_num_seqs": options.sequences,
        "limit_mm_per_prompt": {"image": options.pictures, "video": 0, "audio": 0},
        "mm_processor_cache_gb": 0,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "generation_config": "vllm",
    }
    if options.gpus:
        arguments["tensor_parallel_size"] = options.gpus
        arguments["gpu_memory_utilization"] = options.gpu_memory
        if options.gpus > 1:
            arguments["distributed_executor_backend"] = "mp"  # inside this node
    else:
        arguments |= {
            "dtype": "float32",
            "enforce_eager": True,
            "max_num_seqs": options.sequences or CPU_SEQUENCES,
            "enable_chunked_prefill": False,
            # the variable VLLM_CPU_KVCACHE_SPACE of the user wins, but none of ours may: it would
            # win over --mllm-engine as well
            "kv_cache_memory_bytes": _CPU_CACHE_BYTES,
        }
    if model.format == "mistral":
        arguments |= dict.fromkeys(("tokenizer_mode", "config_format", "load_format"), "mistral")
    if model.adapter is not None:
        arguments |= engine_arguments_of(model.adapter)
    arguments |= options.extra
    return {name: value for name, value in arguments.items() if value is not None}


def of_hybrid(arguments: dict[str, Any], options: EngineOptions) -> dict[str, Any]:
    """The engine arguments for a model with a recurrent state on a CPU, ``options.extra`` winning.

    Args:
        arguments: as `engine_arguments` gives them.
        options: of the engine.
    """
    changed = {**arguments, "dtype": "bfloat16"}
    del changed["enable_chunked_prefill"]
    return changed | options.extra


def prepare_environment(options: EngineOptions) -> None:
    """Set what vLLM reads from the environment; what the user has set stays."""
    on_cpu = {} if options.gpus else {**CPU_ENVIRONMENT, **spin_environment()}
    for name, value in {**ENVIRONMENT, **on_cpu}.items():
        os.environ.setdefault(name, value)
    # 1 is what Ray sets in an actor that takes no logical CPU
    if options.threads and os.environ.get("OMP_NUM_THREADS", "1") == "1":
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
