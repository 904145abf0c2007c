"""How long and how often an endpoint is asked the same."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from actors.mllm.model import EngineOptions

_TIMEOUTS: Final = 2  # a server that is silent twice is silent the seventh time as well
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 8.0
_LONGEST_WISH_S: Final = 600.0
_AGAIN: Final = frozenset({408, 409, 429})


async def patiently(send: Callable[[], Awaitable[Any]], options: EngineOptions) -> Any:
    """Send a request until it is answered or has failed as often as allowed.

    Pauses grow, or are as long as ``Retry-After`` says. A timeout is tried once more only.

    Args:
        send: makes one attempt.
        options: ``retries`` and ``timeout_s``, of one attempt.

    Raises:
        TimeoutError, openai.OpenAIError: of the last attempt.
    """
    import openai

    timeouts = 0
    for attempt in range(options.retries + 1):
        last, pause = attempt == options.retries, _pause(attempt)
        try:
            return await asyncio.wait_for(send(), options.timeout_s)
        except (openai.APITimeoutError, TimeoutError):
            timeouts += 1
            if last or timeouts == _TIMEOUTS:
                raise
            pause = 0.0
        except openai.APIConnectionError:
            if last:
                raise
        except openai.APIStatusError as error:
            again = error.status_code in _AGAIN or error.status_code >= 500
            if last or not again or "insufficient_quota" in f"{error.code} {error.type}":
                raise
            wished = retry_after(error.response.headers.get("retry-after", ""))
            pause = pause if wished is None else wished
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def retry_after(value: str) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, at most ten minutes; None without one."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_WISH_S) if seconds == seconds else None


def _pause(attempt: int) -> float:
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
    return longest * random.uniform(0.75, 1.0)
