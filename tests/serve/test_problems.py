"""Problem documents, and which of them stands for what goes wrong behind the ingress."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve.ingress import Endpoint
from serve.messages import ClassifyAnswer
from serve.problems import MEDIA_TYPE, RequestError, invalid
from serve.settings import EndpointSettings

ANSWER = ClassifyAnswer.model_validate(
    {
        "classifier": {"name": "birds", "version": "1", "method": "m", "multi_label": False},
        "images": [{"name": None, "labels": [], "top": []}],
        "timings": {"decode_ms": 0, "wait_ms": 0, "model_ms": 0, "total_ms": 0},
    }
)


def test_a_refusal_becomes_a_document_and_travels_between_processes() -> None:
    faults = [("images[1]", "truncated", "d" * 1000), ("top_k", "invalid", "no")]
    refused = RequestError(422, "unreadable_images", "e" * 1000, faults, {"X-Name": "value"})
    again = pickle.loads(pickle.dumps(refused))
    assert again == refused
    answer = again.response()
    document = json.loads(answer.body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, MEDIA_TYPE)
    assert answer.headers["x-name"] == "value"
    assert document.keys() == {"type", "title", "status", "code", "detail", "errors"}
    assert (document["type"], document["title"]) == ("about:blank", "Unprocessable Content")
    assert [(each["field"], each["code"]) for each in document["errors"]] == [
        ("images[1]", "truncated"),
        ("top_k", "invalid"),
    ]
    assert max(len(document["detail"]), len(document["errors"][0]["detail"])) < 310


@pytest.mark.parametrize("status", [400, 404, 405, 408, 413, 415, 422, 429, 500, 503, 504])
def test_every_status_has_its_title(status: int) -> None:
    document = json.loads(RequestError(status, "code", "detail").response().body)
    assert document["title"]
    assert document["status"] == status
    assert (document["code"], document["detail"], document["errors"]) == ("code", "detail", [])


class Behind:
    """What the ingress holds in place of a handle: each call does what the next step says."""

    def __init__(self, *steps: Any) -> None:
        self.steps, self.calls = list(steps), 0

    def __getattr__(self, _method: str) -> Behind:
        return self

    async def remote(self, *_arguments: Any) -> Any:
        """Answer, raise or take too long."""
        self.calls += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
            return ANSWER
        return step


def request() -> Request:
    """A good request to classify."""
    body = json.dumps({"images": [{"data": "aGVsbG8="}]}).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def endpoint(behind: Behind) -> Endpoint:
    """The ingress in front of it."""
    settings = EndpointSettings(answer_seconds=1, retry_after=7)
    return Endpoint(behind, settings)  # type: ignore[arg-type]


def busy() -> Exception:
    """What Serve raises when its queue is full."""
    error = BackPressureError.__new__(BackPressureError)
    Exception.__init__(error, "too many")
    return error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        (busy, 429, "overloaded"),
        (
            lambda: DeploymentUnavailableError.__new__(DeploymentUnavailableError),
            503,
            "unavailable",
        ),
        (RayActorError, 503, "unavailable"),
        (lambda: 5.0, 504, "timed_out"),
        (lambda: RuntimeError("/secret/path"), 500, "failed"),
        (lambda: invalid("top_k", "no"), 422, "invalid_request"),
    ],
)
def test_what_goes_wrong_behind_the_ingress_is_told_as_a_problem(
    step: Callable[[], Any], status: int, code: str
) -> None:
    with pytest.raises(RequestError) as caught:
        asyncio.run(endpoint(Behind(step())).classify(request()))
    assert (caught.value.status, caught.value.code) == (status, code)
    assert "secret" not in caught.value.detail
    assert (caught.value.headers.get("Retry-After") == "7") == (status == 429)


def test_what_a_dying_replica_had_is_asked_again() -> None:
    behind = Behind(RayActorError(), RayActorError(), ANSWER)
    assert asyncio.run(endpoint(behind).classify(request())) == ANSWER
    assert behind.calls == 3


def test_the_list_of_classifiers_is_not_ready_before_it_is_known_and_kept_while_busy() -> None:
    with pytest.raises(RequestError) as caught:
        asyncio.run(endpoint(Behind(busy())).health())
    assert (caught.value.status, caught.value.code) == (503, "not_ready")

    async def twice() -> None:
        ingress = endpoint(Behind("the list", busy()))
        assert await ingress.classifiers() == "the list"
        ingress._listed = (-1e9, ingress._listed[1])  # type: ignore[assignment, index]
        assert await ingress.classifiers() == "the list"
        assert (await ingress.health()).status == "ready"

    asyncio.run(twice())
