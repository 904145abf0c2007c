"""What is found out about a model before vLLM loads it: its arguments, and how it thinks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.compat import vllm as compat
from actors.mllm.engines.vllm_failures import start_error
from actors.mllm.engines.vllm_settings import engine_arguments, of_hybrid
from actors.mllm.engines.vllm_thoughts import ARGUMENT, Thoughts, thoughts_of
from actors.mllm.model import EngineOptions, MllmModel
from methods.errors import EngineStartError


@dataclass(frozen=True)
class Preparation:
    """How to start an engine.

    Attributes:
        arguments: of vLLM's engine.
        config: vLLM's configuration made of them.
        thoughts: how the model thinks.
    """

    arguments: dict[str, Any]
    config: Any
    thoughts: Thoughts


def prepare(model: MllmModel, options: EngineOptions) -> Preparation:
    """Find out what vLLM will run, without loading it; takes a second or a few.

    Raises:
        EngineStartError: with the reason and what to do.
    """
    try:
        arguments = engine_arguments(model, options)
        if not options.gpus and compat.is_hybrid(arguments):
            arguments = of_hybrid(arguments, options)
        config = compat.engine_config(arguments)
        thoughts = _thoughts(model, options, config)
        if thoughts.parser_name and ARGUMENT not in arguments:
            arguments = {**arguments, ARGUMENT: thoughts.parser_name}
            config = compat.engine_config(arguments)
        return Preparation(arguments, config, thoughts)
    except EngineStartError:
        raise
    except Exception as error:  # vLLM raises many kinds for models it cannot run
        raise start_error(model, error) from error


def _thoughts(model: MllmModel, options: EngineOptions, config: Any) -> Thoughts:
    template, named = options.chat_template, str(options.extra.get(ARGUMENT) or "")
    try:
        return thoughts_of(config, options.chat, named, template)
    except Exception as error:  # chat templates raise anything
        if template is None and compat.lacks_chat_template(error):
            raise EngineStartError(
                f"--mllm {model.name} has no chat template, and vLLM has none for it: give the one "
                "that it was trained with as --mllm-chat-template FILE, or a model that was "
                "trained on instructions"
            ) from error
        if template is None or options.chat or named:
            raise
        text = " ".join((str(error) or type(error).__name__).split())[:300]
        raise EngineStartError(
            f"--mllm-chat-template: {model.name} cannot be asked with it: {text}"
        ) from error
