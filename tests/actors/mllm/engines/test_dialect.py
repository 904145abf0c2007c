"""What an endpoint refuses of a request's form is learned once; a refusal of all is told."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from actors.mllm.endpoint_images import data_url, is_hosted, photos_as_jpeg
from actors.mllm.engines.dialect import Dialect
from actors.mllm.engines.patience import retry_after
from actors.mllm.model import OFFICIAL_URL, EngineOptions, resolve_mllm
from actors.mllm.replica import MLLM
from actors.mllm.request import DecodedImage, Request
from methods.errors import EndpointRefused
from tests.actors.mllm.engines.test_openai import ask
from tests.helpers.misbehaving_endpoint import misbehaving_endpoint


@pytest.mark.slow
def test_refused_fields_are_learned_once() -> None:
    refuses = ["max_tokens", "temperature", "top_p"]
    with misbehaving_endpoint(refuses=refuses) as endpoint:
        answers = ask(endpoint, *[f"fine {n}" for n in range(20)], timeout_s=30.0)
        bodies = endpoint.bodies
    assert [answer.text for answer in answers] == [f"said fine {n}" for n in range(20)]
    assert len(bodies) == 20 + len(refuses)
    assert bodies[-1]["max_completion_tokens"] == 128
    assert not set(refuses) & bodies[-1].keys()


@pytest.mark.slow
def test_refused_forms_of_an_answer_are_loosened_once() -> None:
    choices = {"choices": ("a", "b")}
    with misbehaving_endpoint(refuses=["json_schema", "structured_outputs"]) as endpoint:
        json = [Request(f"fine {n}", **choices, response_format="json") for n in range(3)]  # type: ignore[arg-type]
        assert {each.error for each in ask(endpoint, *json, timeout_s=30.0)} == {None}
        assert endpoint.bodies[-1]["response_format"] == {"type": "json_object"}
        assert len(endpoint.bodies) == 4
        guided = [Request("fine", **choices, response_format="guided")] * 2  # type: ignore[arg-type]
        assert {each.error for each in ask(endpoint, *guided)} == {None}
        assert "structured_outputs" not in endpoint.bodies[-1]


def test_a_value_that_is_refused_is_no_refusal_of_its_field() -> None:
    sent = {"max_tokens": 9, "temperature": 0.0}
    for words in ("max_tokens exceeds the context length, unsupported", "temperature is too hot"):
        assert Dialect().after(sent, "", words) == (Dialect(), "")


def test_fields_of_the_users_go_along() -> None:
    body = {"reasoning_effort": "low", "detail": "low", "top_p": None}
    picture = DecodedImage(np.zeros((2, 2, 3), np.uint8))
    with misbehaving_endpoint() as endpoint:
        ask(endpoint, Request("fine", (picture,)), body=body)
        sent = endpoint.bodies[-1]
    assert sent["reasoning_effort"] == "low"
    assert "top_p" not in sent
    (image,) = [part for part in sent["messages"][0]["content"] if part["type"] == "image_url"]
    assert image["image_url"]["detail"] == "low"


@pytest.mark.parametrize(("name", "status"), [("m", 401), ("other", 404)])
def test_a_wrong_key_or_model_ends_it_with_the_servers_words(name: str, status: int) -> None:
    with misbehaving_endpoint(key="right" if status == 401 else "") as endpoint:
        model = resolve_mllm(endpoint.name.replace("openai:m", f"openai:{name}"))
        replica = MLLM(model, EngineOptions(api_key="wrong-secret"))
        with pytest.raises(EndpointRefused, match=f"HTTP {status}.*same command") as error:
            asyncio.run(replica.generate([Request("fine 1"), Request("fine 2")]))
    assert "wrong-secret" not in str(error.value)


def test_a_first_batch_refused_whole_ends_it_and_later_refusals_do_not() -> None:
    with misbehaving_endpoint() as endpoint:
        with pytest.raises(EndpointRefused, match="status 400 for you"):
            ask(endpoint, "400 a", "400 b")
        assert [a.error for a in ask(endpoint, "400 a", "fine")] == ["mllm_rejected", None]


@pytest.mark.slow
def test_a_silent_server_costs_its_timeout_twice() -> None:
    with misbehaving_endpoint() as endpoint:
        began = time.monotonic()
        with pytest.raises(EndpointRefused, match="answers none"):
            ask(endpoint, *["slow"] * 9, retries=6, timeout_s=0.5, concurrency=2)
    assert time.monotonic() - began < 3.0


def test_a_server_that_is_down_ends_it() -> None:
    replica = MLLM(resolve_mllm("openai:m@http://127.0.0.1:9/v1"), EngineOptions(retries=0))
    with pytest.raises(EndpointRefused, match="cannot be reached"):
        asyncio.run(replica.generate([Request("a"), Request("b")]))


def test_answers_in_parts_are_read() -> None:
    with misbehaving_endpoint() as endpoint:
        assert ask(endpoint, "parts")[0].text == "two parts"


def test_photographs_go_to_hosted_endpoints_as_jpeg() -> None:
    assert is_hosted(OFFICIAL_URL)
    assert not any(map(is_hosted, ("http://127.0.0.1:1/v1", "http://10.0.0.3/v1", "http://node")))
    assert not photos_as_jpeg(OFFICIAL_URL, "png")
    assert photos_as_jpeg(OFFICIAL_URL, "auto") != photos_as_jpeg(OFFICIAL_URL, "jpeg")
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    jpeg, png = data_url(DecodedImage(pixels), jpeg=True), data_url(DecodedImage(pixels))
    assert jpeg.startswith("data:image/jpeg;")
    assert len(jpeg) < len(png)


def test_the_official_endpoint_needs_no_address() -> None:
    assert resolve_mllm("openai:gpt-5").base_url == OFFICIAL_URL


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("90") == 90.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
