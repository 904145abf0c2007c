"""Engine arguments: images only, a context that fits, and what hybrids need on a CPU."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import pytest

from actors.cores import SHORT_SPIN, SPIN_VARIABLES
from actors.mllm.engines import vllm_preparation
from actors.mllm.engines.vllm_preparation import prepare
from actors.mllm.engines.vllm_settings import engine_arguments, prepare_environment
from actors.mllm.engines.vllm_thoughts import Thoughts
from actors.mllm.model import EngineOptions, MllmModel
from methods.errors import EngineStartError

MODEL = MllmModel("m", "vllm", "/nowhere", "f")


@pytest.mark.parametrize("gpus", [0, 1, 2])
def test_images_alone_have_memory_and_the_context_is_fitted(gpus: int) -> None:
    made = engine_arguments(MODEL, EngineOptions(gpus=gpus, pictures=3))
    assert made["limit_mm_per_prompt"] == {"image": 3, "video": 0, "audio": 0}
    assert made["max_model_len"] == -1
    assert engine_arguments(MODEL, EngineOptions(gpus=gpus, context=512))["max_model_len"] == 512


def test_the_cache_on_a_cpu_is_bounded_and_the_user_s_where_it_is_given() -> None:
    """Not by the environment: a variable there would win over --mllm-engine, without a word."""
    name = "kv_cache_memory_bytes"
    assert engine_arguments(MODEL, EngineOptions())[name] == 2**30
    assert engine_arguments(MODEL, EngineOptions(extra={name: 7}))[name] == 7
    assert name not in engine_arguments(MODEL, EngineOptions(gpus=1))
    with mock.patch.dict(os.environ, {}, clear=True):
        prepare_environment(EngineOptions())
        assert "VLLM_CPU_KVCACHE_SPACE" not in os.environ


def prepared(
    monkeypatch: pytest.MonkeyPatch, options: EngineOptions, hybrid: bool, thoughts: Thoughts
) -> dict[str, Any]:
    """Engine arguments for a model of a kind."""
    monkeypatch.setattr(vllm_preparation.compat, "is_hybrid", lambda arguments: hybrid)
    monkeypatch.setattr(vllm_preparation.compat, "engine_config", lambda arguments: arguments)
    monkeypatch.setattr(vllm_preparation, "thoughts_of", lambda *_: thoughts)
    found = prepare(MODEL, options)
    assert found.config == found.arguments
    return found.arguments


def test_hybrids_get_parts_of_prompts_and_bfloat16_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = prepared(monkeypatch, EngineOptions(), False, Thoughts())
    assert (plain["enable_chunked_prefill"], plain["dtype"]) == (False, "float32")
    made = prepared(monkeypatch, EngineOptions(), True, Thoughts())
    assert made == {**made, "dtype": "bfloat16", "enable_prefix_caching": True}
    assert "enable_chunked_prefill" not in made
    on_gpu = prepared(monkeypatch, EngineOptions(gpus=1), True, Thoughts())
    assert not {"enable_chunked_prefill", "dtype"} & on_gpu.keys()


def test_what_the_user_says_of_a_hybrid_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"dtype": "float16", "enable_chunked_prefill": False}
    made = prepared(monkeypatch, EngineOptions(extra=extra), True, Thoughts())
    assert made == {**made, **extra}


def test_the_parser_that_ends_a_thought_is_the_engine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    thinks = Thoughts("<think>", parser_name="deepseek_r1")
    made = prepared(monkeypatch, EngineOptions(), False, thinks)
    assert made["reasoning_parser"] == "deepseek_r1"
    assert "reasoning_parser" not in prepared(monkeypatch, EngineOptions(), False, Thoughts())
    options = EngineOptions(extra={"reasoning_parser": "qwen3"})
    named = Thoughts("<think>", object(), parser_name="qwen3")
    assert prepared(monkeypatch, options, False, named)["reasoning_parser"] == "qwen3"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ImportError("No module named 'vllm'", name="vllm"), "uv sync in a checkout"),
        (ImportError("No module named 'timm'", name="timm"), "uv pip install timm"),
        (KeyError("fooo"), "KeyError: 'fooo'"),
    ],
)
def test_what_is_wrong_before_the_model_is_loaded_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def fail(arguments: Any) -> bool:
        raise error

    monkeypatch.setattr(vllm_preparation.compat, "is_hybrid", fail)
    with pytest.raises(EngineStartError, match=told):
        prepare(MODEL, EngineOptions())


@pytest.mark.parametrize(
    ("given", "spin"),
    [
        ({}, SHORT_SPIN),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
    ],
)
def test_an_engine_on_cores_spins_briefly_unless_the_user_says_how(
    given: dict[str, str], spin: dict[str, str]
) -> None:
    with mock.patch.dict(os.environ, given, clear=True):
        prepare_environment(EngineOptions())
        found = {name: value for name, value in os.environ.items() if name in SPIN_VARIABLES}
    assert found == spin
