"""The endpoint as its clients meet it: answers as a job's labels, and a problem for all else."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pyarrow as pa
import pyarrow.dataset as pads
import pytest

from actors.classifier_store import load_classifier, save_classifier
from actors.clip.model import FIELD_GUIDE, resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.images.decode import decode
from actors.labels.classifier import ClassifierLabels, MultiLabels
from fieldguide.archive import draw_archive
from fieldguide.scenes import CATEGORIES
from fieldguide.world import NAMES
from serve.catalogue import ClassifierRef
from serve.deploying import deploy
from serve.messages import ClassifyAnswer
from tests.helpers.broken_images import FILES, JPEG, PNG, encoded, picture

pytestmark = pytest.mark.cluster
PROBLEM = "application/problem+json"
CLASSIFY = "/v1/classify"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def http(endpoint: Any) -> Iterator[httpx.Client]:
    """Plain HTTP to the endpoint."""
    with httpx.Client(base_url=endpoint.url, timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def photos(birds: Path, bird_paths: list[str]) -> list[bytes]:
    """The archive's images, in truth order."""
    return [(birds / "images" / path).read_bytes() for path in bird_paths]


def send(http: httpx.Client, kind: str, images: list[bytes], **options: Any) -> httpx.Response:
    """Ask with a form or with JSON; images are called 0.jpg, 1.jpg, ..."""
    if kind == "form":
        files = [("images", (f"{at}.jpg", data)) for at, data in enumerate(images)]
        return http.post(CLASSIFY, files=files, data={k: str(v) for k, v in options.items()})
    told = [
        {"data": base64.b64encode(data).decode(), "name": f"{at}.jpg"}
        for at, data in enumerate(images)
    ]
    return http.post(CLASSIFY, json={"images": told, **options})


def good(answer: httpx.Response) -> ClassifyAnswer:
    """An answer that must be one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return ClassifyAnswer.model_validate_json(answer.content)


def problem(answer: httpx.Response, status: int, code: str, *faults: tuple[str, str]) -> Row:
    """A problem document that must be one, with these fields and codes."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told: Row = answer.json()
    assert told.keys() == {"type", "title", "status", "code", "detail", "errors"}
    assert (told["type"], told["status"], told["code"]) == ("about:blank", status, code)
    assert told["title"]
    assert told["detail"]
    assert [(each["field"], each["code"]) for each in told["errors"]] == list(faults)
    return told


def labelled(stage: type[ClassifierLabels], folder: Path | str, files: list[bytes]) -> list[Row]:
    """What the last stage of a labelling job makes of files."""
    model = resolve_clip(FIELD_GUIDE)
    nothing = pa.nulls(len(files), pa.string())
    table = pa.table({"bytes": files, "error": nothing, "error_detail": nothing})
    for field in stage.schema:
        if field.name in ("image_id", "path", "uri"):
            table = table.append_column(field, pa.nulls(len(files), field.type))
    runtime = ClipRuntime(model, device="cpu", threads=1)
    actor = stage(runtime, load_classifier(str(folder)).dump())
    return actor(decode(table, model.preprocessing)).to_pylist()


def same(answer: Any, row: Row) -> None:
    """An image's answer is a row of the labels table."""
    given = [each.label for each in answer.labels]
    assert given == (row["labels"] if "labels" in row else [row["label"]])
    scores = dict(zip(row["top_labels"], row["top_scores"], strict=True))
    for each in answer.top:
        assert each.score == pytest.approx(scores[each.label], abs=1e-3)
    assert {each.label: each.score for each in answer.labels}.items() <= {
        each.label: each.score for each in answer.top
    }.items()


def test_birds_are_labelled_as_the_job_labelled_them(
    http: httpx.Client, birds_run: Path, bird_paths: list[str], photos: list[bytes]
) -> None:
    rows = {row["path"]: row for row in pads.dataset(birds_run / "labels").to_table().to_pylist()}
    for at, kind in zip(range(0, 48, 6), ["form", "json"] * 4, strict=True):
        answer = good(send(http, kind, photos[at : at + 6]))
        assert (answer.classifier.name, answer.classifier.method) == ("birds", "zero_shot")
        assert [each.name for each in answer.images] == [f"{n}.jpg" for n in range(6)]
        for image, path in zip(answer.images, bird_paths[at:], strict=False):
            same(image, rows[path])
        times = answer.timings
        assert min(times.decode_ms, times.model_ms) > 0
        assert times.decode_ms + times.wait_ms + times.model_ms <= times.total_ms


def test_scenes_are_labelled_as_a_job_labels_them(
    http: httpx.Client, scenes_classifier: Path, tmp_path: Path
) -> None:
    draw_archive(tmp_path, 12, seed=5, kind="scenes")
    images = [path.read_bytes() for path in sorted(tmp_path.rglob("images/**/*.*"))]
    rows = labelled(MultiLabels, scenes_classifier, images)
    for at, kind in ((0, "form"), (6, "json")):
        sent = send(http, kind, images[at : at + 6], classifier="scenes", top_k=100)
        answer = good(sent)
        assert answer.classifier.multi_label
        for image, row in zip(answer.images, rows[at:], strict=False):
            same(image, row)
            assert len(image.top) == len(CATEGORIES)


def test_every_kind_of_file_is_labelled_or_refused_as_a_job_does(
    http: httpx.Client, birds_run: Path
) -> None:
    kept = {name: data for name, (data, error) in FILES.items() if error is None}
    rows = labelled(ClassifierLabels, birds_run / "classifier", list(kept.values()))
    for (name, data), row in zip(kept.items(), rows, strict=True):
        told = {"data": base64.b64encode(data).decode(), "name": name}
        image = good(http.post(CLASSIFY, json={"images": [told]})).images[0]
        assert image.name == name.replace("\n", "�")
        same(image, row)
    broken = {name: (data, error) for name, (data, error) in FILES.items() if error is not None}
    for data, error in broken.values():
        problem(send(http, "form", [data]), 422, "unreadable_images", ("images[0]", str(error)))


@pytest.mark.parametrize("kind", ["form", "json"])
def test_every_fault_of_every_image_is_told(http: httpx.Client, kind: str) -> None:
    wide = encoded(picture(2001, 2000, "L"), "PNG")
    images = [JPEG, b"", PNG, wide, JPEG[:-300], b"\xff<script>\x00"]
    faults = [(1, "empty_file"), (3, "too_many_pixels"), (4, "truncated"), (5, "not_an_image")]
    named = [(f"images[{at}]", code) for at, code in faults]
    told = problem(send(http, kind, images), 422, "unreadable_images", *named)
    assert told["detail"].startswith("4 of 6 images cannot be used")
    assert "2001 x 2000" in told["errors"][1]["detail"]
    good(send(http, kind, [encoded(picture(2000, 2000, "L"), "PNG")]))  # just within


@pytest.mark.parametrize("kind", ["form", "json"])
def test_top_k_ranks_that_many_and_all_probabilities_add_up_to_one(
    http: httpx.Client, photos: list[bytes], kind: str
) -> None:
    every = good(send(http, kind, photos[:1], top_k=100)).images[0]
    assert sorted(each.label for each in every.top) == sorted(NAMES)
    assert sum(each.score for each in every.top) == pytest.approx(1, abs=1e-5)
    scores = [each.score for each in every.top]
    assert scores == sorted(scores, reverse=True)
    assert every.labels == every.top[:1]
    for top_k, count in ((1, 1), (3, 3), (None, 5)):
        options = {} if top_k is None else {"top_k": top_k}
        image = good(send(http, kind, photos[:1], **options)).images[0]
        assert [each.label for each in image.top] == [each.label for each in every.top[:count]]


def test_a_threshold_takes_the_place_of_the_classifiers_own(
    http: httpx.Client, photos: list[bytes]
) -> None:
    def ask(threshold: float) -> Any:
        options = {"classifier": "scenes", "threshold": threshold, "top_k": 100}
        return good(send(http, "form", photos[:1], **options)).images[0]

    every = ask(-1000)
    assert every.labels == every.top
    scores = [each.score for each in every.top]
    levels = [score - sum(scores) / len(scores) for score in scores]
    for count in (1, 4, len(scores) - 1):
        image = ask((levels[count - 1] + levels[count]) / 2)
        assert [each.label for each in image.labels] == [each.label for each in every.top[:count]]
    assert ask(1000).labels == []


@pytest.mark.parametrize(
    ("options", "status", "code", "field"),
    [
        ({"classifier": "none"}, 404, "unknown_classifier", "classifier"),
        ({"classifier": "Birds"}, 404, "unknown_classifier", "classifier"),
        ({"classifier": "../../etc\r\nX: y\u202e\x00"}, 404, "unknown_classifier", "classifier"),
        ({"threshold": 0.5}, 422, "invalid_request", "threshold"),
        ({"top_k": 0}, 422, "invalid_request", "top_k"),
        ({"top_k": "many"}, 422, "invalid_request", "top_k"),
        ({"classifier": "scenes", "threshold": "high"}, 422, "invalid_request", "threshold"),
        ({"lables": 3}, 422, "invalid_request", "lables"),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("kind", ["form", "json"])
def test_an_option_that_cannot_be_meant_is_named(
    http: httpx.Client, kind: str, options: Row, status: int, code: str, field: str
) -> None:
    told = problem_of_one(send(http, kind, [JPEG], **options), status, code, field)
    assert not re.search(r"[\x00-\x1f]", told["detail"])


def problem_of_one(answer: httpx.Response, status: int, code: str, field: str) -> Row:
    """A problem with one field at fault."""
    [fault] = answer.json()["errors"]
    return problem(answer, status, code, (field, fault["code"]))


def test_the_limits_of_a_request(http: httpx.Client, endpoint: Any) -> None:
    limit = endpoint.settings.max_body
    for kind in ("form", "json"):
        found = send(http, kind, [JPEG] * 7)
        problem(found, 422, "too_many_images", ("images", "too_many_images"))
        problem(send(http, kind, [b"x" * limit]), 413, "body_too_large")
    problem(http.post(CLASSIFY, content=b"x", headers={"Content-Type": "image/jpeg"}), 415,
            "unsupported_content_type")  # fmt: skip
    problem(http.post(CLASSIFY, content=b"{", headers={"Content-Type": "application/json"}), 400,
            "malformed_body")  # fmt: skip
    name = f"{endpoint.settings.allow_urls[0]}:1"
    sent = {"images": [{"url": f"http://{name}/"}, {"url": "http://example.org/"}]}
    faults = ("images[0].url", "missing"), ("images[1].url", "url_not_allowed")
    problem(http.post(CLASSIFY, json=sent), 422, "unreadable_images", *faults)


def raw(endpoint: Any, *parts: bytes | float, timeout: float = 60) -> httpx.Response:
    """Send bytes as they are, with pauses; the first answer, parsed."""
    address = urlsplit(endpoint.url)
    with socket.create_connection((address.hostname, address.port), timeout=timeout) as link:
        for part in parts:
            if isinstance(part, float):
                time.sleep(part)
                continue
            try:
                link.sendall(part)
            except OSError:
                break  # it has heard enough
        data = b""
        while b"\r\n\r\n" not in data and (more := link.recv(65536)):
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines])
        while len(body) < int(headers.get("content-length", 0)) and (more := link.recv(65536)):
            body += more
    return httpx.Response(int(first.split()[1]), headers=headers, content=body)


HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"


def test_a_body_that_does_not_arrive_is_given_up_and_others_go_on(
    endpoint: Any, http: httpx.Client, photos: list[bytes]
) -> None:
    with ThreadPoolExecutor(3) as pool:
        started = time.monotonic()
        slow = [
            pool.submit(raw, endpoint, HEAD + b"Content-Length: 1000\r\n\r\n--b"),
            pool.submit(raw, endpoint, HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
        ]
        good(send(http, "form", photos[:1]))
        assert time.monotonic() - started < 2, "a slow client keeps nobody else waiting"
        for each in slow:
            problem(each.result(), 408, "slow_body")


def test_a_body_without_a_length_is_cut_off_at_the_limit(endpoint: Any) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    problem(raw(endpoint, head, *[chunk] * 40, b"0\r\n\r\n"), 413, "body_too_large")
    problem(raw(endpoint, HEAD + b"Content-Length: 99999999999\r\n\r\n"), 413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CLASSIFY, 405),
        ("PUT", CLASSIFY, 405),
        ("OPTIONS", CLASSIFY, 405),
        ("HEAD", CLASSIFY, 405),
        ("DELETE", "/v1/classifiers", 405),
        ("POST", "/healthz", 405),
        ("GET", "/v1/", 404),
        ("GET", "/nothing/here", 404),
        ("GET", "/page/page.py", 404),
        ("GET", "/page/..%2f__init__.py", 404),
        ("GET", "/docs/..%2f..%2fsetup.py", 404),
        ("HEAD", "/nothing", 404),
    ],
)
def test_other_methods_and_paths_have_problems_too(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    if method == "HEAD":
        assert (answer.status_code, answer.content) == (status, b"")
    else:
        problem(answer, status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    assert ("allow" in answer.headers) == (status == 405)


def test_a_connection_serves_on_after_errors(
    endpoint: Any, photos: list[bytes], http: httpx.Client
) -> None:
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(base_url=endpoint.url, limits=limits, trust_env=False, timeout=60) as one:
        wanted = good(send(http, "form", photos[:1])).images
        ports = set()
        for ask in (
            lambda: send(one, "form", [b"none"]),
            lambda: one.request("HEAD", CLASSIFY),
            lambda: one.get("/nothing"),
            lambda: one.post(CLASSIFY, content=b"x"),
            lambda: send(one, "json", [JPEG], classifier="none"),
        ):
            answer = ask()
            assert answer.status_code >= 400
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            after = send(one, "form", photos[:1])
            assert good(after).images == wanted
            ports.add(after.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(ports) == 1, "the connection was kept"


def test_thirty_requests_at_once_are_all_answered_right(
    http: httpx.Client, photos: list[bytes]
) -> None:
    def ask(at: int) -> Any:
        images = [photos[(at + n) % 48] for n in range(1 + at % 3)]
        kind, name = ("form", "json")[at % 2], ("birds", "scenes")[at % 5 == 0]
        if at % 7 == 3:
            return send(http, kind, [*images, b"none"], classifier=name).status_code
        return good(send(http, kind, images, classifier=name, top_k=3)).images

    with ThreadPoolExecutor(30) as pool:
        together = list(pool.map(ask, range(30)))
    for at in range(0, 30, 4):
        alone = ask(at)
        if alone == 422:
            assert together[at] == 422
            continue
        for one, other in zip(together[at], alone, strict=True):
            assert [each.label for each in one.top] == [each.label for each in other.top]
            assert one.labels == [each for each in one.top if each in one.labels][: len(one.labels)]
            for left, right in zip(one.top, other.top, strict=True):
                assert left.score == pytest.approx(right.score, abs=1e-3)
    assert [each for each in together if each == 422] == [422] * 4


def test_what_is_served_is_listed(http: httpx.Client, endpoint: Any) -> None:
    assert http.get("/healthz").json() == {"status": "ready"}
    listing = http.get("/v1/classifiers").json()
    assert (listing["default"], listing["problems"]) == ("birds", [])
    for each, ref in zip(listing["classifiers"], endpoint.refs, strict=True):
        classifier = load_classifier(ref.folder)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each.pop("loaded_at"))
        assert each == {
            "name": ref.name,
            "version": classifier.identity[:12],
            "method": classifier.method,
            "multi_label": ref.name == "scenes",
            "label_count": len(classifier.labels),
            "clip": FIELD_GUIDE,
            "has_reference": ref.name == "birds",
        }


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_outside(http: httpx.Client, endpoint: Any, path: str) -> None:
    page = http.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assets = re.findall(r"""(?:src|href)=["']([^"'#]+)["']""", page.text)
    assets = [asset for asset in assets if not asset.startswith("data:")]
    assert len(assets) > 1
    for answer in (page, *(http.get(urljoin(path, asset)) for asset in assets)):
        assert answer.status_code == 200, answer.url
        assert str(answer.url).startswith(endpoint.url)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert not re.search(r"https?:|\*", policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"https?://|//\w+\.", re.sub(r"xmlns=\S+", "", page.text))


def test_a_classifier_that_is_not_sure_abstains(
    http: httpx.Client,
    endpoint: Any,
    birds_run: Path,
    bird_paths: list[str],
    photos: list[bytes],
    tmp_path: Path,
) -> None:
    rows = {row["path"]: row for row in pads.dataset(birds_run / "labels").to_table().to_pylist()}
    own = [rows[path] for path in bird_paths[:6]]
    scores = sorted(row["score"] for row in own)
    below = (scores[2] + scores[3]) / 2
    plain = load_classifier(str(birds_run / "classifier"))
    cautious = replace(plain, abstain_below=(below,) * len(plain.labels))
    save_classifier(cautious, str(tmp_path / "cautious"))
    ref = ClassifierRef(name="cautious", folder=str(tmp_path / "cautious"))
    deploy(endpoint.settings, [*endpoint.refs, ref])
    try:
        answers = [
            good(send(http, kind, photos[:6], classifier="cautious")) for kind in ("form", "json")
        ]
    finally:
        deploy(endpoint.settings, endpoint.refs)
    for answer in answers:
        assert [each.abstained for each in answer.images] == [row["score"] < below for row in own]
        for image, row in zip(answer.images, own, strict=True):
            if image.abstained:
                assert image.labels == []
                assert image.top[0].label == row["label"]
            else:
                same(image, row)


def test_the_openapi_document_describes_every_problem(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert reference in schemas
    described = document["paths"][CLASSIFY]["post"]
    statuses = {"200", "400", "404", "408", "413", "415", "422", "429", "503", "504"}
    assert described["responses"].keys() == statuses
    for status in statuses - {"200"}:
        assert described["responses"][status]["content"].keys() == {PROBLEM}
    body = described["requestBody"]["content"]
    assert body.keys() == {"multipart/form-data", "application/json"}
    assert {"/healthz", "/metrics", "/v1/classifiers"} < document["paths"].keys()


def test_metrics_count_what_was_asked(http: httpx.Client) -> None:
    send(http, "form", [JPEG])
    wanted = re.compile(r'^ray_onoma_requests(_total)?\{.*code="ok".*\} [1-9]', re.MULTILINE)
    until = time.monotonic() + 30
    while not wanted.search(text := http.get("/metrics").text) and time.monotonic() < until:
        time.sleep(1)
    assert wanted.search(text)
    assert http.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    for name in ("onoma_latency_ms_bucket", "onoma_labels", "onoma_embedding_distance_count"):
        assert f"\nray_{name}" in text
    assert "ray_node_" not in text
