"""Hostile requests: bodies, headers, methods and paths that nobody means well by.

Each is a `Case`: bytes to send, a way of sending them, and the statuses that are right. Where HTTP
itself is broken the server may also just close the connection, or answer in plain text.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

from tests.actors.broken_images import JPEG

from benchmarks.serve.broken_images import broken_image
from benchmarks.serve.http_client import (
    BOUNDARY,
    file_part,
    json_request,
    multipart,
    request,
    text_part,
)

Manner = Literal["ask", "alone", "end", "drip", "stall", "leave", "vanish"]
"""How a case is sent: on a kept connection; on one of its own; then the sending side closed; in
pieces; in part and then nothing; in part and then gone; whole and gone before the answer."""

OK, BAD_BODY, INVALID = (200,), (400,), (422,)
REFUSED = (400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 416, 417, 422, 426, 431)
ANY = (*OK, *REFUSED)
CLASSIFY = "/v1/classify"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


class Case(NamedTuple):
    """One request.

    Attributes:
        kind: what is hostile about it.
        data: the bytes to send.
        statuses: those that are right.
        manner: how to send it.
        broken_http: no answer, or one in plain text, is right too.
    """

    kind: str
    data: bytes
    statuses: tuple[int, ...]
    manner: Manner = "ask"
    broken_http: bool = False


def _form(body: bytes, content_type: str = FORM) -> bytes:
    return request(CLASSIFY, body, method="POST", content_type=content_type)


def good(rng: random.Random) -> Case:
    """What a client that means well sends."""
    count = rng.choice((1, 1, 2, 5))
    if rng.random() < 0.5:
        parts = [file_part(JPEG, f"{i}.jpg") for i in range(count)]
        return Case("good multipart", multipart([*parts, text_part("top_k", "3")]), OK)
    images = [{"data": base64.b64encode(JPEG).decode(), "name": f"{i}"} for i in range(count)]
    return Case("good JSON", json_request({"images": images, "top_k": 3}), OK)


def image(rng: random.Random) -> Case:
    """A broken image, sometimes among good ones."""
    file = broken_image(rng)
    others = [file_part(JPEG)] * rng.choice((0, 0, 0, 2))
    if rng.random() < 0.7:
        data = multipart([*others, file_part(file.data, file.name)])
        return Case("image, multipart", data, file.statuses)
    document = {"images": [{"data": base64.b64encode(file.data).decode(), "name": file.name}]}
    return Case("image, JSON", json_request(document), file.statuses)


_HEAD = f"--{BOUNDARY}\r\n".encode()
_LONG_HEAD = _HEAD + b"Content-Disposition: form-data; name=" + b"a" * 200_000 + b"\r\n\r\nx\r\n"
_MANY_HEADS = _HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(20_000)) + b"\r\nx\r\n"


@cache
def _many_files(count: int) -> bytes:
    return multipart([file_part(b"x", f"{i}") for i in range(count)])


@cache
def _many_fields(count: int) -> bytes:
    return multipart([*(text_part(f"f{i}", "x") for i in range(count)), file_part(JPEG)])


def hostile_form(rng: random.Random) -> Case:
    """A multipart body that is no proper one, or asks for too much."""
    part, end = file_part(JPEG), f"--{BOUNDARY}--\r\n".encode()
    nested = (
        _HEAD + b"Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--in--\r\n"
    )
    bare = _HEAD + b"Content-Disposition: form-data; filename=x\r\n\r\n" + JPEG + b"\r\n"
    no_head = _HEAD + b"\r\n" + JPEG + b"\r\n"
    star = _HEAD + b"Content-Disposition: form-data; name=images; filename*=x''%ff%00\r\n\r\nx\r\n"
    name = rng.choice(
        ("", " ", "\udcff\udcfe", "../../etc/passwd", "a\0b", "%00", "\u202e", "é" * 99)
    )
    cases: tuple[tuple[bytes, tuple[int, ...]], ...] = (
        (_form(part + end, "multipart/form-data"), BAD_BODY),
        (_form(part + end, "multipart/form-data; boundary="), BAD_BODY),
        (_form(part + end, "multipart/form-data; boundary=other"), REFUSED),
        (_form(part + end, f"multipart/form-data; boundary={'b' * 5000}"), REFUSED),
        (_form(part + end, f"multipart/mixed; boundary={BOUNDARY}"), (415,)),
        (_form(part + end, f"{FORM}; charset=no-such-charset"), ANY),
        (_form(part), REFUSED),
        (_form(part[: rng.randrange(len(part))]), REFUSED),
        (_form(end), INVALID),
        (_form(b""), REFUSED),
        (_form(rng.randbytes(5000)), BAD_BODY),
        (_form(rng.randbytes(50) + part + end), ANY),
        (_form(part + end + rng.randbytes(5000)), ANY),
        (_form(nested + end), REFUSED),
        (_form(_LONG_HEAD + end), REFUSED),
        (_form(_MANY_HEADS + end), REFUSED),
        (_form(bare + end), REFUSED),
        (_form(no_head + end), REFUSED),
        (_form(star + end), REFUSED),
        (_many_files(rng.choice((33, 1000, 5000))), INVALID),
        (_many_fields(rng.choice((5, 5000))), (400, 422)),
        (multipart([text_part("images", "text")]), INVALID),
        (multipart([part, text_part("top_k", "3"), text_part("top_k", "4")]), INVALID),
        (multipart([file_part(JPEG, field=name)]), INVALID),
        (multipart([file_part(JPEG, name)]), ANY),
        (multipart([part, text_part(name or "unknown", "x")]), REFUSED),
        (multipart([part, text_part("top_k", rng.choice(_NUMBERS))]), INVALID),
        (multipart([part, text_part("threshold", rng.choice(_NUMBERS))]), ANY),
        (multipart([part, text_part("classifier", name or "unknown")]), REFUSED),
    )
    data, statuses = rng.choice(cases)
    return Case("hostile multipart", data, statuses)


_NUMBERS = ("0", "-1", "101", "1e9", "9" * 400, "NaN", "inf", "-inf", "0x5", "5.5", "five", "[]")
_LITERALS = (
    *("NaN", "Infinity", "-1e999", "9" * 5000, "1e400", "true", "null", '"5"', "[]", "{}", "-0"),
    *('"\\ud800"', '"\\u0000"', "5.0", "1" + "0" * 300),
)
_URLS = (
    *("http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"),
    *(
        "http://[::1]/",
        "http://localhost:8265/",
        "gopher://x",
        "//x",
        "",
        "http://",
        "http://a" * 300,
    ),
    *("http://user@127.0.0.1/", "http://0x7f000001/", "data:image/png;base64,AAAA", "ray://x"),
)


_MANY_IMAGES = b'{"images": [%s]}' % b",".join([b'{"data": ""}'] * 10_000)
_MANY_NUMBERS = b'{"images": [%s]}' % b",".join([b"1"] * 100_000)
_MANY_MEMBERS = b"{%s}" % b",".join(b'"k%d": 1' % i for i in range(50_000))


def hostile_json(rng: random.Random) -> Case:
    """A JSON body that is broken, deep, large or wrong."""
    data = json.dumps(base64.b64encode(JPEG).decode()).encode()
    literal = rng.choice(_LITERALS).encode()
    deep = rng.choice((100, 5000, 200_000))
    member = rng.choice((b"top_k", b"threshold", b"classifier", b"images", b"extra"))
    texts: tuple[tuple[bytes, tuple[int, ...]], ...] = (
        (b"[" * deep + b"]" * deep, REFUSED),
        (b'{"images":' * deep + b"1" + b"}" * deep, REFUSED),
        (b'{"images": ' + b"[" * deep, REFUSED),
        (b'{"images": [{"data": %s}], "%s": %s}' % (data, member, literal), ANY),
        (b'{"images": [{"data": %s}]}' % literal, REFUSED),
        (b'{"images": [{"data": %s, "name": %s}]}' % (data, literal), ANY),
        (b'{"images": %s}' % literal, REFUSED),
        (literal, REFUSED),
        (b'{"images": [{"data": %s}], "top_k": 1, "top_k": "x"}' % data, REFUSED),
        (b'{"images": [{"data": %s}], "images": []}' % data, REFUSED),
        (b'{"images": [{}]}', INVALID),
        (b'{"images": [null]}', INVALID),
        (b'{"images": []}', INVALID),
        (b'{"images": [{"data": %s, "url": "https://x/"}]}' % data, INVALID),
        (_MANY_IMAGES, INVALID),
        (_MANY_NUMBERS, INVALID),
        (_MANY_MEMBERS, REFUSED),
        (json.dumps({"images": [{"url": rng.choice(_URLS)}]}).encode(), REFUSED),
        (json.dumps({"images": [{"data": _bad_base64(rng)}]}).encode(), REFUSED),
        (b"", REFUSED),
        (b"\xff\xfe" + '{"images": []}'.encode("utf-16-le"), REFUSED),
        (b'\xef\xbb\xbf{"images": []}', REFUSED),
        (rng.randbytes(500), REFUSED),
        (b'{"images": [{"data": %s}]' % data, REFUSED),
        (b"images=1&top_k=2", REFUSED),
    )
    text, statuses = rng.choice(texts)
    return Case("hostile JSON", json_request(text), statuses)


def _bad_base64(rng: random.Random) -> str:
    right = base64.b64encode(JPEG).decode()
    wrong = ("====", "a", "é" * 10, "!" * 100, " ", "\x00", right[:-3], right + "=", "A" * 100_001)
    return rng.choice((*wrong, f"data:image/png;base64,{right[:50]}", "data:," + right, "," * 50))


def head(rng: random.Random) -> Case:
    """Headers, methods and paths that are odd or break HTTP."""
    body = multipart([file_part(JPEG)]).partition(b"\r\n\r\n")[2]
    start = f"POST {CLASSIFY} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n".encode()
    method = rng.choice(("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO", "get", "CONNECT"))
    paths = (
        "/v1/",
        "/v1/classify/",
        "//v1/classify",
        "/../../etc/passwd",
        "/%00",
        "/%ff%fe",
        "/.env",
    )
    path = rng.choice(
        (*paths, "/docs/%2e%2e/%2e%2e/etc/passwd", "/" + "a" * 5000, "/v1/classify?x=%")
    )
    kind = rng.choice(
        ("text/plain", "image/jpeg", "", "application/x-www-form-urlencoded", "\udcff", "/")
    )
    length = rng.choice((b"-1", b"x", b"1e3", b"99999999999999999999999", b"0x10", b"1, 2", b""))
    chunked = start + b"Transfer-Encoding: chunked\r\n"
    fault = "broken HTTP"
    cases = (
        Case("method", request(CLASSIFY, method=method), REFUSED, "alone", True),
        Case("path", request(path, method=rng.choice(("GET", "POST"))), (*ANY, 307), "alone", True),
        Case("type", request(CLASSIFY, body, method="POST", content_type=kind), (400, 415)),
        Case("header", request("/healthz", headers=[("X", "y" * 10_000)]), ANY, "alone", True),
        Case("header", request("/healthz", headers=[("X", "y" * 200_000)]), ANY, "alone", True),
        Case("header", request("/healthz", headers=[("X", "y")] * 5000), ANY, "alone", True),
        Case(fault, request("/healthz", headers=[("X", "\0")]), ANY, "alone", True),
        Case(fault, start + b"Content-Length: " + length + b"\r\n\r\n" + body, ANY, "end", True),
        Case("announced", start + b"Content-Length: 99999999999\r\n\r\n", (413,), "alone"),
        Case("cut body", start + b"Content-Length: 99999\r\n\r\n" + body, REFUSED, "end", True),
        Case("cut length", start + b"Content-Length: 99\r\n\r\n" + body, REFUSED, "alone", True),
        Case(fault, chunked + b"Content-Length: 5\r\n\r\n0\r\n\r\n", REFUSED, "end", True),
        Case(fault, chunked + b"\r\nzz\r\n" + body, REFUSED, "end", True),
        Case("chunked", chunked + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), OK, "alone"),
        Case(
            "expect",
            start + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body) + body,
            OK,
        ),
        Case(fault, rng.randbytes(300), REFUSED, "end", True),
        Case(fault, b"GET / HTTP/9.9\r\n\r\n", ANY, "end", True),
        Case(fault, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", REFUSED, "end", True),
        Case("encoded", start + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", REFUSED),
    )
    return rng.choice(cases)


def manners(rng: random.Random) -> Case:
    """A good request sent badly: in pieces, or by a client that leaves."""
    data = multipart([file_part(JPEG)])
    return rng.choice(
        (
            Case("slow body", data, OK, "drip"),
            Case("left early", data[: rng.randrange(1, len(data))], (), "leave"),
            Case("left before the answer", data, (), "vanish"),
            Case("left before the answer", multipart([file_part(JPEG)] * 30), (), "vanish"),
        )
    )


def stalled(_: random.Random) -> Case:
    """A body of which nothing comes after the first half."""
    data = multipart([file_part(JPEG)])
    return Case("stalled body", data[: len(data) // 2], (408,), "stall")


def oversized(rng: random.Random) -> Case:
    """A body above the limit, announced or not."""
    size = 40 << 20
    start = f"POST {CLASSIFY} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n".encode()
    if rng.random() < 0.5:
        data = start + b"Content-Length: %d\r\n\r\n" % size + bytes(size)
    else:
        piece = b"10000\r\n" + bytes(65_536) + b"\r\n"
        data = start + b"Transfer-Encoding: chunked\r\n\r\n" + piece * (size >> 16) + b"0\r\n\r\n"
    return Case("oversized", data, (413,), "alone", True)


def reading(rng: random.Random) -> Case:
    """The other paths."""
    path = rng.choice(("/", "/docs", "/openapi.json", "/healthz", "/v1/classifiers", "/metrics"))
    return Case("reading", request(path), OK)


_WEIGHTS: dict[Callable[[random.Random], Case], float] = {
    good: 20,
    image: 30,
    hostile_form: 20,
    hostile_json: 20,
    head: 8,
    manners: 4,
    reading: 3,
    oversized: 0.2,
    stalled: 0.05,
}


def case(seed: int, index: int) -> Case:
    """Make the case of a number: the same one for the same seed, whatever came before."""
    rng = random.Random(f"{seed}:{index}")
    return rng.choices([*_WEIGHTS], [*_WEIGHTS.values()])[0](rng)
