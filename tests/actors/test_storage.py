"""Paths and files wherever they live: odd names, whole files, folders that are gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors import storage
from methods.errors import InputError

NAME = b"caf\xe9 100%.jpg"  # Latin-1, and a percent sign


def test_schemes() -> None:
    assert storage.scheme_of("S3://bucket/key") == "s3"
    assert storage.scheme_of("/data/a://b") == "file"
    assert storage.is_local("file:///data")
    assert not storage.is_local("gs://bucket")


def test_any_file_name_survives_as_a_uri(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + NAME)
    uri = storage.local_uri(path)
    assert uri.isascii()
    assert storage.local_path(uri) == path
    assert storage.join(storage.local_uri(str(tmp_path)), os.fsdecode(NAME)) == uri
    storage.write_bytes(uri, b"pixels")
    assert storage.exists(uri)
    assert storage.read_bytes(path) == b"pixels"
    assert storage.list_files(str(tmp_path), ".jpg") == [path]


def test_a_file_is_written_whole_and_its_folder_made(tmp_path: Path) -> None:
    target = str(tmp_path / "new" / "folder" / "a.bin")
    storage.write_bytes(target, b"one")
    storage.write_bytes(target, b"two")
    assert storage.read_bytes(target) == b"two"
    assert os.listdir(tmp_path / "new" / "folder") == ["a.bin"], "no partial file is left"


def test_what_is_absent_is_empty_and_deleting_it_is_fine(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    assert not storage.exists(absent)
    assert storage.list_files(absent) == []
    storage.delete_folder(absent)
    storage.write_bytes(storage.join(absent, "a"), b"")
    storage.delete_folder(absent)
    assert not storage.exists(absent)


def test_paths_are_made_absolute_and_objects_keep_their_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert storage.absolute("runs") == str(tmp_path / "runs")
    assert storage.absolute("s3://bucket/a%20b/") == "s3://bucket/a%20b"
    assert storage.join("s3://bucket/a", "b%20c") == "s3://bucket/a/b%20c"


def test_an_object_store_reads_what_was_written(s3_bucket: str) -> None:
    uri = storage.join(s3_bucket, "storage", "a b%20c.bin")
    storage.write_bytes(uri, b"object")
    assert storage.read_bytes(uri) == b"object"
    listed = storage.list_files(storage.join(s3_bucket, "storage"))
    assert [os.path.basename(path) for path in listed] == ["a b%20c.bin"]
    storage.delete_folder(storage.join(s3_bucket, "storage"))
    assert not storage.exists(uri)


def test_a_scheme_that_nobody_knows_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"^nosuch:// cannot be read here: "):
        storage.resolve("nosuch://bucket/key")
