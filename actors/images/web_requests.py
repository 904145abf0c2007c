"""What is said to a web server, and read of its answer: addresses, who asks, how long to wait."""

from __future__ import annotations

import os
import time
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final
from urllib.parse import quote, urlsplit

from actors.images.errors import ImageError
from methods.errors import one_line

USER_AGENT_VARIABLE: Final = "ONOMA_USER_AGENT"
"""What servers are told of who asks, in place of `user_agent`'s own words."""

_SENT_AS_IT_IS: Final = "".join(map(chr, range(0x21, 0x7F)))


def user_agent() -> str:
    """Who asks, as ``User-Agent`` says it: `USER_AGENT_VARIABLE`, or the program and its version.

    Some hosts refuse whoever names no program, or want an address of whom to ask.
    """
    try:
        number = version("onoma")
    except PackageNotFoundError:
        number = "0"
    return os.environ.get(USER_AGENT_VARIABLE) or f"onoma/{number} (batch labelling of images)"


def is_web(uri: str) -> bool:
    """Whether an address is one of the web."""
    return uri[:8].lower().startswith(("http://", "https://"))


def as_sent(address: str) -> str:
    """An address as it is requested: its own bytes, but for what no request may carry.

    Raises:
        ImageError: it has no host, or one that no name server can be asked for.
    """
    plain = address.strip().partition("#")[0]
    try:
        parts = urlsplit(plain)
        host, _ = parts.hostname, parts.port
        if not host:
            raise ValueError("it names no host")
        there = parts.netloc
        if not there.isascii():
            there = there.replace(there.rpartition("@")[2], _ascii_host(parts.hostname, parts.port))
    except (ValueError, UnicodeError) as error:
        raise ImageError("missing", f"{address} is no address: {one_line(error)}") from error
    scheme, _, rest = plain.partition("://")
    rest = rest[len(parts.netloc) :]
    if not rest.startswith("/"):
        rest = "/" + rest
    return f"{scheme.lower()}://{there}{quote(rest, safe=_SENT_AS_IT_IS)}"


def _ascii_host(host: str | None, port: int | None) -> str:
    name = (host or "").encode("idna").decode("ascii")
    return name if port is None else f"{name}:{port}"


def retry_after(value: str | None) -> float | None:
    """Seconds that the header ``Retry-After`` asks for, a number or a date; None without one."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
