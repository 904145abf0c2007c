"""Web addresses: asked again where that helps, left alone where it does not, sent as they are."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pyarrow as pa
import pytest

from actors.images.errors import ImageError
from actors.images.fetch import fetch
from actors.images.web import WebLimits, WebReader
from actors.images.web_requests import (
    USER_AGENT_VARIABLE,
    as_sent,
    is_web,
    retry_after,
    user_agent,
)
from tests.helpers.misbehaving_web import (
    MisbehavingWeb,
    misbehaving_web,
    one_after_another,
    resets,
    sends,
    waits,
)

QUICK = WebLimits(attempts=4, connect_s=5, read_s=5, whole_s=20, backoff_s=0.01, silent_s=60)
IMPATIENT = WebLimits(attempts=4, connect_s=1, read_s=0.5, whole_s=2, backoff_s=0.01, silent_s=60)


_opened: list[WebReader] = []


def opened(limits: WebLimits) -> WebReader:
    """A reader that the test closes."""
    _opened.append(WebReader(limits))
    return _opened[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


@pytest.fixture
def web() -> Iterator[MisbehavingWeb]:
    with misbehaving_web() as server:
        yield server


def failure(reader: WebReader, address: str, limit: int = 1000) -> tuple[str, str]:
    with pytest.raises(ImageError) as caught:
        reader.read(address, limit)
    return caught.value.code, caught.value.detail


BROKEN_ONCE = {
    **{f"{code}": sends(b"busy", code) for code in (408, 425, 429, 500, 502, 503, 504, 522)},
    "reset": resets,
    "short": sends(b"half", claimed=4000),
}


@pytest.mark.parametrize("rule", BROKEN_ONCE.values(), ids=BROKEN_ONCE.keys())
def test_what_passes_is_asked_again(web: MisbehavingWeb, rule: Any) -> None:
    web.rules["/a.jpg"] = one_after_another(rule, rule, sends(b"image"))
    assert opened(QUICK).read(f"{web.url}/a.jpg", 10_000) == b"image"
    assert len(web.times("/a.jpg")) == 3


@pytest.mark.parametrize("rule", BROKEN_ONCE.values(), ids=BROKEN_ONCE.keys())
def test_attempts_end(web: MisbehavingWeb, rule: Any) -> None:
    web.rules["/a.jpg"] = rule
    code, detail = failure(opened(QUICK), f"{web.url}/a.jpg", 10_000)
    # of a connection that ends at once aiohttp itself makes another
    assert (code, len(web.times("/a.jpg"))) == ("storage_error", 8 if rule is resets else 4)
    assert "asked 4 times" in detail


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, "missing") for status in (404, 410)),
        *((status, "no_permission") for status in (401, 403, 451)),
        *((status, "storage_error") for status in (400, 418, 501, 204)),
    ],
)
def test_what_stays_is_asked_once(web: MisbehavingWeb, status: int, code: str) -> None:
    web.rules["*"] = sends(b"", status)
    assert failure(opened(QUICK), f"{web.url}/a.jpg")[0] == code
    assert len(web.asked) == 1


@pytest.mark.slow
def test_retry_after_holds_for_the_whole_host(web: MisbehavingWeb) -> None:
    web.rules["/a.jpg"] = one_after_another(sends(b"", 429, Retry_After="1"), sends(b"a"))
    web.rules["/b.jpg"] = sends(b"b")
    reader = opened(QUICK)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(reader.read, f"{web.url}/a.jpg", 10)
        while not web.asked:
            time.sleep(0.01)
        time.sleep(0.2)
        assert reader.read(f"{web.url}/b.jpg", 10) == b"b"
        assert first.result() == b"a"
    began = web.asked[0][2]
    assert all(at - began > 0.9 for _, _, at in web.asked[1:])


def test_retry_after_is_a_number_or_a_date(web: MisbehavingWeb) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    assert retry_after("2") == 2
    assert 3590 < (retry_after(in_an_hour) or 0) < 3601
    assert retry_after(None) is retry_after("soon") is None
    web.rules["*"] = sends(b"", 503, Retry_After=in_an_hour)
    began = time.monotonic()
    code, detail = failure(opened(QUICK), f"{web.url}/a.jpg")
    assert time.monotonic() - began < 20
    assert code == "storage_error"
    assert "asks to wait 3" in detail


SIGNED = (
    "/b/k.jpg?X-Amz-Signature=a%2Fb&x=%7E&y=a+b&z=%2f~!*'();:@&=,[]|",
    "/%27q%27.jpg",
    "/a/../b//c.jpg?x",
    "/a%20b%C3%A9.jpg?sig=AbC%3D%3d",
    "/x.jpg?a=%E2%82%AC&b=%25&c=%",
)


@pytest.mark.parametrize("target", SIGNED)
def test_addresses_are_sent_byte_for_byte(web: MisbehavingWeb, target: str) -> None:
    web.rules["*"] = sends(b"image")
    web.rules["/moved"] = sends(b"", 302, Location=web.url + target)
    reader = opened(QUICK)
    for address in (web.url + target, f"{web.url}/moved"):
        assert reader.read(address, 10) == b"image"
        assert web.asked[-1][0] == target


def test_what_no_request_may_carry_is_encoded() -> None:
    assert as_sent(" HTTP://h.org/a b é.jpg?q=ü#part ") == (
        "http://h.org/a%20b%20%C3%A9.jpg?q=%C3%BC"
    )
    assert as_sent("https://bücher.example:81/x") == "https://xn--bcher-kva.example:81/x"
    assert as_sent("http://h.org?x=1") == "http://h.org/?x=1"
    assert as_sent("http://u:p@h.org/%7e") == "http://u:p@h.org/%7e"
    for wrong in ("http://", "http:///a.jpg", "http://h:x/a.jpg", "http://[::1/a.jpg"):
        with pytest.raises(ImageError, match="is no address"):
            as_sent(wrong)
    assert is_web("HTTPS://x/y")
    assert not is_web("s3://x/y")


def test_redirects(web: MisbehavingWeb) -> None:
    web.rules["/image.jpg"] = sends(b"image")
    web.rules["/1"] = sends(b"", 301, Location="/2")
    web.rules["/2"] = sends(b"", 307, Location="image.jpg")
    web.rules["/round"] = sends(b"", 302, Location="/round")
    web.rules["/away"] = sends(b"", 302, Location="file:///etc/passwd")
    reader = opened(QUICK)
    assert reader.read(f"{web.url}/1", 10) == b"image"
    assert "more than 10 redirects" in failure(reader, f"{web.url}/round")[1]
    assert "no web address" in failure(reader, f"{web.url}/away")[1]


def test_the_limit_holds_while_reading(web: MisbehavingWeb) -> None:
    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(2000):
            handler.wfile.write(b"x" * 100_000)

    web.rules["/endless"] = endless
    web.rules["/long"] = sends(b"x", claimed=10**9)
    reader = opened(QUICK)
    tracemalloc.start()
    assert failure(reader, f"{web.url}/endless", 1_000_000)[0] == "too_many_bytes"
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
    assert failure(reader, f"{web.url}/long", 1_000_000) == (
        "too_many_bytes",
        "1000000000 bytes; the limit is 1000000",
    )


@pytest.mark.slow
def test_a_host_that_never_answers_costs_one_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as dead:
        url = f"http://127.0.0.1:{dead.getsockname()[1]}"
        reader = opened(IMPATIENT)
        began = time.monotonic()
        code, detail = failure(reader, f"{url}/0.jpg")
        assert (code, "did not answer in time" in detail) == ("storage_error", True)
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda n: failure(reader, f"{url}/{n}.jpg"), range(200)))
        assert time.monotonic() - began < 10  # of 200 times 0.5
    assert {code for code, _ in found} == {"storage_error"}
    assert all("not asked, since its host did not answer" in detail for _, detail in found)


@pytest.mark.slow
def test_a_host_that_dies_is_asked_again_after_a_while(web: MisbehavingWeb) -> None:
    reader = opened(WebLimits(attempts=2, read_s=0.5, backoff_s=0.01, silent_s=2))
    web.rules["*"] = waits(3)
    assert "did not answer" in failure(reader, f"{web.url}/a.jpg")[1]
    web.rules["*"] = sends(b"back")
    assert "not asked" in failure(reader, f"{web.url}/b.jpg")[1]
    time.sleep(2.1)
    assert reader.read(f"{web.url}/c.jpg", 10) == b"back"


@pytest.mark.slow
def test_one_slow_address_is_not_its_host(web: MisbehavingWeb) -> None:
    web.rules["*"] = sends(b"image")
    web.rules["/slow"] = waits(3)
    reader = opened(IMPATIENT)
    assert reader.read(f"{web.url}/a.jpg", 10) == b"image"
    assert "did not answer" in failure(reader, f"{web.url}/slow")[1]
    assert reader.read(f"{web.url}/b.jpg", 10) == b"image"


def test_a_host_that_is_not_there_is_soon_given_up() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    reader = opened(QUICK)
    assert "cannot be reached" in failure(reader, f"{url}/a.jpg")[1]
    assert "not asked, since its host cannot be reached" in failure(reader, f"{url}/b.jpg")[1]


@pytest.mark.slow
def test_requests_to_a_host_at_once_are_few(web: MisbehavingWeb) -> None:
    def slowly(handler: Any) -> None:
        time.sleep(0.05)
        sends(b"image")(handler)

    web.rules["*"] = slowly
    reader = opened(WebLimits(per_host=3))
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: reader.read(f"{web.url}/{n}", 10), range(24)))
    assert found == [b"image"] * 24
    assert web.most == 3


def test_the_user_agent_names_the_program(
    web: MisbehavingWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.rules["*"] = sends(b"image", Set_Cookie="a=b")
    reader = opened(QUICK)
    reader.read(f"{web.url}/a.jpg", 10)
    reader.read(f"{web.url}/a.jpg", 10)
    headers = web.asked[-1][1]
    assert headers["user-agent"].startswith("onoma/")
    assert "cookie" not in headers
    monkeypatch.setenv(USER_AGENT_VARIABLE, "museum/1 (curator@museum.example)")
    assert user_agent() == "museum/1 (curator@museum.example)"


def test_proxies_come_from_the_environment(
    web: MisbehavingWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", web.url)
    web.rules["*"] = sends(b"through the proxy")
    reader = opened(QUICK)
    address = "http://images.invalid/a.jpg?s=%2f~'"
    assert reader.read(address, 100) == b"through the proxy"
    assert web.asked[-1][0] == address
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert reader.read(f"{web.url}/direct", 100) == b"through the proxy"
    assert web.asked[-1][0] == "/direct"


def test_a_batch_of_addresses(web: MisbehavingWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.images.web.LIMITS", QUICK)
    web.rules["/a.jpg"] = one_after_another(sends(b"", 503), sends(b"a"))
    web.rules["/empty.jpg"] = sends(b"")
    names = ("/a.jpg", "/gone.jpg", "/empty.jpg")
    batch = pa.table({"image_id": [1, 2, 3], "uri": [web.url + name for name in names]})
    found = fetch(batch)
    assert found.column("bytes").to_pylist() == [b"a", None, None]
    assert found.column("error").to_pylist() == [None, "missing", "empty_file"]
