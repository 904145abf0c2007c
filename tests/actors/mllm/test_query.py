"""The key of the response cache: whatever changes a response is in it, nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors.labels.autosep import DescribedChoicePrompt
from actors.labels.slac_tlac import ClassChoicePrompt
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.prompts import ColumnPrompt, ImagePrompt, SampleImagesPrompt
from actors.mllm.query import Query
from actors.mllm.request import DecodedImage, Sampling
from methods.autosep.prompts import PromptTexts
from methods.prompt import Prompt

MODEL, ENGINE = MllmModel("m", "vllm", "m", "files:1"), EngineOptions()
FIRST = EngineOptions(image_position="first")
QUERY = Query("see", ImagePrompt("What is this?"), Sampling(), max_side=64)


def identity(
    query: Query = QUERY, model: MllmModel = MODEL, engine: EngineOptions = ENGINE
) -> dict[str, Any]:
    """The key of a query, as plain values."""
    return query.cache_identity(model, engine)


@pytest.mark.parametrize(
    "changed",
    [
        identity(model=replace(MODEL, fingerprint="files:2")),
        identity(engine=EngineOptions(extra={"quantization": "fp8"})),
        identity(engine=EngineOptions(extra={"mm_processor_kwargs": {"max_pixels": 1000}})),
        identity(engine=EngineOptions(chat={"enable_thinking": False})),
        identity(engine=EngineOptions(chat={"enable_thinking": True})),
        identity(engine=EngineOptions(extra={"dtype": "float16"})),
        identity(engine=EngineOptions(extra={"hf_overrides": {"num_crops": 4}})),
        identity(engine=EngineOptions(extra={"kv_cache_dtype": "fp8"})),
        identity(engine=EngineOptions(extra={"tokenizer_mode": "mistral"})),
        identity(engine=EngineOptions(chat_template="{{ messages }}")),
        identity(engine=EngineOptions(image_position="last")),
        identity(model=replace(MODEL, image_position="last")),
        identity(replace(QUERY, prompt=ImagePrompt("What's this?"))),
        identity(replace(QUERY, prompt=ImagePrompt("What is this?", "name", "guided"))),
        identity(replace(QUERY, sampling=Sampling(max_tokens=5))),
        identity(replace(QUERY, sampling=Sampling(temperature=0.5))),
        identity(replace(QUERY, max_side=128)),
    ],
)
def test_what_changes_a_response_changes_the_key(changed: dict[str, Any]) -> None:
    assert changed != identity()


@pytest.mark.parametrize(
    "same",
    [
        identity(replace(QUERY, name="other")),
        identity(replace(QUERY, sampling=Sampling(seed=7))),  # greedy
        identity(engine=EngineOptions(gpus=4, sequences=8, concurrency=2, deadline_s=9)),
        identity(engine=EngineOptions(extra={"gpu_memory_utilization": 0.5, "max_num_seqs": 4})),
        identity(engine=EngineOptions(extra={"tensor_parallel_size": 2, "hf_token": "secret"})),
        identity(engine=EngineOptions(image_position="first")),
        identity(model=replace(MODEL, image_position="last"), engine=FIRST),
    ],
)
def test_what_changes_speed_alone_does_not(same: dict[str, Any]) -> None:
    assert same == identity()


def test_methods_that_ask_the_same_share_responses() -> None:
    described = Query("describe", ImagePrompt("What is this?"), Sampling(), max_side=64)
    assert identity(described) == identity(QUERY)


def test_class_lists_are_part_of_the_key() -> None:
    prompt = Prompt("{classes} or {answer}?")
    names = ["a", "b"]
    keys = [
        identity(Query("choose", builder, Sampling()))
        for builder in (
            ClassChoicePrompt(prompt, names, "none"),
            ClassChoicePrompt(prompt, [*names, "c"], "none"),
            ClassChoicePrompt(prompt, names, "guided"),
            ClassChoicePrompt(prompt, names, "none", (1, "clip")),
            DescribedChoicePrompt(
                PromptTexts("bird", ("a", "b"), {"classify": Prompt("{classes} {description}")})
            ),
        )
    ]
    assert all(first != second for at, first in enumerate(keys) for second in keys[:at])


def test_each_row_has_a_random_stream_of_its_own() -> None:
    query = replace(QUERY, sampling=Sampling(temperature=1.0, seed=3))
    image = DecodedImage(np.zeros((2, 2, 3), np.uint8))
    first, again, other = (
        query.request({"key": key}, image).sampling.seed for key in (b"one", b"one", b"two")
    )
    assert first == again != other


def test_prompts_of_rows_are_the_rows_own() -> None:
    row = {"key": b"k", "text": "Say A.", "images": []}
    assert Query("q", ColumnPrompt("text"), Sampling()).request(row, None).text == "Say A."
    assert Query("q", SampleImagesPrompt({}), Sampling()).request(row, None).text == "Say A."
