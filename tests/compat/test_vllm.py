"""What is used of vLLM beside its public API is still there, and still does what it is used for."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fieldguide
from actors.compat import vllm as compat
from actors.mllm.engines.vllm_chat import conversation
from actors.mllm.engines.vllm_preparation import prepare
from actors.mllm.engines.vllm_settings import engine_arguments, prepare_environment
from actors.mllm.engines.vllm_thoughts import Thoughts
from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.request import DecodedImage, Request
from methods.errors import EngineStartError
from tests.helpers.thinking_model import thinking_model

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
    assert {"generate", "shutdown", "errored", "is_sleeping"} <= {*dir(AsyncLLMEngine)}


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


def test_what_the_template_puts_behind_a_question_is_seen_before_the_start(
    config: Any, tmp_path: Path
) -> None:
    prompt, tokenizer = compat.rendered_prompt(config, {})
    assert prompt == "USER: hello\nASSISTANT:\n"
    assert "<image>" in compat.special_tokens(tokenizer)
    assert compat.reasoning_parser_for("<think>", tokenizer) == ""  # it has no such token
    thinks = prepare(resolve_mllm(str(thinking_model(tmp_path / "thinks"))), OPTIONS)
    assert thinks.thoughts == Thoughts("<think>", parser_name=compat.PLAIN_PARSER)
    assert thinks.arguments["reasoning_parser"] == compat.PLAIN_PARSER
    told = EngineOptions(sequences=7, chat={"enable_thinking": False})
    assert prepare(resolve_mllm(str(tmp_path / "thinks")), told).thoughts == Thoughts()


def test_a_reasoning_parser_that_is_named_splits_what_is_said(tmp_path: Path) -> None:
    folder = thinking_model(tmp_path / "thinks")
    named = EngineOptions(sequences=7, extra={"reasoning_parser": "qwen3"})
    thoughts = prepare(resolve_mllm(str(folder)), named).thoughts
    assert thoughts.told("hm</think>A wren.") == "<think>hm</think>A wren."
    assert thoughts.told("hm") == "<think>hm"
    named = EngineOptions(sequences=7, extra={"reasoning_parser": "mistake"})
    with pytest.raises(EngineStartError, match=r"'mistake' not found.*--mllm-engine reasoning_par"):
        prepare(resolve_mllm(str(folder)), named)


def test_a_model_without_a_chat_template_is_told_before_it_is_loaded(tmp_path: Path) -> None:
    folder = thinking_model(tmp_path / "mute")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(EngineStartError, match="chat template"):
        prepare(resolve_mllm(str(folder)), OPTIONS)
    folder = thinking_model(tmp_path / "odd")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no such turn') }}")
    assert prepare(resolve_mllm(str(folder)), OPTIONS).thoughts == Thoughts()  # told by requests
    given = EngineOptions(sequences=7, chat={"enable_thinking": 3})
    with pytest.raises(EngineStartError, match="no such turn"):
        prepare(resolve_mllm(str(folder)), given)


def test_attention_alone_is_no_hybrid() -> None:
    assert not compat.is_hybrid(engine_arguments(resolve_mllm("fieldguide"), OPTIONS))


def test_a_template_of_the_user_s_is_rendered_in_place_of_the_model_s(
    config: Any, tmp_path: Path
) -> None:
    prompt, _ = compat.rendered_prompt(config, {}, "ask: {{ messages[0].content }}")
    assert prompt == "ask: hello"
    bare = tmp_path / "model"
    shutil.copytree(fieldguide.MLLM_FOLDER, bare, ignore=shutil.ignore_patterns("*.jinja"))
    model = resolve_mllm(str(bare))
    with pytest.raises(EngineStartError, match=r"has no chat template.*--mllm-chat-template FILE"):
        prepare(model, OPTIONS)
    given = EngineOptions(sequences=7, chat_template="{{ messages[0].content }}")
    assert prepare(model, given).thoughts == Thoughts()
    broken = EngineOptions(sequences=7, chat_template="{{ messages[0].absent.part }}")
    with pytest.raises(
        EngineStartError, match=r"^--mllm-chat-template: .* cannot be asked with it"
    ):
        prepare(model, broken)


def test_the_class_of_a_model_tells_whether_its_tower_takes_an_adapter(config: Any) -> None:
    assert compat.takes_tower_adapter(config.model_config)
    without = SimpleNamespace(
        **{name: getattr(config.model_config, name) for name in ("model_impl", "runner_type")},
        architectures=["Ernie4_5_VLMoeForConditionalGeneration"],
        convert_type="none",
    )
    assert not compat.takes_tower_adapter(without)


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
