"""What is used of vLLM (0.32) that its documentation does not promise.

* `engine_config`, `async_engine`: what ``AsyncLLMEngine.from_engine_args`` does, in two steps. Its
  ``usage_context`` is public, the enumeration of its values is not exported. It alone decides the
  sizes of a step and the number of sequences that vLLM chooses for a GPU; without it they are those
  of nobody (128 sequences), with it those of ``LLM``.
* `chat_input`: ``LLM.chat`` has no counterpart on the asynchronous engine: the documentation's
  server renders chats itself, with the engine's renderer. This does the same. ``renderer`` is an
  attribute of ``EngineClient`` that ``AsyncLLM.generate`` names for this use.
* `max_num_seqs`: what vLLM chose for this model and device; a configuration's parts are nowhere
  documented as such.
* `is_dead`: ``EngineDeadError`` is raised to callers and not exported.
* `quiet_thread_warnings`: on a CPU vLLM warns at every image that it cannot change the number of
  threads; the logger's name is that of a module.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

CPU_WORKER: Final = "vllm.v1.worker.cpu_worker"


def engine_config(arguments: Mapping[str, Any]) -> Any:
    """Return vLLM's configuration of an engine, with its defaults for throughput; loads no model.

    Args:
        arguments: of ``vllm.AsyncEngineArgs``.

    Raises:
        Exception: vLLM raises many kinds for models that it cannot run.
    """
    from vllm import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    return AsyncEngineArgs(**arguments).create_engine_config(UsageContext.LLM_CLASS)


def async_engine(config: Any) -> Any:
    """Start vLLM's asynchronous engine with a configuration; takes seconds to minutes.

    Raises:
        Exception: vLLM raises many kinds for models that it cannot run.
    """
    from vllm import AsyncLLMEngine
    from vllm.usage.usage_lib import UsageContext

    return AsyncLLMEngine.from_vllm_config(
        config, usage_context=UsageContext.LLM_CLASS, disable_log_stats=True
    )


async def chat_input(engine: Any, conversation: Sequence[Mapping[str, Any]]) -> Any:
    """Return what ``AsyncLLM.generate`` takes for a chat, made as ``LLM.chat`` makes it.

    The model's turn is opened, and the chat template alone writes special tokens. Images are
    prepared in the renderer's own thread.

    Raises:
        Exception: whatever chat templates and image processors raise.
    """
    from vllm.renderers import ChatParams

    renderer = engine.renderer
    opened = {"add_generation_prompt": True, "continue_final_message": False}
    _, (made,) = await renderer.render_chat_async(
        [conversation],
        ChatParams(chat_template_kwargs=opened),
        renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False),
    )
    return made


def max_num_seqs(config: Any) -> int:
    """How many requests an engine of this configuration works on at once."""
    return int(config.scheduler_config.max_num_seqs)


def is_dead(error: BaseException) -> bool:
    """Whether an error of an asynchronous engine says that its process is gone."""
    from vllm.v1.engine.exceptions import EngineDeadError

    return isinstance(error, EngineDeadError)


def quiet_thread_warnings() -> None:
    """Keep what the CPU's worker says about every image out of the log; its errors stay."""
    logging.getLogger(CPU_WORKER).setLevel(logging.ERROR)
