"""Images by web address: patient with servers that are busy, not with servers that are gone.

An address is sent as it was given, byte for byte, since signed ones hold for their bytes only; what
no request may carry (blanks, letters beyond ASCII) is percent-encoded. Proxies come from the usual
environment. The limit on bytes holds while they come. Every process has one thread with aiohttp's
loop, which the threads of `actors.images.fetch` ask.

A host that asks to be left alone (``Retry-After``) is left alone by all requests of the process.
One that does not answer costs one timeout, and its other addresses fail at once for a while.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from actors.images.errors import ImageError
from actors.images.web_requests import as_sent, is_web, retry_after, user_agent
from methods.errors import one_line

_REDIRECTS: Final = 10
_CHUNK: Final = 1 << 16
_CLOSE_S: Final = 5.0
_MISSING: Final = frozenset({404, 410})
_DENIED: Final = frozenset({401, 402, 403, 407, 451})
_FINAL: Final = frozenset({501, 505})  # of 5xx; the others may be different in a moment
_BUSY: Final = frozenset({408, 425, 429})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class WebLimits:
    """How long servers are waited for, in seconds, and how many are asked at once.

    Attributes:
        attempts: requests for one address at most, redirects aside.
        connect_s, read_s: to connect, and between two pieces of an answer.
        whole_s: for one attempt, however slowly it drips.
        backoff_s: before the second attempt; doubled before each other, and shortened by chance.
        longest_wait_s: what ``Retry-After`` may ask for; a row whose server asks for more fails.
        silent_s: for how long a host that did not answer is not asked; doubled each time again.
        per_host: requests to one host at once, in this process.
    """

    attempts: int = 5
    connect_s: float = 10.0
    read_s: float = 20.0
    whole_s: float = 120.0
    backoff_s: float = 0.5
    longest_wait_s: float = 60.0
    silent_s: float = 60.0
    per_host: int = 8


LIMITS: Final = WebLimits()
_LONGEST_SILENCE: Final = 16  # times `WebLimits.silent_s`
_UNANSWERED: Final = 3
"""Requests in a row that a host leaves without an answer, having answered others, until it counts
as gone; one that never answered counts so at once."""


@dataclass
class _Host:
    """What this process knows of a host.

    Attributes:
        slots: its requests at once.
        answered: when it last did so, whatever it said; 0 for never.
        unanswered: requests in a row to which nothing came.
        not_before: until when it wants to be left alone.
        silent_until, silences, why: until when it is not asked since it does not answer, how often
            that was so in a row, and what was wrong with it.
    """

    slots: asyncio.Semaphore
    answered: float = 0.0
    unanswered: int = 0
    not_before: float = 0.0
    silent_until: float = 0.0
    silences: int = 0
    why: str = ""

    def is_gone(self) -> bool:
        """Whether what is not answered is the host's fault rather than one address's."""
        return not self.answered or self.unanswered >= _UNANSWERED


@dataclass
class _Again(Exception):
    """An attempt failed in a way that the next may not.

    Attributes:
        error: what the row gets if there is no next one.
        attempts: at most, where these are fewer than usual.
        wait: seconds that the server asks for; None where it does not say.
        unanswered: whether nothing came at all.
        timeout: whether it was waited for.
    """

    error: ImageError
    attempts: int | None = None
    wait: float | None = None
    unanswered: bool = False
    timeout: bool = False


class WebReader:
    """Reads addresses; one in a process, with a thread of its own."""

    def __init__(self, limits: WebLimits = LIMITS) -> None:
        """Start the thread."""
        self._limits = limits
        self._hosts: dict[str, _Host] = defaultdict(
            lambda: _Host(asyncio.Semaphore(limits.per_host))
        )
        self._session: Any = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="web", daemon=True).start()

    def read(self, address: str, max_bytes: int) -> bytes:
        """Read what is at an address; may be called by many threads.

        Raises:
            ImageError: with code missing, no_permission, too_many_bytes or storage_error.
        """
        future = asyncio.run_coroutine_threadsafe(self._read(address, max_bytes), self._loop)
        return future.result()

    def close(self) -> None:
        """End the connections that are open."""
        if self._session is not None:
            asyncio.run_coroutine_threadsafe(self._session.close(), self._loop).result(_CLOSE_S)

    async def _read(self, address: str, max_bytes: int) -> bytes:
        url = as_sent(address)
        for _ in range(_REDIRECTS + 1):
            found = await self._patiently(url, max_bytes)
            if isinstance(found, bytes):
                return found
            if not is_web(found):
                raise ImageError("storage_error", f"{address} leads to {found}, no web address")
            url = as_sent(found)
        raise ImageError("storage_error", f"{address}: more than {_REDIRECTS} redirects")

    async def _patiently(self, url: str, max_bytes: int) -> bytes | str:
        """The bytes at an address, or the address that it leads to."""
        limits = self._limits
        host = self._hosts[urlsplit(url).netloc.rpartition("@")[2].lower()]
        attempt = 0
        while True:
            attempt += 1
            async with host.slots:
                while (wait := host.not_before - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                if time.monotonic() < host.silent_until:
                    detail = f"{url}: not asked, since its host {host.why} a moment ago"
                    raise ImageError("storage_error", detail)
                try:
                    found = await self._attempt(url, max_bytes)
                except ImageError:
                    self._heard_of(host)
                    raise
                except _Again as failed:
                    last = failed
                else:
                    self._heard_of(host)
                    return found
            if last.unanswered:
                host.unanswered += 1
            else:
                self._heard_of(host)
            if (last.wait or 0) > limits.longest_wait_s:
                detail = f"{last.error.detail}, and asks to wait {last.wait:.0f} s"
                raise ImageError(last.error.code, detail)
            # a timeout is long: a host that is gone costs one
            most = 1 if last.timeout and host.is_gone() else last.attempts or limits.attempts
            if attempt >= most:
                break
            pause = limits.backoff_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
            if last.wait is not None:
                host.not_before = max(host.not_before, time.monotonic() + last.wait)
            await asyncio.sleep(max(pause, last.wait or 0))
        if last.unanswered and host.is_gone():
            self._silence(host, last.error)
        raise ImageError(last.error.code, f"{last.error.detail} (asked {attempt} times)")

    @staticmethod
    def _heard_of(host: _Host) -> None:
        host.answered, host.unanswered, host.silences = time.monotonic(), 0, 0

    def _silence(self, host: _Host, error: ImageError) -> None:
        now = time.monotonic()
        if now < host.silent_until:  # others that asked at the same time have found it so
            return
        host.silent_until = now + self._limits.silent_s * min(2**host.silences, _LONGEST_SILENCE)
        host.silences += 1
        host.why = error.detail.rpartition(": ")[2]

    async def _attempt(self, url: str, max_bytes: int) -> bytes | str:
        import aiohttp
        from yarl import URL

        def unreached(what: str, **more: Any) -> _Again:
            return _Again(ImageError("storage_error", f"{url}: {what}"), **more)

        try:
            asked = self._client().get(URL(url, encoded=True), allow_redirects=False)
            async with asked as answer:
                return await self._body(url, answer, max_bytes)
        except aiohttp.ClientSSLError as error:
            raise unreached(f"no trusted connection: {one_line(error)}", attempts=1) from error
        except TimeoutError as error:
            slow = {"attempts": 2, "unanswered": True, "timeout": True}
            raise unreached("did not answer in time", **slow) from error
        except aiohttp.ClientConnectorDNSError as error:
            raise unreached("has no address in the name service", unanswered=True) from error
        except aiohttp.ClientConnectorError as error:
            told = error.os_error.strerror or one_line(error)
            raise unreached(f"cannot be reached ({told})", unanswered=True) from error
        except aiohttp.InvalidURL as error:
            raise ImageError("missing", f"{url} is no address") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unreached(f"broke off: {type(error).__name__} {one_line(error)}") from error

    async def _body(self, url: str, answer: Any, max_bytes: int) -> bytes | str:
        status = answer.status
        if status in _MOVED and (location := answer.headers.get("Location")):
            return location if "://" in location else urljoin(url, location)
        if status in _MISSING:
            raise ImageError("missing", f"{url}: HTTP {status}")
        if status in _DENIED:
            raise ImageError("no_permission", f"{url}: HTTP {status}")
        if status != 200:
            error = ImageError("storage_error", f"{url}: HTTP {status}")
            if status in _BUSY or (status >= 500 and status not in _FINAL):
                raise _Again(error, wait=retry_after(answer.headers.get("Retry-After")))
            raise error
        if (answer.content_length or 0) > max_bytes:
            raise ImageError(
                "too_many_bytes", f"{answer.content_length} bytes; the limit is {max_bytes}"
            )
        data = bytearray()
        async for piece in answer.content.iter_chunked(_CHUNK):
            data += piece
            if len(data) > max_bytes:
                raise ImageError("too_many_bytes", f"more bytes than the limit, {max_bytes}")
        return bytes(data)

    def _client(self) -> Any:
        """Aiohttp's session, made in the loop with the first request."""
        import aiohttp

        if self._session is None:
            limits = self._limits
            self._session = aiohttp.ClientSession(
                headers={"User-Agent": user_agent(), "Accept-Encoding": "identity"},
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(
                    total=limits.whole_s, sock_connect=limits.connect_s, sock_read=limits.read_s
                ),
            )
        return self._session


@lru_cache(maxsize=1)
def _reader_of(_process: int) -> WebReader:
    reader = WebReader()
    atexit.register(reader.close)
    return reader


def read_address(address: str, max_bytes: int) -> bytes:
    """Read what is at a web address, by the reader of this process.

    Raises:
        ImageError: with code missing, no_permission, too_many_bytes or storage_error.
    """
    return _reader_of(os.getpid()).read(address, max_bytes)
