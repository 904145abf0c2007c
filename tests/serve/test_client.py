"""The typed client: what it sends and reads, how long it waits, and what it makes of errors."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from serve.client import Client, EndpointError

LISTING = {"default": "birds", "classifiers": [], "problems": []}
PROBLEM = {"title": "t", "code": "overloaded", "detail": "come back later"}


@dataclass
class Fake:
    """A server that gives the answers of a list one by one, the last one for ever."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    url: str = ""

    def will(self, status: int, content: Any, **headers: str) -> Fake:
        """Add an answer; anything but bytes is sent as JSON."""
        if not isinstance(content, bytes):
            if status != 200:
                content = {**content, "status": status}
            content = json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, content))
        return self


@pytest.fixture
def fake() -> Iterator[Fake]:
    """One on loopback."""
    told = Fake()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(time.monotonic())
            status, headers, content = told.answers[0]
            if len(told.answers) > 1:
                told.answers.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_back_when_it_is_told_to(fake: Fake, status: int) -> None:
    fake.will(status, PROBLEM, Retry_After="1").will(200, LISTING)
    with Client(fake.url) as client:
        assert client.classifiers().default == "birds"
    assert len(fake.asked) == 2
    assert fake.asked[1] - fake.asked[0] >= 0.95


@pytest.mark.parametrize("retry_after", ["20", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "9" * 400])
def test_it_waits_no_longer_than_its_patience(fake: Fake, retry_after: str) -> None:
    fake.will(429, PROBLEM, Retry_After=retry_after)
    started = time.monotonic()
    with Client(fake.url, patience=0.5) as client, pytest.raises(EndpointError) as caught:
        client.classifiers()
    assert (caught.value.status, caught.value.code) == (429, "overloaded")
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (404, {**PROBLEM, "code": "unknown_classifier"}, "unknown_classifier"),
        (500, b"<html>Internal Server Error</html>", "unknown"),
        (502, b"", "unknown"),
        (302, b"", "unknown"),
        (400, b'{"detail": "not ours"}', "unknown"),
        (500, b"\xff\xfe\x00", "unknown"),
        (200, b"<html>another server</html>", "unknown"),
        (200, b'{"detail": "another"}', "unknown"),
    ],
    ids=range(8),
)
def test_any_other_answer_is_an_error_of_the_endpoint_and_asked_once(
    fake: Fake, status: int, content: Any, code: str
) -> None:
    fake.will(status, content)
    with Client(fake.url) as client, pytest.raises(EndpointError) as caught:
        client.classifiers()
    assert (caught.value.status, caught.value.code) == (status, code)
    assert str(caught.value)
    assert len(fake.asked) == 1


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with Client(url) as client:
            assert not client.ready()
            with pytest.raises(EndpointError, match=url) as caught:
                client.classifiers()
    assert (caught.value.status, caught.value.code) == (0, "unreachable")


def test_no_images_and_no_file_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:1") as client:
        with pytest.raises(ValueError, match="no images"):
            client.classify([])
        with pytest.raises(FileNotFoundError):
            client.classify([tmp_path / "none.jpg"])


@pytest.mark.cluster
def test_it_asks_the_real_endpoint(endpoint: Any, birds: Path, bird_paths: list[str]) -> None:
    paths = [birds / "images" / path for path in bird_paths[:3]]
    with endpoint.client() as client:
        assert client.ready()
        assert client.classifiers().default == "birds"
        answer = client.classify([paths[0], str(paths[1]), paths[2].read_bytes()], top_k=2)
        assert [each.name for each in answer.images] == [paths[0].name, paths[1].name, "image"]
        assert [len(each.top) for each in answer.images] == [2, 2, 2]
        several = client.classify([paths[0]], classifier="scenes", threshold=-1000.0)
        assert several.classifier.multi_label
        assert len(several.images[0].labels) > 5
        with pytest.raises(EndpointError) as caught:
            client.classify([b"no image", paths[0], b""])
    assert (caught.value.status, caught.value.code) == (422, "unreadable_images")
    assert [(each.field, each.code) for each in caught.value.faults] == [
        ("images[0]", "not_an_image"),
        ("images[2]", "empty_file"),
    ]


@pytest.mark.cluster
def test_files_may_have_any_name(
    endpoint: Any, birds: Path, bird_paths: list[str], tmp_path: Path
) -> None:
    data = (birds / "images" / bird_paths[0]).read_bytes()
    names = ["鳥 \U0001f99c.jpg", "two  spaces.jpg", "Screenshot 3\u202fPM.png", b"caf\xe9.jpg"]
    paths = [tmp_path / os.fsdecode(name) for name in names]
    for path in paths:
        path.write_bytes(data)
    with endpoint.client() as client:
        answer = client.classify(paths)
    assert [each.name for each in answer.images] == [*names[:3], "caf�.jpg"]
    assert len({each.labels[0].label for each in answer.images}) == 1
