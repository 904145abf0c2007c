"""A bucket whose server is busy now and then, as long as a process lives: everything is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest

from actors.images.fetch import fetch_bytes
from tests.helpers.local_server import serving

OBJECTS = 130
"""More than the hundred retries that the SDK's standard strategy has for the life of a process."""


class Busy(BaseHTTPRequestHandler):
    """Refuses the first request for each object, by the code for too many, and answers the next."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()
    busy = (
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    )

    def answer(self) -> None:
        self.asked[self.path] += 1
        body = self.busy if self.asked[self.path] == 1 else b"data"
        if body == self.busy:
            self.send_response(503)
        else:
            self.send_response(206 if self.headers.get("Range") else 200)
            self.send_header("Content-Range", "bytes 0-3/4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    Busy.asked.clear()
    with serving(Busy) as address:
        yield address


def test_more_errors_than_a_quota_of_retries_cost_nothing(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    rows = [{"uri": f"s3://busy/{number}.jpg"} for number in range(OBJECTS)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(fetch_bytes, rows)) == [b"data"] * OBJECTS
    assert len(Busy.asked) == OBJECTS
    assert min(Busy.asked.values()) > 1
