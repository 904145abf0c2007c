"""S3 through s3fs against a server: what requests carry, what failures say, keys in order."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors import storage
from actors.images.fetch import fetch
from actors.s3_settings import VARIABLE
from actors.storage.s3 import s3_filesystem
from methods.errors import InputError
from ray_jobs.runs.manifest import read_manifest, write_manifest
from ray_jobs.runs.sources.listing import list_images

CONFIG = """
[profile source]
aws_access_key_id = AKIASOURCE
aws_secret_access_key = source-secret
[profile reader]
role_arn = arn:aws:iam::123456789012:role/reader
source_profile = source
[profile sso]
sso_session = here
sso_account_id = 123456789012
sso_role_name = reader
[sso-session here]
sso_start_url = http://127.0.0.1:9/start
sso_region = us-east-1
"""


@pytest.fixture(scope="module")
def watched(s3_bucket: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server before the S3 server that keeps the headers of requests; its URL and those."""
    behind = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append({name.lower(): value for name, value in self.headers.items()})
            asked = http.client.HTTPConnection(behind)
            asked.request(self.command, self.path, body, dict(self.headers))
            answer = asked.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS configuration files with a role and an SSO session, and no credentials beside them."""
    s3_filesystem.cache_clear()
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="module")
def few(s3_bucket: str, birds: Path) -> str:
    """Three images and a folder of odd names in the bucket."""
    for path in sorted((birds / "images").rglob("*.*"))[:3]:
        storage.write_bytes(f"{s3_bucket}/few/{path.name}", path.read_bytes())
    for key in ("b/2.jpg", "b-1.jpg", "a/ü.jpg", "a/é 100%.jpg", "c.jpg", "b/note.doc"):
        storage.write_bytes(f"{s3_bucket}/order/{key}", b"")
    return s3_bucket


WORDS = {"profile=reader": "role", "anon": "anonymous", "requester-pays": "payer"}


def check(word: str, headers: list[dict[str, str]]) -> None:
    """Check what requests carried."""
    assert headers
    signed = [each.get("authorization", "") for each in headers]
    if word == "anon":
        assert not any(signed)
    elif word == "requester-pays":
        assert all(each.get("x-amz-request-payer") == "requester" for each in headers)
    else:
        assert all("Credential=" in each and "AKIASOURCE" not in each for each in signed)
        assert all("x-amz-security-token" in each for each in headers)


@pytest.mark.parametrize("word", WORDS)
def test_requests_are_signed_as_asked(
    word: str,
    few: str,
    watched: tuple[str, list[dict[str, str]]],
    profiles: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, seen = watched
    if word == "requester-pays":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv(VARIABLE, f"archive:{word} endpoint={url}")
    seen.clear()
    assert write_manifest(f"{few}/few", str(tmp_path / "m.parquet")).images == 3
    rows = fetch(pq.read_table(tmp_path / "m.parquet"))
    assert rows.column("error").null_count == 3
    check(word, seen)


def test_a_batch_tells_of_each_object(few: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "requester-pays")
    storage.write_bytes(f"{few}/batch/a.jpg", b"12345")
    storage.write_bytes(f"{few}/batch/long.jpg", b"123456")
    storage.write_bytes(f"{few}/batch/empty.jpg", b"")
    names = ["long.jpg", "gone.jpg", "a.jpg", "empty.jpg"]
    table = pa.table({"uri": [f"{few}/batch/{name}" for name in names]})
    rows = fetch(table, max_bytes=5)
    errors = ["too_many_bytes", "missing", None, "empty_file"]
    assert rows.column("error").to_pylist() == errors
    assert rows.column("bytes").to_pylist() == [None, None, b"12345", None]


def test_keys_come_in_order_from_folders_side_by_side(few: str) -> None:
    rows = [row.path for row in list_images(f"{few}/order").rows]
    assert rows == sorted(["b/2.jpg", "b-1.jpg", "a/ü.jpg", "a/é 100%.jpg", "c.jpg"])


def test_parquet_and_files_go_through_s3fs(few: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "requester-pays")
    filesystem, path = storage.resolve(f"{few}/tables/a b%20c.parquet")
    table = pa.table({"n": [1, 2, 3]})
    pq.write_table(table, path, filesystem=filesystem)
    assert pq.read_table(path, filesystem=filesystem).equals(table)
    assert storage.list_files(f"{few}/tables", ".parquet") == [path]
    storage.delete_folder(f"{few}/tables")
    assert not storage.exists(f"{few}/tables/a b%20c.parquet")


KEYS = ("a//b.jpg", "/c.jpg", "a/./d.jpg", "./e.jpg", "a/../f.jpg", "g %+?#*[h]\\i.jpg", "~j.jpg")


def test_keys_that_no_path_can_have_are_read(s3_bucket: str, tmp_path: Path) -> None:
    client = storage.s3fs_of(s3_bucket)
    for key in KEYS:
        client.pipe_file(f"{s3_bucket[5:]}/odd-keys/{key}", key.encode())
    manifest = write_manifest(f"{s3_bucket}/odd-keys", str(tmp_path / "m.parquet"))
    assert manifest.images == len(KEYS)
    [batch] = read_manifest(str(tmp_path / "m.parquet"), None)
    rows = fetch(batch).to_pylist()
    assert {row["path"]: row["bytes"] for row in rows} == {key: key.encode() for key in KEYS}


def test_an_address_without_a_bucket_is_refused() -> None:
    for source in ("s3://", "s3:///photos"):
        with pytest.raises(InputError, match="names no bucket"):
            list_images(source)


@pytest.mark.parametrize(
    ("words", "bucket", "says"),
    [
        ("profile=nobody", "archive", "AWS_CONFIG_FILE"),
        ("profile=sso", "archive", "aws sso login"),
        ("requester-pays", "archive", "there are no credentials; give --s3 profile=NAME"),
        ("anon", "nosuchbucket", "--images s3://nosuchbucket/few"),
        ("anon endpoint=http://127.0.0.1:9", "archive", "the server does not answer; check --s3"),
    ],
)
def test_what_is_wrong_is_one_sentence_within_seconds(
    words: str, bucket: str, says: str, few: str, profiles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, words)
    started = time.monotonic()
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        list(list_images(f"s3://{bucket}/few").rows)
    assert time.monotonic() - started < 20
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value).lower().replace("aws_secret_access_key", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "word",
    [
        "profile=reader",
        pytest.param("anon", marks=pytest.mark.extended),
        pytest.param("requester-pays", marks=pytest.mark.extended),
    ],
)
def test_archives_are_labelled_by_role_anonymously_and_at_the_requesters_cost(
    word: str,
    few: str,
    birds: Path,
    watched: tuple[str, list[dict[str, str]]],
    profiles: None,
    tmp_path: Path,
) -> None:
    url, seen = watched
    name = WORDS[word]
    own = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
    environment = {**os.environ, **(own if name == "payer" else {}), "RAY_ADDRESS": "local"}
    command = [sys.executable, "-m", "ray_jobs", "label", "zero_shot", "--s3", word]
    command += ["--s3", f"endpoint={url}", "--images", f"{few}/few", "--json"]
    command += ["--classes", str(birds / "classes.txt"), "--out", str(tmp_path / name)]
    seen.clear()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["images"], found["labelled"], found["errors"]) == (3, 3, {})
    check(word, seen)
    said = done.stdout + done.stderr + (tmp_path / name / "run.json").read_text()
    assert "source-secret" not in said
    assert "hush-hush" not in said
