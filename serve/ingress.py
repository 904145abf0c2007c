"""The deployment that speaks HTTP: reads requests, asks the classifiers, answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from ray import serve
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle
from ray.util.metrics import Counter, Histogram
from starlette.exceptions import HTTPException

from serve import page
from serve.load_shedder import LoadShedder
from serve.messages import ClassifierList, ClassifyAnswer, Health, request_body
from serve.node_metrics import CONTENT_TYPE, node_metrics
from serve.openapi import STATUSES, document, problem_responses
from serve.problems import RequestError
from serve.settings import EndpointSettings
from serve.uploads import read_upload

logger = logging.getLogger("ray.serve")

_ATTEMPTS: Final = 5
_HEALTH_SECONDS: Final = 5.0
_LISTING_SECONDS: Final = 1.0
_MS: Final = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000]


app = FastAPI(
    title="Onoma",
    version="1",
    description="Labels images with classifiers that were made without human labels.",
    docs_url=None,
    redirect_slashes=False,
    redoc_url=None,
)


@app.exception_handler(RequestError)
async def _refused(_request: Request, refused: RequestError) -> Response:
    return refused.response()


@app.exception_handler(HTTPException)
async def _http_error(_request: Request, error: HTTPException) -> Response:
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    headers = dict(error.headers or {})
    return RequestError(error.status_code, code, str(error.detail), headers=headers).response()


@app.exception_handler(RequestValidationError)
async def _invalid(_request: Request, _error: RequestValidationError) -> Response:
    return RequestError(422, "invalid_request", "the request is not valid").response()


def _failed(error: Exception) -> RequestError:
    """What a request hears when it fails for a reason of ours."""
    return RequestError(
        500, "failed", f"the endpoint failed ({type(error).__name__}); its log says why"
    )


@app.exception_handler(Exception)
async def _unexpected(_request: Request, error: Exception) -> Response:
    return _failed(error).response()


class Endpoint:
    """HTTP in front of `serve.classifiers.Classifiers`; holds no model, and counts what waits."""

    def __init__(self, classifiers: DeploymentHandle[Any], settings: EndpointSettings) -> None:
        """Hold the handle."""
        self._classifiers = classifiers
        self._settings = settings
        self._held = 0
        self._in_flight = 0
        self._shedder = LoadShedder()
        self._listed: tuple[float, ClassifierList] | None = None
        self._requests = Counter(
            "onoma_requests", "Requests to classify, by status and code.",
            tag_keys=("status", "code"),
        )  # fmt: skip
        self._images = Counter("onoma_images", "Images labelled.", tag_keys=("classifier",))
        self._latency = Histogram(
            "onoma_latency_ms", "From the first byte of a request to its answer.", boundaries=_MS,
            tag_keys=("status",),
        )  # fmt: skip

    @app.post(
        "/v1/classify",
        response_model=ClassifyAnswer,
        responses=problem_responses(*STATUSES),
        openapi_extra={"requestBody": request_body()},
        summary="Label one image or several",
    )
    async def classify(self, request: Request) -> ClassifyAnswer:
        """Images come as files of a form or as base64 in JSON; every one must be readable."""
        started = time.perf_counter()
        status, code = 500, "failed"
        try:
            answer = await self._classified(request, started)
            status, code = 200, "ok"
            self._images.inc(len(answer.images), {"classifier": answer.classifier.name})
            return answer
        except RequestError as refused:
            status, code = refused.status, refused.code
            raise
        except asyncio.CancelledError:
            status, code = 499, "client_left"
            raise
        except Exception as error:
            logger.exception("a request failed")
            raise _failed(error) from error
        finally:
            self._requests.inc(1, {"status": str(status), "code": code})
            milliseconds = 1000 * (time.perf_counter() - started)
            self._latency.observe(milliseconds, {"status": str(status)})

    async def _classified(self, request: Request, started: float) -> ClassifyAnswer:
        settings = self._settings
        if self._shedder.full(self._in_flight):
            raise self._overloaded()
        with self._holding(request):
            upload = await read_upload(request, settings)
            try:
                async with asyncio.timeout(settings.answer_seconds):
                    answer: ClassifyAnswer | RequestError = await self._ask(
                        "classify", upload.options, upload.names, upload.images
                    )
            except TimeoutError as error:
                detail = f"no answer within {settings.answer_seconds:g} s"
                raise RequestError(504, "timed_out", detail) from error
        if isinstance(answer, RequestError):
            raise answer
        answer.timings.total_ms = round(1000 * (time.perf_counter() - started), 3)
        return answer

    @contextmanager
    def _holding(self, request: Request) -> Iterator[None]:
        """Count a request's bytes as held: those it announces, or all that it may have.

        Raises:
            RequestError: too many are held already (429).
        """
        announced = request.headers.get("content-length", "")
        most = self._settings.max_body
        known = announced.isdecimal() and not self._settings.allow_urls
        size = min(int(announced[:20]), most) if known else most
        if self._held and self._held + size > self._settings.max_held:
            raise self._overloaded()
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    def _overloaded(self) -> RequestError:
        detail = "too many requests wait; come back later"
        headers = {"Retry-After": str(self._settings.retry_after)}
        return RequestError(429, "overloaded", detail, headers=headers)

    async def _ask(self, method: str, *arguments: Any) -> Any:
        """Call the classifiers; what a dying replica had is given to another one.

        Raises:
            RequestError: too many wait (429), or no replica is there (503).
        """
        self._in_flight += 1
        try:
            return await self._ask_again(method, *arguments)
        except BackPressureError as error:
            self._shedder.refused(self._in_flight - 1)
            raise self._overloaded() from error
        finally:
            self._in_flight -= 1

    async def _ask_again(self, method: str, *arguments: Any) -> Any:
        for attempt in range(_ATTEMPTS):
            try:
                return await getattr(self._classifiers, method).remote(*arguments)
            except DeploymentUnavailableError as error:
                raise RequestError(
                    503, "unavailable", "the classifiers cannot be reached"
                ) from error
            except (RayActorError, ActorUnavailableError):
                await asyncio.sleep(0.05 * attempt)
        raise RequestError(
            503, "unavailable", "the classifiers' replicas stop one after another; come back later"
        )

    @app.get(
        "/v1/classifiers",
        response_model=ClassifierList,
        responses=problem_responses(503),
        summary="The classifiers that can be asked, and their versions",
    )
    async def classifiers(self) -> ClassifierList:
        """The first one answers requests that name none."""
        return await self._listing()

    async def _listing(self) -> ClassifierList:
        """Ask for the list, at most once a second; the last one known when all are busy."""
        now = time.monotonic()
        if self._listed is not None and now - self._listed[0] < _LISTING_SECONDS:
            return self._listed[1]
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                listing: ClassifierList = await self._ask("listing")
        except RequestError as refused:
            if refused.status == 429 and self._listed is not None:
                return self._listed[1]
            raise RequestError(503, "not_ready", refused.detail) from refused
        except TimeoutError as error:
            detail = f"the classifiers do not answer within {_HEALTH_SECONDS:g} s"
            raise RequestError(503, "not_ready", detail) from error
        self._listed = now, listing
        return listing

    @app.get(
        "/healthz",
        response_model=Health,
        responses=problem_responses(503),
        summary="Whether classifiers are loaded and answer",
    )
    async def health(self) -> Health:
        """For load balancers; a busy endpoint is healthy."""
        await self._listing()
        return Health(status="ready")

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        summary="Metrics of all nodes for Prometheus",
    )
    async def metrics(self) -> Response:
        """Those of this application and of Ray Serve, as Ray's nodes export them."""
        return Response(await node_metrics(), media_type=CONTENT_TYPE)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def index(self) -> Response:
        """The page."""
        return page.answer("index.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def asset(self, name: str) -> Response:
        """What the page loads."""
        return page.answer(name)

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs(self) -> Response:
        """The OpenAPI document, to read and to try."""
        return page.docs()

    @app.get("/docs/{name}", include_in_schema=False)
    async def docs_asset(self, name: str) -> Response:
        """What that page loads."""
        return page.docs_asset(name)


app.openapi = partial(document, app)  # type: ignore[method-assign]
IngressClass = serve.ingress(app)(Endpoint)
"""The class that the application deploys."""
