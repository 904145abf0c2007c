"""A typed Python client of the endpoint: `onoma.client`. Needs httpx and pydantic, no Ray.

with Client("http://127.0.0.1:8000") as client:
    answer = client.classify([Path("bird.jpg")], top_k=3)
    print(answer.images[0].labels[0].label)
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from methods.errors import OnomaError
from serve.messages import DEFAULT_TOP, ClassifierList, ClassifyAnswer
from serve.problems import Fault, Problem

_BUSY = (429, 503)
Answer = TypeVar("Answer", bound=BaseModel)


class EndpointError(OnomaError):
    """The endpoint refused a request, or cannot be reached.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        code: what is wrong, for programs.
        faults: each fault, with the field that it is in.
    """

    def __init__(self, status: int, code: str, detail: str, faults: Sequence[Fault] = ()) -> None:
        """Keep what the problem document says."""
        super().__init__(f"{detail} ({status} {code})" if status else detail)
        self.status, self.code, self.faults = status, code, tuple(faults)


class Client:
    """One endpoint; connections are kept open. Not shared between threads while it closes."""

    def __init__(self, url: str, *, timeout: float = 60.0, patience: float = 30.0) -> None:
        """Connect lazily.

        Args:
            url: of the endpoint, such as ``http://127.0.0.1:8000``.
            timeout: seconds for one answer.
            patience: seconds in all to come back after 429 and 503, as ``Retry-After`` says.
        """
        self._patience = patience
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=timeout)

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def classify(
        self,
        images: Sequence[bytes | str | Path],
        *,
        classifier: str | None = None,
        top_k: int = DEFAULT_TOP,
        threshold: float | None = None,
    ) -> ClassifyAnswer:
        """Label images.

        Args:
            images: encoded image files: their bytes, or paths to read them from.
            classifier: a name of `classifiers`; the endpoint's first by default.
            top_k: how many labels to rank.
            threshold: for classifiers with several labels, in place of their own.

        Raises:
            EndpointError: the endpoint refused the request, stayed busy or cannot be reached.
            OSError: a file cannot be read.
            ValueError: no images.
        """
        if not images:
            raise ValueError("no images to label")
        files = [("images", _part(image)) for image in images]
        fields = {"classifier": classifier, "top_k": top_k, "threshold": threshold}
        data = {name: str(value) for name, value in fields.items() if value is not None}
        answer = self._request("POST", "/v1/classify", files=files, data=data)
        return _parsed(ClassifyAnswer, answer)

    def classifiers(self) -> ClassifierList:
        """Ask which classifiers there are.

        Raises:
            EndpointError: as in `classify`.
        """
        answer = self._request("GET", "/v1/classifiers")
        return _parsed(ClassifierList, answer)

    def ready(self) -> bool:
        """Say whether the endpoint is there and ready."""
        try:
            return self._http.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        until = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, **content)
            except httpx.HTTPError as error:
                reason = f"{self._http.base_url} cannot be reached: {error!r}"
                raise EndpointError(0, "unreachable", reason) from error
            if answer.status_code == 200:
                return answer
            wait = _retry_after(answer)
            if answer.status_code not in _BUSY or time.monotonic() + wait > until:
                raise _told(answer)
            time.sleep(wait)


def _part(image: bytes | str | Path) -> tuple[str, bytes]:
    if isinstance(image, bytes):
        return "image", image
    path = Path(image)
    # names of files need not be UTF-8
    return os.fsencode(path.name).decode("utf-8", "replace"), path.read_bytes()


def _parsed(kind: type[Answer], answer: httpx.Response) -> Answer:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        reason = f"{answer.url} answers something else; is it an endpoint of Onoma?"
        raise EndpointError(answer.status_code, "unknown", reason) from error


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 1.0


def _told(answer: httpx.Response) -> EndpointError:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValueError:
        text = " ".join(answer.text.split())[:200]
        return EndpointError(answer.status_code, "unknown", text or "no answer")
    return EndpointError(problem.status, problem.code, problem.detail, problem.errors)
