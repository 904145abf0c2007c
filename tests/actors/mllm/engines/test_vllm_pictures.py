"""Pictures prepared together: the same as alone, and nobody pays for another's picture."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fieldguide
from actors.mllm.engines.vllm_pictures import batches
from actors.mllm.engines.vllm_prompts import VllmPrompts, chat_params
from actors.mllm.engines.vllm_settings import engine_arguments, prepare_environment
from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.request import DecodedImage, Request

SHAPES = [(72, 72), (90, 60), (60, 90), (72, 72), (200, 150), (1, 1), (72, 72), (3, 200)]
PICTURES = 2


def request(number: int, shape: tuple[int, int] = (72, 72), text: str = "what?") -> Request:
    pixels = np.random.default_rng(number).integers(0, 256, (*shape, 3), np.uint8)
    return Request(text, (DecodedImage(pixels),))


@pytest.fixture(scope="module")
def renderer() -> Any:
    """vLLM's renderer of the field guide's MLLM, as an engine has it; no model is loaded."""
    options = EngineOptions(pictures=PICTURES)
    prepare_environment(options)
    from vllm.engine.arg_utils import EngineArgs
    from vllm.renderers import renderer_from_config

    arguments = engine_arguments(resolve_mllm(str(fieldguide.MLLM_FOLDER)), options)
    return renderer_from_config(EngineArgs(**arguments).create_engine_config())


@pytest.fixture
def calls(renderer: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each call of the model's own processor prepares."""
    processor, calls = renderer.get_mm_processor(), []
    prepare = processor._call_hf_processor

    def count(data: Any, options: Any) -> Any:
        calls.append(len(data["images"]))
        if any(image.size == (13, 13) for image in data["images"]):
            raise RuntimeError("an unlucky picture")
        return prepare(data, options)

    monkeypatch.setattr(processor, "_call_hf_processor", count)
    return calls


@pytest.fixture
def prompts(renderer: Any) -> VllmPrompts:
    """Prompts that know nothing yet."""
    return VllmPrompts(renderer, chat_params())


def same(one: Any, other: Any) -> bool:
    """Whether two engine inputs are equal to the last bit, but for the time."""
    import torch

    assert one.keys() == other.keys()
    plain = one.keys() - {"mm_kwargs", "arrival_time"}
    pictures = [each["mm_kwargs"]["image"] for each in (one, other)]
    fields = [[item.get_data() for item in items] for items in pictures]
    return all(one[key] == other[key] for key in plain) and all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
        for a, b in zip(*fields, strict=True)
    )


def test_what_is_prepared_together_is_what_is_prepared_alone(
    prompts: VllmPrompts, calls: list[int]
) -> None:
    requests = [request(number, shape) for number, shape in enumerate(SHAPES)]
    requests[5:5] = [request(0), request(90, text="another question?"), Request("no picture?")]
    pair = Request("which one?", (*requests[1].pictures, *requests[2].pictures))
    requests.append(pair)
    alone = [prompts.prepare([each])[0] for each in requests]
    assert calls == [1] * (len(requests) - 2) + [2]
    calls.clear()
    together = prompts.prepare(requests)
    assert len(calls) == 1
    with_pictures = [at for at, each in enumerate(requests) if each.pictures]
    assert all(same(alone[at], together[at]) for at in with_pictures)
    assert not any(same(alone[a], together[b]) for a, b in pairwise(with_pictures))
    (bare,) = (at for at, each in enumerate(requests) if not each.pictures)
    assert alone[bare]["prompt_token_ids"] == together[bare]["prompt_token_ids"]
    assert "mm_kwargs" not in together[bare]


def test_a_picture_that_cannot_be_prepared_is_an_error_of_its_request_alone(
    prompts: VllmPrompts, calls: list[int]
) -> None:
    requests = [request(1), request(2, (13, 13)), request(3)]
    first, failure, last = prompts.prepare(requests)
    assert isinstance(failure, RuntimeError)
    assert same(first, prompts.prepare(requests[:1])[0])
    assert same(last, prompts.prepare(requests[2:])[0])
    calls.clear()
    assert not any(isinstance(each, Exception) for each in prompts.prepare([requests[0]] * 3))
    assert len(calls) == 1, "the next batch is prepared together again"


def test_more_pictures_than_the_engine_takes_are_an_error(prompts: VllmPrompts) -> None:
    many = Request("which?", request(1).pictures * (PICTURES + 1))
    fine, refused, _ = prompts.prepare([request(1), many, request(2)])
    assert isinstance(refused, Exception)
    assert f"At most {PICTURES}" in str(refused)
    assert not isinstance(fine, Exception)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_model_whose_pictures_depend_on_each_other_is_left_alone(
    prompts: VllmPrompts,
    renderer: Any,
    calls: list[int],
    monkeypatch: pytest.MonkeyPatch,
    refuses: bool,
) -> None:
    """As such models have it: past the cache, or not at all."""
    processor = renderer.get_mm_processor()

    def uncached(inputs: Any, timing: Any) -> Any:
        if refuses and inputs.mm_data_items.get_count("image") > 1:
            raise NotImplementedError
        return processor._apply_hf_processor(inputs, timing)

    monkeypatch.setattr(processor, "_cached_apply_hf_processor", uncached)
    requests = [request(number) for number in range(4)]
    alone = [prompts.prepare([each])[0] for each in requests]
    for tries in ([] if refuses else [4], []):
        calls.clear()
        made = prompts.prepare(requests)
        assert all(same(*pair) for pair in zip(alone, made, strict=True))
        assert calls == [*tries, 1, 1, 1, 1], "together is tried once"


def test_batches_hold_so_many_pixels_and_large_pictures_are_alone() -> None:
    def sized(*shape: int) -> Any:
        return SimpleNamespace(
            pictures=[DecodedImage(np.zeros((*shape, 3), np.uint8))] if shape else []
        )

    small, large = sized(1024, 1024), sized(3000, 3000)
    requests = [*[small] * 9, large, large, small, sized(), small]
    cut = list(batches(requests))
    assert [len(batch) for batch in cut] == [8, 1, 1, 1, 3]
    assert [each for batch in cut for each in batch] == requests
    assert list(batches([])) == []
