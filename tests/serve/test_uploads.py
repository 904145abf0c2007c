"""What a request may look like, without an endpoint around it: bodies, fields, names, limits."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serve.problems import RequestError
from serve.settings import EndpointSettings
from serve.uploads import read_upload

SETTINGS = EndpointSettings(max_body=600_000, max_images=3, upload_seconds=0.3)
FORM = "multipart/form-data; boundary=b"


async def upload(request: Request) -> Response:
    """Say what was read."""
    try:
        read = await read_upload(request, SETTINGS)
    except RequestError as refused:
        return refused.response()
    images = [base64.b64encode(image).decode() for image in read.images]
    return JSONResponse({**read.options.model_dump(), "names": read.names, "images": images})


APP = Starlette(routes=[Route("/", upload, methods=["POST"])])


def post(**content: Any) -> httpx.Response:
    """Send one request."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/", **content)

    return asyncio.run(send())


def part(name: str, content: bytes, *more: str) -> bytes:
    """One part of a form, its header written by hand."""
    disposition = "; ".join([f'form-data; name="{name}"', *more])
    head = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + content + b"\r\n"


def image(content: bytes = b"x", filename: str = "x.jpg") -> bytes:
    """A part that is an image."""
    return part("images", content, f'filename="{filename}"')


def form(*parts: bytes, kind: str = FORM) -> httpx.Response:
    """Send a form."""
    body = b"".join(parts) + b"--b--\r\n"
    return post(content=body, headers={"Content-Type": kind})


def document(*images: Any, **options: Any) -> httpx.Response:
    """Send JSON; bytes are images, anything else is sent as it is."""
    told = [
        {"data": base64.b64encode(each).decode()} if isinstance(each, bytes) else each
        for each in images
    ]
    return post(json={"images": told, **options})


def refused(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, code, and the fields at fault."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    return problem["status"], problem["code"], [each["field"] for each in problem["errors"]]


BINARY = bytes(range(256)) + b"\r\n--bb\r\n--b-\r\n"


@pytest.mark.parametrize("size", [0, 3, 300_000])
def test_forms_and_json_are_read_alike(size: int) -> None:
    images = [BINARY, b"y" * size, b""]
    sent = [
        form(
            part("threshold", b"0.25"),
            *(image(each, f"{at}.jpg") for at, each in enumerate(images)),
            part("classifier", "vögel".encode()),
            part("top_k", b"7"),
        ),
        document(
            *(
                {"data": base64.b64encode(each).decode(), "name": f"{at}.jpg"}
                for at, each in enumerate(images)
            ),
            classifier="vögel",
            top_k=7,
            threshold=0.25,
        ),
    ]
    for answer in sent:
        assert answer.status_code == 200, answer.text
        read = answer.json()
        assert [base64.b64decode(each) for each in read.pop("images")] == images
        names = ["0.jpg", "1.jpg", "2.jpg"]
        assert read == {"classifier": "vögel", "top_k": 7, "threshold": 0.25, "names": names}


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=b",
        'Multipart/Form-Data ; charset=utf-8; boundary="b"',
        "MULTIPART/FORM-DATA;BOUNDARY=b;charset=no-such-charset",
    ],
)
def test_a_form_may_be_announced_in_any_case_and_with_parameters(kind: str) -> None:
    assert form(image(b"z"), kind=kind).json()["images"] == ["eg=="]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_may_be_too(kind: str) -> None:
    body = b' {"images": [{"data": "eg=="}], "top_k": 1} '
    assert post(content=body, headers={"Content-Type": kind}).json()["top_k"] == 1


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("鳥 \U0001f99c.jpg", None),
        ("<script>alert(1)</script>&amp;.jpg", None),
        ("../../etc/passwd", None),
        ("Screenshot 3.45\u202fPM\u00a0.png", None),
        ("\U0001f469\u200d\U0001f33e.jpg", None),
        ("a\x00b\x1b[31m.jpg", "a�b�[31m.jpg"),
        ("line\u2028break\x85.jpg", "line�break�.jpg"),
        ("x" * 600, "x" * 500),
        ("", None),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("how", ["form", "json"])
def test_names_come_back_as_sent_but_for_what_no_page_can_show(
    sent: str, read: str | None, how: str
) -> None:
    wanted: str | None = sent if read is None else read
    if how == "form":
        wanted = wanted or None
        answer = form(image(filename=sent))
    else:
        answer = document({"data": "eg==", "name": sent[:500]})
    assert answer.json()["names"] == [wanted], answer.text


def test_a_name_in_another_encoding_does_no_harm() -> None:
    assert form(image(filename="caf\udce9.jpg")).json()["names"] == ["café.jpg"]


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "image/jpeg", "multipart/mixed; boundary=b"]
)
def test_other_kinds_of_body_are_not_read(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    assert refused(post(content=b"x", headers=headers)) == (415, "unsupported_content_type", [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--other\r\n\r\nx\r\n--other--",
        b"--b\r\nContent-Disposition form-data\r\n\r\nx\r\n--b--",
        b"--b\r\n\r\nno disposition\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; filename="x"\r\n\r\nx\r\n--b--',
        image(b"whole") + image(b"cut off")[:-4],
        image(b"whole"),
    ],
    ids=range(8),
)
def test_a_form_that_is_none_or_not_whole_is_malformed(body: bytes) -> None:
    answer = post(content=body, headers={"Content-Type": FORM})
    assert refused(answer) == (400, "malformed_body", [])


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=" + "b" * 300]
)
def test_a_form_without_a_usable_boundary_is_malformed(kind: str) -> None:
    assert refused(form(image(), kind=kind)) == (400, "malformed_body", [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"images": [}',
        b"\xff\xfe\x00",
        b'{"images": [{"data": "\\ud800"}]}',
        b"[" * 100_000,
        b'{"images": [{"data": "eg=="}]} and more',
    ],
    ids=range(7),
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    answer = post(content=body, headers={"Content-Type": "application/json"})
    assert refused(answer) == (400, "malformed_body", [])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ([], ["body"]),
        ({}, ["images"]),
        ({"images": []}, ["images"]),
        ({"images": "eg=="}, ["images"]),
        (
            {"images": [None, {"data": 5}, {"date": ""}]},
            ["images[0]", "images[1].data", "images[2].date"],
        ),
        ({"images": [{}, {"data": "eg==", "url": "http://a/"}]}, ["images[0]", "images[1]"]),
        (
            {"images": [{"data": "eg=="}, {"data": "*"}, {"data": "é"}]},
            ["images[1].data", "images[2].data"],
        ),
        ({"images": [{"url": "http://a/"}]}, ["images[0].url"]),
        ({"images": [{"data": "", "name": "x" * 501}]}, ["images[0].name"]),
        ({"images": [{"data": ""}], "top_k": 0}, ["top_k"]),
        ({"images": [{"data": ""}], "top_k": 101, "threshold": 1e308}, ["top_k", "threshold"]),
        ({"images": [{"data": ""}], "top_k": 2.5}, ["top_k"]),
        ({"images": [{"data": ""}], "threshold": "NaN"}, ["threshold"]),
        ({"images": [{"data": ""}], "classifier": ["birds"]}, ["classifier"]),
        ({"images": [{"data": ""}], "<b>\u2028": 1}, ["<b>�"]),
    ],
    ids=range(15),
)
def test_json_that_cannot_be_meant_names_every_field_at_fault(body: Any, fields: list[str]) -> None:
    status, code, found = refused(post(json=body))
    assert (status, sorted(found)) == (422, sorted(fields))
    assert code == ("unreadable_images" if "url" in fields[0] else "invalid_request")


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        ([], ["images"]),
        ([part("images", b"text")], ["images"]),
        ([part("image", b"x", 'filename="x"')], ["image"]),
        ([image(), part("top_k", b"five")], ["top_k"]),
        ([image(), part("top_k", b"5"), part("top_k", b"5")], ["top_k"]),
        ([image(), part("threshold", b"inf")], ["threshold"]),
        ([image(), part("classifier", b"c" * 201)], ["classifier"]),
        ([image(), part("topk", b"5")], ["topk"]),
    ],
    ids=range(8),
)
def test_form_fields_that_cannot_be_meant_are_named(parts: list[bytes], fields: list[str]) -> None:
    assert refused(form(*parts)) == (422, "invalid_request", fields)


def test_empty_form_fields_are_those_not_filled_in() -> None:
    answer = form(image(), *(part(name, b"") for name in ("classifier", "top_k", "threshold")))
    assert (answer.status_code, answer.json()["top_k"]) == (200, 5)


def test_the_limit_of_images_is_that_of_both_kinds_of_body() -> None:
    assert form(*[image()] * 3).status_code == document(*[b"x"] * 3).status_code == 200
    for answer in (form(*[image()] * 4), document(*[b"x"] * 4)):
        assert refused(answer) == (422, "too_many_images", ["images"])


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_not_read_to_its_end(announced: bool) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 40:
            sent += 1
            yield b"x" * 100_000

    headers = {"Content-Type": FORM}
    if announced:
        headers["Content-Length"] = "4000000"
    assert refused(post(content=body(), headers=headers)) == (413, "body_too_large", [])
    assert sent <= (1 if announced else 8)


def test_a_body_of_just_the_limit_is_read() -> None:
    frame = len(image(b"")) + len(b"--b--\r\n")
    room = SETTINGS.max_body - frame
    assert form(image(b"x" * room)).status_code == 200
    assert form(image(b"x" * (room + 1))).status_code == 413


def test_a_slow_body_is_given_up() -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x"
            await asyncio.sleep(0.1)

    answer = post(content=body(), headers={"Content-Type": FORM})
    assert refused(answer) == (408, "slow_body", [])


@pytest.mark.parametrize(
    ("prefix", "good"),
    [
        ("data:image/jpeg;base64,", True),
        ("data:image/svg+xml;charset=utf-8;base64,", True),
        ("data:image/jpeg,", False),
        ("http://a/,", False),
        (" ", False),
    ],
)
def test_data_addresses_are_base64_too(prefix: str, good: bool) -> None:
    for content in (b"z", b"z" * 250_000):
        text = prefix + base64.b64encode(content).decode()
        answer = document({"data": text})
        assert answer.status_code == (200 if good else 422)
        if good:
            assert base64.b64decode(answer.json()["images"][0]) == content


def mutants() -> Iterator[bytes]:
    """A good form, damaged in every way that one byte can damage its heads."""
    good = image(b"x") + part("top_k", b"5") + b"--b--\r\n"
    for at in range(len(good)):
        yield good[:at] + b"\xff" + good[at + 1 :]
        yield good[:at] + good[at + 1 :]


def test_no_damage_to_a_form_makes_the_reader_fail() -> None:
    async def send() -> set[int]:
        found = set()
        transport = httpx.ASGITransport(APP)  # raises what the application raises
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for body in mutants():
                answer = await client.post("/", content=body, headers={"Content-Type": FORM})
                found.add(answer.status_code)
        return found

    assert asyncio.run(send()) == {200, 400, 422}
