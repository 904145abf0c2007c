"""Any OpenAI-compatible endpoint: hosted models, or a vLLM server.

What it refuses of a request's form is learned once (`actors.mllm.engines.dialect`): the first
request goes alone for that. The protocol is the openai client's; the rate limit is aiolimiter's.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from actors.mllm.endpoint_images import data_url, is_photo, photos_as_jpeg
from actors.mllm.engines.dialect import Dialect
from actors.mllm.engines.patience import patiently
from actors.mllm.model import EngineOptions, MllmModel, layout_of
from actors.mllm.request import DecodedImage, Request, Response, failed, rejected
from methods.errors import EndpointRefused

logger = logging.getLogger(f"onoma.{__name__}")

_RATE_WINDOW_S = 60.0
_ALONE_S: Final = 5.0  # for the first request: a refusal comes at once, an answer may take longer
_DENIED: Final = 16  # refusals of the key in a row, after answers came, that are no row's fault
_WRONG: Final = {
    401: "set OPENAI_API_KEY to a key that it takes",
    403: "set OPENAI_API_KEY to a key that may use this model",
    404: "give another --mllm openai:MODEL@BASE_URL with a new --out, or load the model there",
}
_QUOTA: Final = "insufficient_quota"


class OpenAIEndpoint:
    """One endpoint, one model of it."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to connect."""
        self._model, self._options = model, options
        self._dialect = Dialect()
        self._jpeg = photos_as_jpeg(model.base_url, options.image_format)
        self._answered = self._silent = self._asked = False
        self._denied = 0

    async def start(self) -> None:
        """Make the client; the first request shows whether the endpoint is there."""
        from aiolimiter import AsyncLimiter
        from openai import AsyncOpenAI

        options = self._options
        self._client = AsyncOpenAI(
            base_url=self._model.base_url,
            api_key=options.api_key or "none",
            max_retries=0,
            timeout=options.timeout_s,
        )
        self._slots = asyncio.Semaphore(options.concurrency)
        self._first_is_back = asyncio.Event()
        limit = options.requests_per_minute
        self._rate = AsyncLimiter(limit, _RATE_WINDOW_S) if limit else None

    async def sequences(self) -> int:
        """Requests that go to the endpoint at once, as set."""
        return self._options.concurrency

    async def generate(self, request: Request) -> Response:
        """Answer one request; what goes wrong with it alone is an answer with an error.

        Raises:
            EndpointRefused: the endpoint takes no request at all with this key and model.
        """
        if not self._asked:
            self._asked = True
            try:
                return await self._answer(request)
            finally:
                self._first_is_back.set()
        if not self._first_is_back.is_set():
            alone = min(_ALONE_S, self._options.timeout_s / 2)
            try:
                await asyncio.wait_for(self._first_is_back.wait(), alone)
            except TimeoutError:
                self._first_is_back.set()
        return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        import openai

        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self._slots)
                if self._silent and not self._answered:
                    return self._timed_out()
                response = _read(await self._ask(request))
            self._answered, self._denied = True, 0
            return response
        except (openai.APITimeoutError, TimeoutError):
            self._silent = True
            return self._timed_out()
        except openai.APIConnectionError as error:
            return failed("mllm_unavailable", f"{self._model.base_url}: {_cause(error)}")
        except openai.APIStatusError as error:
            self._check(error)
            return _from_status(error.status_code, self._without_key(str(error)))
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, IndexError) as error:
            return failed("mllm_bad_response", f"{type(error).__name__}: {error}")

    def _timed_out(self) -> Response:
        return failed("mllm_timeout", f"no answer in {self._options.timeout_s:g} s")

    async def _ask(self, request: Request) -> Any:
        """Send a request, again in another form while the endpoint refuses its form.

        Each turn either ends or leaves something out for good, so there are few.
        """
        import openai

        while True:
            dialect = self._dialect
            fields = dialect.body(request)
            body = await asyncio.to_thread(self._body, request, fields)
            try:
                return await patiently(partial(self._send, body), self._options)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                sent = {name: each for name, each in fields.items() if name in body}
                own = {n: v for n, v in sent.items() if n not in self._options.body}
                better, told = dialect.after(own, str(error.param or ""), _words(error))
                if better == dialect:
                    raise
                if self._dialect == dialect:  # else another request's refusal came first
                    self._dialect = better
                    logger.warning("%s: %s", self._model.base_url, told)

    async def _send(self, body: dict[str, Any]) -> Any:
        if self._rate is not None:
            await self._rate.acquire()
        return await self._client.chat.completions.create(
            model=self._model.source, messages=body["messages"], extra_body=body
        )

    def _body(self, request: Request, fields: dict[str, Any]) -> dict[str, Any]:
        extra = dict(self._options.body)
        detail = {"detail": extra.pop("detail")} if "detail" in extra else {}
        messages: list[dict[str, Any]] = [{"role": "user", "content": request.text}]
        if request.pictures:
            text = [{"type": "text", "text": request.text}]
            images = [
                {"type": "image_url", "image_url": {"url": self._url(picture), **detail}}
                for picture in request.pictures
            ]
            layout = layout_of(self._model, self._options)
            if layout == "alone":
                messages = [
                    {"role": "system", "content": request.text},
                    {"role": "user", "content": images},
                ]
            else:
                content = [*images, *text] if layout == "first" else [*text, *images]
                messages = [{"role": "user", "content": content}]
        chat = {"chat_template_kwargs": self._options.chat} if self._options.chat else {}
        body = {**fields, "messages": messages, **chat, **extra}
        if "max_completion_tokens" in extra:
            body.pop("max_tokens", None)
        return {name: value for name, value in body.items() if value is not None}

    def _url(self, picture: DecodedImage) -> str:
        every = self._options.image_format == "jpeg"
        return data_url(picture, jpeg=bool(self._jpeg) and (every or is_photo(picture)))

    def _check(self, error: Any) -> None:
        """Tell a refusal of everything from one of a request.

        Raises:
            EndpointRefused: it is one.
        """
        status = int(error.status_code)
        self._denied = self._denied + 1 if status == 401 else 0
        if self._answered and self._denied < _DENIED:
            return
        change = _WRONG.get(status)
        if status == 429 and _QUOTA in f"{error.code} {error.type}":
            change = "top up the account, or set OPENAI_API_KEY to another's key"
        if change is None:
            return
        if status in (401, 403) and not self._options.api_key:
            change = "OPENAI_API_KEY is not set: set it to a key that it takes"
        words = self._without_key(" ".join(_words(error).split()))[:300]
        raise EndpointRefused(
            f"{self._model.base_url} refuses model {self._model.source} "
            f'(HTTP {status}): "{words}"; '
            f"{change}, then the same command goes on"
        )

    def _without_key(self, text: str) -> str:
        key = self._options.api_key
        return text.replace(key, "***") if key else text

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _read(reply: Any) -> Response:
    """Read a chat completion; servers that speak the protocol loosely must not crash a job."""
    choices = getattr(reply, "choices", None)
    if not choices:
        return failed("mllm_bad_response", f"no choices in {str(reply)[:200]}")
    message, usage = choices[0].message, getattr(reply, "usage", None)
    text = message.content
    if text is None and getattr(message, "refusal", None):
        text = message.refusal
    if isinstance(text, list):
        text = _joined(text)
    if text is not None and not isinstance(text, str):
        return failed("mllm_bad_response", f"the content is {type(text).__name__}, not text")
    return Response(
        text=text or "",
        finish_reason=choices[0].finish_reason,
        prompt_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
        output_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
    )


def _joined(parts: list[Any]) -> str | list[Any]:
    """The text of an answer that came in parts; the parts themselves if none has any."""
    texts = [part if isinstance(part, str) else _text_of(part) for part in parts]
    found = [text for text in texts if text is not None]
    return "".join(found) if found else parts


def _text_of(part: Any) -> str | None:
    if not isinstance(part, dict) or part.get("type", "text") not in ("text", "output_text"):
        return None
    text = part.get("text")
    return text if isinstance(text, str) else None


def _words(error: Any) -> str:
    """What a server says of a refusal, without what the client adds."""
    body = error.body
    if isinstance(body, dict):
        for name in ("message", "detail", "error"):
            if body.get(name):
                return str(body[name])
    return str(body or error)


def _from_status(status: int, text: str) -> Response:
    if status == 429:
        return failed("mllm_rate_limited", text)
    if status >= 500:
        return failed("mllm_unavailable", text)
    if status == 408:
        return failed("mllm_timeout", text)
    return rejected(text)


def _cause(error: Exception) -> str:
    return str(error.__cause__ or error) or type(error).__name__
