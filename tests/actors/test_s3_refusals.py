"""What a bucket's server refuses: one sentence, and of an image the right code, by both clients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from actors import storage
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from actors.s3_settings import VARIABLE
from actors.storage.s3 import s3_filesystem
from methods.errors import InputError
from ray_jobs.runs.sources.listing import list_images
from tests.helpers.local_server import serving


class Refusing(BaseHTTPRequestHandler):
    """Answers every request with one error; HEAD, as S3 does, without saying which."""

    protocol_version = "HTTP/1.1"
    status: ClassVar[int] = 403
    code: ClassVar[str] = "AccessDenied"

    def refuse(self) -> None:
        body = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode()
        self.send_response(self.status)
        if self.status in (301, 400):
            self.send_header("x-amz-bucket-region", "eu-west-1")
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = refuse

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving(Refusing) as address:
        yield address


@pytest.fixture(params=["PyArrow", "s3fs"])
def client(
    request: pytest.FixtureRequest, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    keys = "aws_access_key_id = a\naws_secret_access_key = hush\n"
    (tmp_path / "config").write_text(f"[profile p]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv(VARIABLE, f"endpoint={endpoint}{' profile=p' * (request.param == 's3fs')}")
    return str(request.param)


@pytest.mark.parametrize(
    ("status", "code", "says", "row"),
    [
        (403, "AccessDenied", "access is denied; give --s3 profile=NAME", "no_permission"),
        (301, "PermanentRedirect", "in another region; set AWS_REGION", "storage_error"),
        (400, "AuthorizationHeaderMalformed", "in another region", "storage_error"),
        (400, "ExpiredToken", "credentials are wrong or have expired", "storage_error"),
        (403, "InvalidAccessKeyId", "credentials are wrong or have expired", "no_permission"),
        (403, "RequestTimeTooSkewed", "the clock of this machine is wrong", "no_permission"),
        (404, "NoSuchBucket", "no such folder or file (check the bucket", "missing"),
    ],
)
def test_what_a_server_refuses(
    status: int, code: str, says: str, row: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "status", status)
    monkeypatch.setattr(Refusing, "code", code)
    with pytest.raises(InputError) as told:
        list_images("s3://b/few")
    assert says in str(told.value)
    assert "\n" not in str(told.value)
    with pytest.raises(ImageError) as failed:
        fetch_bytes({"uri": "s3://b/few/a.jpg"})
    assert failed.value.code == row
    assert "hush" not in f"{told.value} {failed.value}"


def test_a_web_identity_is_taken_to_the_server_that_is_named(
    s3_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write_bytes(f"{s3_bucket}/identity/a.jpg", b"x")
    (tmp_path / "token").write_text("a.b.c")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", os.environ["AWS_ENDPOINT_URL"])
    s3_filesystem.cache_clear()
    try:
        assert storage.reads_by_s3fs(s3_bucket)
        assert [row.path for row in list_images(f"{s3_bucket}/identity").rows] == ["a.jpg"]
        assert fetch_bytes({"uri": f"{s3_bucket}/identity/a.jpg"}) == b"x"
    finally:
        s3_filesystem.cache_clear()
