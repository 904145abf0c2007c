"""What is used of vLLM (0.32) that its documentation does not promise.

* `engine_config`, `async_engine`: what ``AsyncLLMEngine.from_engine_args`` does, in two steps. Its
  ``usage_context`` is public, the enumeration of its values is not exported. It alone decides the
  sizes of a step and the number of sequences that vLLM chooses for a GPU; without it they are those
  of nobody (128 sequences), with it those of ``LLM``.
* `chat_input`: ``LLM.chat`` has no counterpart for requests that come one by one: the
  documentation's server renders chats itself, with the engine's renderer. This does the same.
  ``renderer`` is an attribute of both engines; what its ``render_chat`` returns is what
  ``add_request`` and ``generate`` say to pass.
* `takes_tower_adapter`: whether vLLM applies a LoRA adapter to a model's image tower is told by an
  attribute of the model's class alone; elsewhere it warns, and leaves that part of the adapter out.
* `max_num_seqs`: what vLLM chose for this model and device; a configuration's parts are nowhere
  documented as such.
* `is_dead`: ``EngineDeadError`` is raised to callers and not exported.
* `is_hybrid`: whether a model mixes attention with a recurrent state is an attribute of vLLM's
  model configuration, which nothing else tells.
* `rendered_prompt`: the renderer that the engine will have, made without it: what the chat
  template puts behind a question is seen before weights are loaded.
* `reasoning_parser` and its like: ``vllm.reasoning`` is documented for those who add parsers; that
  a parser splits a text for whoever calls it is not.
* `responds`: ``is_sleeping`` of an engine's client asks the model's process and waits for its word.
* `quiet_thread_warnings`: on a CPU vLLM warns at every image that it cannot change the number of
  threads; the logger's name is that of a module.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

PLAIN_PARSER: Final = "deepseek_r1"
"""The reasoning parser that splits at its two tags and does nothing else."""

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


async def chat_input(
    engine: Any,
    conversation: Sequence[Mapping[str, Any]],
    chat: Mapping[str, Any] | None = None,
    template: str | None = None,
) -> Any:
    """Return what ``AsyncLLM.generate`` takes for a chat, made as ``LLM.chat`` makes it.

    The model's turn is opened, and the chat template alone writes special tokens. Images are
    prepared in the renderer's own thread.

    Args:
        engine: the asynchronous engine, or an ``LLMEngine``.
        conversation: messages.
        chat: what the chat template is given by name.
        template: in place of the model's own.

    Raises:
        Exception: whatever chat templates and image processors raise.
    """
    renderer = engine.renderer
    settings = _rendering(renderer, chat or {}, template)
    _, (made,) = await renderer.render_chat_async([conversation], *settings)
    return made


def _rendering(
    renderer: Any, chat: Mapping[str, Any], template: str | None = None
) -> tuple[Any, Any]:
    """How a renderer turns a chat into a prompt."""
    from vllm.renderers import ChatParams

    opened = {**chat, "add_generation_prompt": True, "continue_final_message": False}
    return (
        ChatParams(chat_template=template, chat_template_kwargs=opened),
        renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False),
    )


def is_hybrid(arguments: Mapping[str, Any]) -> bool:
    """Whether a model has layers with a recurrent state (Mamba, GDN) beside attention.

    Raises:
        Exception: vLLM raises many kinds for models that it cannot run.
    """
    from vllm import AsyncEngineArgs

    return bool(AsyncEngineArgs(**arguments).create_model_config().is_hybrid)


def rendered_prompt(
    config: Any, chat: Mapping[str, Any], template: str | None = None
) -> tuple[str, Any]:
    """The prompt of a short question, and the tokenizer.

    Raises:
        Exception: whatever chat templates raise.
    """
    from vllm.renderers import renderer_from_config

    renderer = renderer_from_config(config)
    try:
        question = [{"role": "user", "content": "hello"}]
        _, (made,) = renderer.render_chat([question], *_rendering(renderer, chat, template))
        tokenizer = renderer.get_tokenizer()
        return str(tokenizer.decode(list(made["prompt_token_ids"]))), tokenizer
    finally:
        renderer.shutdown()


def lacks_chat_template(error: BaseException) -> bool:
    """Whether an error of `rendered_prompt` says that a model has no chat template."""
    from vllm.renderers.chat_utils import ChatTemplateResolutionError

    return isinstance(error, ChatTemplateResolutionError)


def special_tokens(tokenizer: Any) -> list[str]:
    """Tokens that are left out of a text where special tokens are."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    return [str(token) for token in added.values() if getattr(token, "special", False)]


def reasoning_parser(name: str, tokenizer: Any, chat: Mapping[str, Any]) -> Any:
    """Make the reasoning parser of a name.

    Raises:
        Exception: there is none, or it is not for this tokenizer.
    """
    from vllm.reasoning import ReasoningParserManager

    kind = ReasoningParserManager.get_reasoning_parser(name)
    return kind(tokenizer, chat_template_kwargs=dict(chat))


def reasoning_parser_for(opened: str, tokenizer: Any) -> str:
    """Name of a parser whose thoughts begin with a tag, for a tokenizer; empty without one.

    Both of its tags have to be tokens: the end of a thought is found in tokens as they come.
    """
    from vllm.reasoning import ReasoningParserManager

    known = sorted(ReasoningParserManager.list_registered())
    for name in sorted(known, key=lambda each: each != PLAIN_PARSER):
        try:
            parser = ReasoningParserManager.get_reasoning_parser(name)(tokenizer)
            tags = {parser.reasoning_start_str, parser.reasoning_end_str}
            if parser.reasoning_start_str == opened and tags <= tokenizer.get_vocab().keys():
                return name
        except Exception:  # most of them are for other tokenizers
            continue
    return ""


def split_reasoning(parser: Any, text: str) -> tuple[str | None, str | None]:
    """Thoughts and answer in a text, None where there is none."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

    found: tuple[str | None, str | None] = parser.extract_reasoning(
        text, ChatCompletionRequest(messages=[], model="")
    )
    return found


async def responds(engine: Any) -> None:
    """Return as soon as the model's process says anything.

    Raises:
        Exception: it is gone.
    """
    await engine.is_sleeping()


def takes_tower_adapter(model_config: Any) -> bool:
    """Whether vLLM applies a LoRA adapter to the image tower of a configured model."""
    from vllm import ModelRegistry

    kind, _ = ModelRegistry.resolve_model_cls(model_config.architectures, model_config)
    return bool(getattr(kind, "supports_tower_connector_lora", False))


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
