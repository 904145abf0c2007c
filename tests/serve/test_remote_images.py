"""Images named by URL: from the hosts allowed, within limits, and from nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from serve import remote_images
from serve.problems import RequestError
from serve.remote_images import Allowance, fetch_image
from serve.settings import EndpointSettings

SETTINGS = EndpointSettings(allow_urls=["127.0.0.1", "Images.Example.org", "::1"], max_body=50_000)
DATA = bytes(range(256)) * 10


class Host(BaseHTTPRequestHandler):
    """Answers by path."""

    asked: list[str]

    def do_GET(self) -> None:
        """Answer one request."""
        self.asked.append(self.path)
        headers, data, status = {}, DATA, 200
        if self.path == "/redirect":
            status, headers["Location"] = 302, "/image"
        elif self.path == "/gone":
            status = 404
        elif self.path == "/large":
            data = b"x" * 50_001
        elif self.path == "/bomb":
            data, headers["Content-Encoding"] = gzip.compress(bytes(10_000_000)), "gzip"
        elif self.path == "/not-gzip":
            headers["Content-Encoding"] = "gzip"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # it may have heard enough
            for _ in range(30 if self.path == "/drip" else 0):
                self.wfile.write(b"x")
                time.sleep(0.1)
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[ThreadingHTTPServer]:
    """A host of images on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    Host.asked = []
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(url: str, settings: EndpointSettings = SETTINGS) -> bytes:
    """Fetch one image."""
    return asyncio.run(fetch_image(url, "images[2].url", settings))


def refused(url: str, settings: EndpointSettings = SETTINGS) -> str:
    """The code of the fault that it is refused with."""
    with pytest.raises(RequestError) as caught:
        fetch(url, settings)
    assert (caught.value.status, caught.value.code) == (422, "unreadable_images")
    [(field, code, detail)] = caught.value.faults
    assert field == "images[2].url"
    assert detail
    return code


def at(host: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{host.server_port}/{path}"


@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_an_image_of_a_host_allowed_is_fetched(host: ThreadingHTTPServer, scheme: str) -> None:
    assert fetch(at(host, "image?size=1#part").replace("http", scheme)) == DATA


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("redirect", "missing"),
        ("gone", "missing"),
        ("large", "too_many_bytes"),
        ("bomb", "too_many_bytes"),
        ("not-gzip", "missing"),
        ("line\nbreak", "missing"),
    ],
)
def test_a_host_that_sends_no_image_is_told(
    host: ThreadingHTTPServer, path: str, code: str
) -> None:
    Host.asked.clear()
    assert refused(at(host, path)) == code
    assert len(Host.asked) <= 1, "redirects are not followed"


def test_a_host_that_sends_a_byte_now_and_then_is_given_up(
    host: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_images, "_SECONDS", 0.4)
    started = time.monotonic()
    assert refused(at(host, "drip")) == "missing"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/image",
        "http://127.0.0.2:{port}/image",
        "http://0.0.0.0:{port}/image",
        "http://2130706433:{port}/image",
        "http://0x7f.1:{port}/image",
        "http://127.0.0.1.evil.example:{port}/image",
        "http://127.0.0.1.:{port}/image",
        "http://127.0.0.1@evil.example/image",
        "http://evil.example\\@127.0.0.1:{port}/image",
        "http://user:secret@127.0.0.1:{port}/image",
        "http://evil.example#@127.0.0.1:{port}/image",
        "http://evil.example?@127.0.0.1:{port}/image",
        "http://127.0.0.1\\.evil.example:{port}/image",
        "http://127.0.0.1%2eevil.example:{port}/image",
        "http://evil.example[127.0.0.1]:{port}/image",
        "http://[::ffff:127.0.0.1]:{port}/image",
        "http://[::2]:{port}/image",
        "http://[::1:{port}/image",
        "http://127。0。0。1:{port}/image",
        "http://127.0.0.1:{port}:80/image",
        "http://127.0.0.1:99999/image",
        "http:127.0.0.1:{port}/image",
        "http:///127.0.0.1:{port}/image",
        "//127.0.0.1:{port}/image",
        "127.0.0.1:{port}/image",
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "ftp://127.0.0.1:{port}/image",
        "data:image/png;base64,eg==",
        "unix:///run/docker.sock",
        "",
        " ",
        "\ud800",
        "http://\ud800/",
    ],
)
def test_no_other_host_is_asked(host: ThreadingHTTPServer, url: str) -> None:
    Host.asked.clear()
    assert refused(url.replace("{port}", str(host.server_port))) == "url_not_allowed"
    assert Host.asked == []


@pytest.mark.parametrize("url", ["http://[::1]:1/x", "https://IMAGES.example.org:1/x"])
def test_names_of_hosts_have_no_case_and_addresses_may_be_of_version_6(
    url: str,
) -> None:
    assert refused(url) == "missing"  # allowed, and nobody is there


def test_without_an_allow_list_nothing_is_fetched(host: ThreadingHTTPServer) -> None:
    Host.asked.clear()
    assert refused(at(host, "image"), EndpointSettings()) == "url_not_allowed"
    assert Host.asked == []


def test_images_of_one_request_share_what_a_body_may_have(host: ThreadingHTTPServer) -> None:
    allowance = Allowance(len(DATA) + len(DATA) // 2)
    first = asyncio.run(fetch_image(at(host, "image"), "images[0].url", SETTINGS, allowance))
    assert first == DATA
    with pytest.raises(RequestError) as caught:
        asyncio.run(fetch_image(at(host, "image"), "images[1].url", SETTINGS, allowance))
    assert caught.value.faults[0][:2] == ("images[1].url", "too_many_bytes")
