"""A raw HTTP/1.1 client over asyncio streams: requests are bytes made beforehand.

It does as little per request as a client can, so that a load of many connections leaves the cores
to the server: no header objects, no URL parsing, no decoding of bodies.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BOUNDARY = "onoma-benchmark-7d1f0c"
_READ_LIMIT = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of the status line.
        headers: by name in lower case; of repeated ones the last.
        body: whole, without transfer encoding.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection can carry another request."""
        return self.headers.get("connection", "").lower() != "close"


def request(
    path: str,
    body: bytes = b"",
    *,
    method: str = "GET",
    content_type: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Make a request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: endpoint"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def file_part(data: bytes, name: str = "image.jpg", field: str = "images") -> bytes:
    """Make one file part of a multipart body, boundary included."""
    head = (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + data + b"\r\n"


def text_part(field: str, value: str) -> bytes:
    """Make one text field of a multipart body, boundary included."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'
    return f"{head}{value}\r\n".encode("utf-8", "surrogateescape")


def multipart(parts: Sequence[bytes], path: str = "/v1/classify") -> bytes:
    """Make a multipart request of parts."""
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return request(path, body, method="POST", content_type=kind)


def json_request(document: Any, path: str = "/v1/classify") -> bytes:
    """Make a JSON request; bytes are sent as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return request(path, body, method="POST", content_type="application/json")


class Connection:
    """One keep-alive connection; opened by the first request and again after a failure."""

    def __init__(self, host: str, port: int) -> None:
        """Remember where to connect."""
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect unless that is done; returns the streams."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, limit=_READ_LIMIT)
        return self._streams

    async def ask(self, data: bytes, *, head: bool = False) -> Answer:
        """Send a request and read its answer.

        Args:
            data: the request's bytes.
            head: whether it is a HEAD request, whose answer has no body.

        Raises:
            OSError, asyncio.IncompleteReadError, ValueError: no proper answer came.
        """
        try:
            reader, writer = await self.open()
            writer.write(data)
            answer = await read_answer(reader, head=head)
        except BaseException:
            self.close()
            raise
        if not answer.keeps_alive:
            self.close()
        return answer

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def read_answer(reader: asyncio.StreamReader, *, head: bool = False) -> Answer:
    """Read one answer from a stream.

    Raises:
        OSError, asyncio.IncompleteReadError, ValueError: no proper answer came.
    """
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        if status >= 200:  # 100 Continue and the like come before the answer
            break
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if head or status in (204, 304):
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
        headers["connection"] = "close"
    return Answer(status, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(chunks)
