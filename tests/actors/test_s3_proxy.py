"""S3 behind a proxy: listed, read and written through what the environment names."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from actors import storage
from actors.images.fetch import fetch
from actors.s3_settings import S3Settings
from actors.storage.s3 import is_behind_proxy, s3_filesystem
from ray_jobs.runs.sources.listing import list_images


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A forward proxy on loopback, and the request lines that came to it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            asked.append(f"{self.command} {self.path}")
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            behind = http.client.HTTPConnection(parts.netloc)
            target = self.path.split(parts.netloc, 1)[1]
            behind.request(self.command, target, body, dict(self.headers.items()))
            answer = behind.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            self.wfile.write(data)
            behind.close()

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def forget_clients() -> None:
    """As in a process that starts with this environment."""
    storage._s3.cache_clear()
    s3_filesystem.cache_clear()


def test_everything_goes_through_the_proxy(
    proxy: tuple[str, list[str]], s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = proxy
    folder = f"{s3_bucket}/proxied-{os.getpid()}"
    storage.write_bytes(f"{folder}/a.jpg", b"a")
    assert asked == []
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", url)
    forget_clients()
    try:
        storage.write_bytes(f"{folder}/b.jpg", b"b")
        rows = list(list_images(folder).rows)
        batch = pa.table({"image_id": [1, 2], "uri": [row.uri for row in rows]})
        assert fetch(batch).column("bytes").to_pylist() == [b"a", b"b"]
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        assert {line.partition(" ")[0] for line in asked} >= {"GET", "PUT"}
        assert all(line.partition(" ")[2].startswith(endpoint) for line in asked)
    finally:
        monkeypatch.undo()
        forget_clients()


CASES = (
    ({}, False),
    ({"https_proxy": "http://p:1"}, True),
    ({"HTTPS_PROXY": "http://p:1"}, True),
    ({"http_proxy": "http://p:1"}, False),
    ({"http_proxy": "http://p:1", "AWS_ENDPOINT_URL": "HTTP://minio:9000/"}, True),
    ({"http_proxy": "http://p:1", "AWS_ENDPOINT_URL_S3": "https://minio"}, False),
    ({"https_proxy": "http://p:1", "no_proxy": ".amazonaws.com"}, False),
    ({"https_proxy": "http://p:1", "no_proxy": "example.org"}, True),
    ({"https_proxy": "http://p:1", "no_proxy": "*"}, False),
)


@pytest.mark.parametrize(("environment", "expected"), CASES)
def test_which_servers_are_behind_a_proxy(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_behind_proxy("bucket", S3Settings()) == expected


def test_an_endpoint_in_capitals(s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write_bytes(f"{s3_bucket}/capitals.jpg", b"x")
    endpoint = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"HTTP://{endpoint}")
    forget_clients()
    assert storage.read_bytes(f"{s3_bucket}/capitals.jpg") == b"x"
    monkeypatch.undo()
    forget_clients()
