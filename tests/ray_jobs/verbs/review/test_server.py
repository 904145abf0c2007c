"""The server of the page: who is let in, what it answers, images from where the manifest says."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.review.sample import draw_sample
from ray_jobs.verbs.review.server import new_token, review_app
from ray_jobs.verbs.review.session import ReviewSession
from tests.helpers.scored_runs import pictured_run, scored_run


def client_of(folder: str, token: str = "a-token") -> TestClient:
    sample = draw_sample(RunReader(folder), 0)
    session = ReviewSession(sample, f"{folder}/reviewed.csv", "Ann")
    return TestClient(review_app(session, token), base_url="http://127.0.0.1:8123")


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return client_of(scored_run(tmp_path / "run")[0])


def test_only_the_token_opens_the_page(client: TestClient) -> None:
    assert client.get("/a-token/").status_code == 200
    for path in ("/", "/a-toke/", "/b-token/api/state", "/a-tokenx/image/1", "/%ff/"):
        assert client.get(path).status_code == 404, path
    assert len({new_token() for _ in range(20)}) == 20
    assert len(new_token()) >= 32


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:9000"}, 200),  # of a tunnel
        ({"Host": "[::1]:9000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8123"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:8123"}, 200),
    ],
)
def test_only_this_machine_s_names_are_answered(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    assert client.get("/a-token/api/state", headers=headers).status_code == status


def test_every_answer_forbids_what_is_not_its_own(client: TestClient) -> None:
    for path in ("/a-token/", "/a-token/api/state", "/nowhere"):
        headers = client.get(path).headers
        assert "access-control-allow-origin" not in headers
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_answers_are_written_and_the_next_image_comes(client: TestClient) -> None:
    first = client.get("/a-token/api/state").json()
    image = first["image"]
    sent = {"image_id": image["image_id"], "answer": "label", "label": image["predicted"]}
    state = client.post("/a-token/api/answer", json=sent).json()
    assert state["figures"]["answers"] == 1
    assert state["image"]["image_id"] == first["after"] != image["image_id"]
    back = client.post("/a-token/api/undo", json={}).json()
    assert back["image"]["image_id"] == image["image_id"]
    assert back["figures"]["answers"] == 0


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"image_id": "1", "answer": "label", "label": "wren"}, 422, "no image of this review"),
        ({"answer": "label"}, 400, "not a request"),
        ({"image_id": "x", "answer": "skip"}, 400, "not a request"),
        ({"image_id": "1", "answer": "undo"}, 422, "label, none or skip"),
        ([], 422, "label, none or skip"),
    ],
)
def test_wrong_answers_are_refused(client: TestClient, body: Any, status: int, told: str) -> None:
    found = client.post("/a-token/api/answer", json=body)
    assert found.status_code == status
    assert told in found.json()["error"]


def test_a_class_that_is_none_and_a_form_are_refused(client: TestClient) -> None:
    image = client.get("/a-token/api/state").json()["image"]["image_id"]
    sent = {"image_id": image, "answer": "label", "label": "gull"}
    assert "no class" in client.post("/a-token/api/answer", json=sent).json()["error"]
    assert client.post("/a-token/api/answer", data=sent).status_code == 415


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_images_come_scaled_from_the_archive(tmp_path: Path, birds: Path, kind: str) -> None:
    source = str(birds / "images")
    if kind == "tar":
        source = str(tmp_path / "birds.tar")
        with tarfile.open(source, "w") as tar:
            tar.add(birds / "images", "images")
    client = client_of(pictured_run(tmp_path / "run", source, birds / "truth.csv"))
    image = client.get("/a-token/api/state").json()["image"]
    answer = client.get(f"/a-token/image/{image['image_id']}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 1024
    assert client.get("/a-token/image/5").status_code == 404


def test_an_image_that_is_gone_is_said(client: TestClient) -> None:
    image = client.get("/a-token/api/state").json()["image"]["image_id"]
    answer = client.get(f"/a-token/image/{image}")
    assert answer.status_code == 422
    assert "missing" in answer.json()["error"]
