"""Images named by URL: fetched from the hosts that the operator allows, and no others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from serve.problems import RequestError
from serve.settings import EndpointSettings

_SECONDS = 10.0


@dataclass
class Allowance:
    """Bytes that the images of one request may still have, all together."""

    left: int


async def fetch_image(
    url: str, field: str, settings: EndpointSettings, allowance: Allowance | None = None
) -> bytes:
    """Fetch one image; redirects are not followed, since they may lead anywhere.

    Args:
        url: its address.
        field: where that stands, for messages.
        settings: of the endpoint.
        allowance: shared by the images of a request; as much as a body has by default.

    Raises:
        RequestError: the host is not allowed, does not answer, or sends too much.
    """
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise _refused(field, "url_not_allowed", f"is no address ({error})") from error
    if not settings.allow_urls:
        raise _refused(field, "url_not_allowed", "this endpoint fetches no addresses; send data")
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise _refused(field, "url_not_allowed", "give an http or https address without a password")
    if host not in {allowed.lower() for allowed in settings.allow_urls}:
        raise _refused(field, "url_not_allowed", "its host is not one that this endpoint may ask")
    allowance = allowance or Allowance(settings.max_body)
    try:
        async with (
            asyncio.timeout(_SECONDS),  # httpx's own is for each read
            httpx.AsyncClient(follow_redirects=False, timeout=_SECONDS, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise _refused(field, "missing", f"its host answers {answer.status_code}")
            data = bytearray()
            async for part in answer.aiter_bytes():
                data += part
                allowance.left -= len(part)
                if allowance.left < 0:
                    detail = f"a request's images have at most {settings.max_body:,} bytes together"
                    raise _refused(field, "too_many_bytes", detail)
            return bytes(data)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
        raise _refused(field, "missing", f"cannot be fetched ({type(error).__name__})") from error


def _refused(field: str, code: str, detail: str) -> RequestError:
    return RequestError(422, "unreadable_images", f"{field}: {detail}", [(field, code, detail)])
