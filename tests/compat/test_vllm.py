"""What is used of vLLM beside its public API is still there, and still does what it is used for."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fieldguide
from actors.compat import vllm as compat
from actors.mllm.engines.vllm_chat import conversation
from actors.mllm.engines.vllm_settings import engine_arguments, prepare_environment
from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.request import DecodedImage, Request

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("error::DeprecationWarning:vllm"),
    pytest.mark.filterwarnings("error::DeprecationWarning:actors.compat"),
]
OPTIONS = EngineOptions(sequences=7)


@pytest.fixture(scope="module")
def config() -> Any:
    """vLLM's configuration of the field guide's model; no model is loaded."""
    prepare_environment(OPTIONS)
    model = resolve_mllm(str(fieldguide.MLLM_FOLDER))
    return compat.engine_config(engine_arguments(model, OPTIONS))


def test_the_configuration_says_how_many_sequences_there_are(config: Any) -> None:
    assert compat.max_num_seqs(config) == 7


def test_the_asynchronous_engine_has_what_is_asked_of_it() -> None:
    from vllm import AsyncLLMEngine

    assert callable(AsyncLLMEngine.from_vllm_config)
    assert {"generate", "shutdown", "errored"} <= {*dir(AsyncLLMEngine)}


def test_a_chat_is_rendered_as_the_template_says_with_the_images_in_it(config: Any) -> None:
    from transformers import AutoTokenizer
    from vllm.renderers import renderer_from_config

    engine = SimpleNamespace(renderer=renderer_from_config(config))
    image = DecodedImage(np.zeros((72, 72, 3), np.uint8))
    bare, shown = (
        asyncio.run(compat.chat_input(engine, conversation(Request("what is it?", images))))
        for images in ((), (image,))
    )
    tokenizer = AutoTokenizer.from_pretrained(fieldguide.MLLM_FOLDER)
    turn = [{"role": "user", "content": "what is it?"}]
    text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    wanted = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert list(bare["prompt_token_ids"]) == wanted
    (place,) = shown["mm_placeholders"]["image"]
    assert place.length == 36
    assert len(shown["prompt_token_ids"]) > len(wanted)


def test_a_dead_engine_is_told_from_a_bad_request() -> None:
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    assert compat.is_dead(EngineDeadError())
    assert not compat.is_dead(EngineGenerateError())
    assert not compat.is_dead(ValueError())


def test_the_worker_that_warns_at_every_image_has_the_name_that_is_silenced() -> None:
    from vllm.v1.worker import cpu_worker

    assert cpu_worker.logger.name == compat.CPU_WORKER
    compat.quiet_thread_warnings()
    assert not cpu_worker.logger.isEnabledFor(logging.WARNING)
