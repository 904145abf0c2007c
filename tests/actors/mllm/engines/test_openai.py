"""An endpoint that misbehaves in every way gives answers with an error, one for each request."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.replica import ENDPOINT, MLLM
from actors.mllm.request import DecodedImage, Request, Response, Sampling
from methods.errors import InputError
from tests.helpers.misbehaving_endpoint import Endpoint, misbehaving_endpoint


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One server for all tests."""
    with misbehaving_endpoint() as server:
        yield server


def ask(endpoint: Endpoint, *requests: Request | str, **options: Any) -> list[Response]:
    """Ask through a replica."""
    settings = {"retries": 0, "timeout_s": 1.0, **options}
    replica = MLLM(resolve_mllm(endpoint.name), EngineOptions(**settings))
    batch = [Request(each) if isinstance(each, str) else each for each in requests]

    async def run() -> list[Response]:
        said = await replica.generate(batch)
        await replica.close()
        assert said.engine == ENDPOINT
        return said.responses

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("slow answer", "mllm_timeout"),
        ("429 always", "mllm_rate_limited"),
        ("500 always", "mllm_unavailable"),
        ("400 always", "mllm_rejected"),
        ("422 always", "mllm_rejected"),
        ("long prompt", "mllm_too_long"),
        ("broken json", "mllm_bad_response"),
        ("html page", "mllm_bad_response"),
        ("nothing there", "mllm_bad_response"),
        ("list of parts", "mllm_bad_response"),
        ("dies in the middle", "mllm_unavailable"),
    ],
)
def test_every_failure_has_its_code_and_a_detail(endpoint: Endpoint, text: str, code: str) -> None:
    before, failure, after = ask(endpoint, "fine 1", text, "fine 2")
    assert (before.text, after.text) == ("said fine 1", "said fine 2")
    assert (failure.error, failure.text) == (code, None)
    assert failure.error_detail


def test_answers_carry_their_tokens_and_how_they_ended(endpoint: Endpoint) -> None:
    fine, cut, empty = ask(endpoint, "fine", "cut", "null")
    assert fine == Response("said fine", "stop", 7, 2)
    assert (cut.text, cut.finish_reason) == ("A bird with", "length")
    assert (empty.text, empty.error) == ("", None)


def test_a_busy_endpoint_is_asked_again_after_the_pause_it_names(endpoint: Endpoint) -> None:
    (answer,) = ask(endpoint, "twice then well", retries=3)
    assert answer.text == "said twice then well"
    assert endpoint.tries["twice then well"] == 3


def test_a_server_that_is_not_there(endpoint: Endpoint) -> None:
    model = resolve_mllm("openai:m@http://127.0.0.1:9/v1")
    replica = MLLM(model, EngineOptions(retries=0, timeout_s=1.0))
    answer = asyncio.run(replica.generate([Request("x")])).responses[0]
    assert answer.error == "mllm_unavailable"
    assert "127.0.0.1:9" in str(answer.error_detail)


def test_concurrency_is_bounded_and_order_kept() -> None:
    texts = [f"wait {n}" for n in range(40)]
    with misbehaving_endpoint() as endpoint:
        answers = ask(endpoint, *texts, concurrency=4, timeout_s=30.0)
    assert [answer.text for answer in answers] == [f"said {text}" for text in texts]
    assert 2 <= endpoint.most_at_once <= 4


@pytest.mark.slow
def test_the_rate_is_limited(endpoint: Endpoint) -> None:
    start = len(endpoint.times)
    # a bucket of 120 a minute lets 120 through at once, then two a second
    ask(endpoint, *[f"fine rate {n}" for n in range(123)], requests_per_minute=120, timeout_s=30.0)
    times = sorted(endpoint.times[start:])
    assert times[-1] - times[0] > 1.2


@pytest.mark.parametrize("position", ["auto", "first", "last"])
def test_the_picture_goes_before_the_text_unless_told_otherwise_and_arrives_unchanged(
    endpoint: Endpoint, position: str
) -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    sampling = Sampling(max_tokens=5, temperature=0.5, seed=3)
    request = Request("fine look", (DecodedImage(pixels),), sampling)
    ask(endpoint, request, image_position=position)
    body = endpoint.bodies[-1]
    parts = body["messages"][0]["content"]
    text, image = parts if position == "last" else reversed(parts)
    assert text == {"type": "text", "text": "fine look"}
    data = base64.b64decode(image["image_url"]["url"].partition(",")[2])
    assert Image.open(io.BytesIO(data)).tobytes() == pixels.tobytes()
    assert (body["max_tokens"], body["temperature"], body["seed"]) == (5, 0.5, 3)


def test_the_text_may_be_the_system_s_turn(endpoint: Endpoint) -> None:
    request = Request("fine look", (DecodedImage(np.zeros((2, 3, 3), np.uint8)),))
    ask(endpoint, request, image_position="alone")
    system, user = endpoint.bodies[-1]["messages"]
    assert system == {"role": "system", "content": "fine look"}
    assert [part["type"] for part in user["content"]] == ["image_url"]
    ask(endpoint, Request("fine text"), image_position="alone")
    assert endpoint.bodies[-1]["messages"] == [{"role": "user", "content": "fine text"}]


def test_the_key_reaches_the_endpoint_and_nobody_else(endpoint: Endpoint) -> None:
    ask(endpoint, "fine key", api_key="a-secret-key")
    assert endpoint.keys[-1] == "Bearer a-secret-key"
    assert "a-secret-key" not in repr(EngineOptions(api_key="a-secret-key"))


def test_choices_reach_the_endpoint_in_the_form_asked_for(endpoint: Endpoint) -> None:
    for form in ("none", "guided", "json"):
        ask(endpoint, Request("fine", choices=("a", "b"), response_format=form))  # type: ignore[arg-type]
    none, guided, schema = endpoint.bodies[-3:]
    assert not {"structured_outputs", "response_format"} & none.keys()
    assert guided["structured_outputs"] == {"choice": ["a", "b"]}
    properties = schema["response_format"]["json_schema"]["schema"]["properties"]
    assert properties["class"]["enum"] == ["a", "b"]


def test_a_wanted_object_reaches_the_endpoint_in_the_form_asked_for(endpoint: Endpoint) -> None:
    for form in ("none", "guided", "json"):
        ask(endpoint, Request("fine", text_field="na.me", response_format=form))  # type: ignore[arg-type]
    none, guided, schema = endpoint.bodies[-3:]
    assert not {"structured_outputs", "response_format"} & none.keys()
    pattern = guided["structured_outputs"]["regex"]
    assert re.fullmatch(pattern, '{"na.me": "a (b) c"}')
    for other in ('{"naxme": "a"}', '{"na.me": ""}', '{"na.me": "a"b"}', '{"na.me":"a"}'):
        assert not re.fullmatch(pattern, other)
    wanted = schema["response_format"]["json_schema"]["schema"]
    assert wanted["properties"] == {"na.me": {"type": "string"}}
    assert wanted["required"] == ["na.me"]


@pytest.mark.parametrize(
    "name",
    ["openai:", "openai:@http://h/v1", "openai:m@h/v1", "openai:m@ftp://h", "openai:m@http://"],
)
def test_an_endpoint_must_be_named_whole(name: str) -> None:
    with pytest.raises(InputError, match="openai:MODEL@BASE_URL"):
        resolve_mllm(name)


def test_credentials_do_not_belong_in_the_address() -> None:
    with pytest.raises(InputError, match="OPENAI_API_KEY") as error:
        resolve_mllm("openai:m@http://user:secret@host/v1")
    assert "secret" not in str(error.value)
