"""What is used of vLLM (0.32) that its documentation does not promise.

* `async_engine`: ``AsyncLLM.from_engine_args`` is public, the enumeration of its ``usage_context``
  is not exported. It alone decides the sizes of a step and the number of sequences that vLLM
  chooses for a GPU; without it they are those of nobody (128 sequences), with it those of ``LLM``.
* `chat_input`: ``LLM.chat`` has no counterpart on the asynchronous engine: the documentation's
  server renders chats itself, with the engine's renderer. This does the same. ``renderer`` is an
  attribute of ``EngineClient`` that ``AsyncLLM.generate`` names for this use.
* `max_num_seqs`: what vLLM chose for this model and device; it is told nowhere else.
* `is_dead`: ``EngineDeadError`` is raised to callers and not exported.
* `quiet_thread_warnings`: on a CPU vLLM warns at every image that it cannot change the number of
  threads; the logger's name is that of a module.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

CPU_WORKER: Final = "vllm.v1.worker.cpu_worker"


def async_engine(arguments: Mapping[str, Any]) -> Any:
    """Start vLLM's asynchronous engine with the defaults for throughput; takes seconds to minutes.

    Args:
        arguments: of ``vllm.AsyncEngineArgs``.

    Raises:
        Exception: vLLM raises many kinds for models that it cannot run.
    """
    from vllm import AsyncEngineArgs, AsyncLLMEngine
    from vllm.usage.usage_lib import UsageContext

    return AsyncLLMEngine.from_engine_args(
        AsyncEngineArgs(**arguments), usage_context=UsageContext.LLM_CLASS
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


def max_num_seqs(engine: Any) -> int:
    """How many requests an asynchronous engine works on at once."""
    return int(engine.vllm_config.scheduler_config.max_num_seqs)


def is_dead(error: BaseException) -> bool:
    """Whether an error of an asynchronous engine says that its process is gone."""
    from vllm.v1.engine.exceptions import EngineDeadError

    return isinstance(error, EngineDeadError)


def quiet_thread_warnings() -> None:
    """Keep what the CPU's worker says about every image out of the log; its errors stay."""
    logging.getLogger(CPU_WORKER).setLevel(logging.ERROR)
