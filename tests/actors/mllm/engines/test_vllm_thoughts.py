"""A model whose template opens a thought, on both vLLM engines: read, held to choices, or told not
to think."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import ray

from actors.mllm.engines.base import Engine
from actors.mllm.engines.vllm_async import VllmAsync
from actors.mllm.engines.vllm_local import VllmLocal
from actors.mllm.engines.vllm_thoughts import Thoughts
from actors.mllm.images import decode_for_mllm
from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.replica import MLLM
from actors.mllm.request import Request, Response, Sampling, read_answer
from fieldguide.world import NAMES
from methods.prompt import default_prompt
from tests.helpers.thinking_model import thinking_model

ENGINES = [VllmLocal, pytest.param(VllmAsync, marks=pytest.mark.extended)]
engines = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]
again = [*engines, pytest.mark.extended]
RECOGNISE = default_prompt("tlac", "recognise").text
THREADS = len(os.sched_getaffinity(0))


def test_what_a_prompt_opened_is_put_in_front() -> None:
    assert Thoughts().told("A wren.") == "A wren."
    assert Thoughts("<think>").told("hm</think>A wren.") == "<think>hm</think>A wren."


def test_a_constraint_needs_a_parser_where_a_thought_is_open() -> None:
    assert Thoughts().holds_constraints
    assert not Thoughts("<think>").holds_constraints
    assert Thoughts("<think>", parser_name="deepseek_r1").holds_constraints


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model that thinks."""
    return str(thinking_model(tmp_path_factory.mktemp("thinks") / "model"))


@pytest.fixture(scope="module")
def requests(birds: Path) -> list[Request]:
    """Free text, one of some names, and an object, about two images each."""
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())[:2]
    images = [decode_for_mllm(file.read_bytes()) for file in files]
    return [
        *(Request(RECOGNISE, (image,)) for image in images),
        *(
            Request(RECOGNISE, (image,), choices=NAMES[:4], response_format="guided")
            for image in images
        ),
        *(
            Request(RECOGNISE, (image,), text_field="name", response_format="guided")
            for image in images
        ),
        Request(RECOGNISE, (images[0],), Sampling(max_tokens=1)),
    ]


def ask(
    folder: str, engine: type[Engine], requests: list[Request], **options: Any
) -> list[Response]:
    """What a replica of its own says."""
    handle = ray.remote(MLLM).options(num_cpus=0).remote(
        resolve_mllm(folder), EngineOptions(threads=THREADS, **options), engine
    )  # fmt: skip
    try:
        responses: list[Response] = ray.get(handle.generate.remote(requests)).responses
        ray.get(handle.close.remote())
        return responses
    finally:
        ray.kill(handle)


class TestThinking:
    pytestmark = engines

    @pytest.fixture(scope="class", params=ENGINES)
    def said(
        self, request: Any, ray_session: Any, folder: str, requests: list[Request]
    ) -> list[Response]:
        """Of each engine."""
        return ask(folder, request.param, requests)

    def test_thoughts_are_told_from_answers(self, said: list[Response]) -> None:
        for response in said[:2]:
            thought, _, rest = str(response.text).partition("</think>")
            assert len(thought) > len("<think>")
            assert thought.startswith("<think>")
            answer = read_answer(str(response.text), response.finish_reason)["answer"]
            assert answer == rest.strip() != ""

    def test_choices_hold_from_the_end_of_the_thought(self, said: list[Response]) -> None:
        for response in said[2:4]:
            thought, _, choice = str(response.text).partition("</think>")
            assert len(thought) > len("<think>")
            assert choice in NAMES[:4]

    def test_an_object_comes_after_the_thought(self, said: list[Response]) -> None:
        for response in said[4:6]:
            # in this tokenizer the tag is also a word, which a name may hold
            thought, _, answer = str(response.text).partition("</think>")
            assert len(thought) > len("<think>")
            assert list(json.loads(answer)) == ["name"]

    def test_a_thought_that_is_cut_is_no_answer(self, said: list[Response]) -> None:
        assert read_answer(str(said[6].text), said[6].finish_reason) == {
            "answer": "",
            "finish_reason": "length",
        }


class TestToldNotToThink:
    pytestmark = again

    def test_the_template_is_given_what_the_user_says(
        self, ray_session: Any, folder: str, requests: list[Request]
    ) -> None:
        said = ask(folder, VllmAsync, requests, chat={"enable_thinking": False})
        assert not any("<think>" in str(response.text) for response in said)
        assert {str(response.text) for response in said[2:4]} <= {*NAMES[:4]}
        assert all(list(json.loads(str(response.text))) == ["name"] for response in said[4:6])
