"""Any OpenAI-compatible endpoint: hosted models, or a vLLM server.

Retries, growing pauses and ``Retry-After`` are the openai client's; the rate limit is aiolimiter's.
"""

from __future__ import annotations

import asyncio
import base64
import io
from contextlib import AsyncExitStack
from typing import Any

from actors.mllm.model import EngineOptions, MllmModel, images_first
from actors.mllm.request import DecodedImage, Request, Response, failed, rejected

_RATE_WINDOW_S = 60.0


class OpenAIEndpoint:
    """One endpoint, one model of it."""

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        """Keep what is needed to connect."""
        self._model, self._options = model, options

    async def start(self) -> None:
        """Make the client; the first request shows whether the endpoint is there."""
        from aiolimiter import AsyncLimiter
        from openai import AsyncOpenAI

        options = self._options
        self._client = AsyncOpenAI(
            base_url=self._model.base_url,
            api_key=options.api_key or "none",
            max_retries=options.retries,
            timeout=options.timeout_s,
        )
        self._slots = asyncio.Semaphore(options.concurrency)
        limit = options.requests_per_minute
        self._rate = AsyncLimiter(limit, _RATE_WINDOW_S) if limit else None

    async def sequences(self) -> int:
        """Requests that go to the endpoint at once, as set."""
        return self._options.concurrency

    async def generate(self, request: Request) -> Response:
        """Answer one request; whatever goes wrong is an answer with an error."""
        import openai

        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self._slots)
                if self._rate is not None:
                    await stack.enter_async_context(self._rate)
                reply = await self._client.chat.completions.create(
                    **await asyncio.to_thread(self._body, request)
                )
            return _read(reply)
        except openai.APITimeoutError:
            return failed("mllm_timeout", f"no answer in {self._options.timeout_s:g} s")
        except openai.APIConnectionError as error:
            return failed("mllm_unavailable", f"{self._model.base_url}: {_cause(error)}")
        except openai.RateLimitError as error:
            return failed("mllm_rate_limited", str(error))
        except openai.APIStatusError as error:
            return _from_status(error.status_code, str(error))
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, IndexError) as error:
            return failed("mllm_bad_response", f"{type(error).__name__}: {error}")

    def _body(self, request: Request) -> dict[str, Any]:
        content: Any = request.text
        if request.pictures:
            text = [{"type": "text", "text": request.text}]
            images = [
                {"type": "image_url", "image_url": {"url": data_url(picture)}}
                for picture in request.pictures
            ]
            first = images_first(self._model, self._options)
            content = [*images, *text] if first else [*text, *images]
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._model.source,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if sampling.temperature:
            body["seed"] = sampling.seed
        extra: dict[str, Any] = {}
        if self._options.chat:
            extra["chat_template_kwargs"] = self._options.chat
        if request.response_format == "guided" and (constraint := request.constraint()):
            extra["structured_outputs"] = constraint  # vLLM's servers know it
        elif (schema := request.schema()) is not None:
            wanted = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        if extra:
            body["extra_body"] = extra
        return body

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def data_url(picture: DecodedImage) -> str:
    """A picture as a ``data:`` URL: PNG, so that the endpoint sees exactly these pixels."""
    buffer = io.BytesIO()
    picture.image().save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _read(reply: Any) -> Response:
    """Read a chat completion; servers that speak the protocol loosely must not crash a job."""
    choices = getattr(reply, "choices", None)
    if not choices:
        return failed("mllm_bad_response", f"no choices in {str(reply)[:200]}")
    message, usage = choices[0].message, getattr(reply, "usage", None)
    text = message.content
    if text is None and getattr(message, "refusal", None):
        text = message.refusal
    if text is not None and not isinstance(text, str):
        return failed("mllm_bad_response", f"the content is {type(text).__name__}, not text")
    return Response(
        text=text or "",
        finish_reason=choices[0].finish_reason,
        prompt_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
        output_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
    )


def _from_status(status: int, text: str) -> Response:
    if status >= 500:
        return failed("mllm_unavailable", text)
    if status == 408:
        return failed("mllm_timeout", text)
    return rejected(text)


def _cause(error: Exception) -> str:
    return str(error.__cause__ or error) or type(error).__name__
