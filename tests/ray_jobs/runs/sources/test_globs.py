"""A glob means the same on disk and in a bucket, and on disk the same as everywhere."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import storage
from methods.errors import InputError
from ray_jobs.runs.sources.folders import glob_files, split_pattern
from ray_jobs.runs.sources.globs import Glob, is_glob
from ray_jobs.runs.sources.listing import list_images

NAMES = ("a", "b", "ab", "a.jpg", "b.PNG", ".h", ".h.jpg", "c[1]", "x.tar", "t.parquet", "jpg")
PARTS = (
    *("**", "**", "*", "*.jpg", "a*", "?", "[ab]*", "[!a]", "a", "b", "*.tar", "*.parquet"),
    *(".*", "c[[]1]", "c[1]", "**.jpg", "*.*", "a**b", "[a-c]*"),
)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
trees = st.sets(paths, min_size=1, max_size=12)
globs = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join).filter(is_glob)


def files_of(tree: set[str]) -> list[str]:
    """The paths that can be files: a bucket, unlike a disk, has keys below a key."""
    return sorted(path for path in tree if not any(o.startswith(path + "/") for o in tree))


class Bucket:
    """What storage says of s3://bucket, of a list of keys."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        self._exists = storage.exists

    def list_keys(self, client: Any, bucket: str, prefix: str) -> Iterator[str]:
        assert bucket == "bucket"
        return iter(sorted(key for key in self.keys if key.startswith(prefix)))

    def exists(self, uri: str) -> bool:
        if storage.is_local(uri):
            return self._exists(uri)
        key = uri.removeprefix("s3://bucket").strip("/")
        return any(each == key or each.startswith(key + "/") for each in self.keys)


def in_bucket(keys: list[str]) -> Any:
    bucket = Bucket(keys)
    patches = (
        mock.patch.multiple("ray_jobs.runs.sources.folders", list_keys=bucket.list_keys),
        mock.patch.multiple(storage, exists=bucket.exists, s3fs_of=lambda uri: object()),
    )
    return patches


def found(source: str) -> list[str]:
    root, pattern = split_pattern(source)
    return sorted(name for name, _ in glob_files(root, Glob(pattern)))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(trees, globs)
def test_disk_and_bucket_give_the_same_paths(tree: set[str], pattern: str) -> None:
    files = files_of(tree)
    with tempfile.TemporaryDirectory() as root:
        for name in files:
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        on_disk = found(f"{root}/{pattern}")
        images = [row.path for row in list_images(f"{root}/{pattern}/*.[jJ]*").rows]
        if "c[1]" not in pattern:  # of which ours says that it is that folder, where there is one
            everywhere = glob.glob(f"{root}/{pattern}", recursive=True)
            at, _ = split_pattern(f"{root}/{pattern}")
            assert on_disk == sorted(
                # os.path, since a file's name and a slash, which glob gives too, is no file
                {p[len(at) :].strip("/") for p in everywhere if os.path.isfile(p)}
            )
    keys, of_bucket = in_bucket([f"tree/{name}" for name in files])
    with keys, of_bucket:
        assert found(f"s3://bucket/tree/{pattern}") == on_disk
        rows = list_images(f"s3://bucket/tree/{pattern}/*.[jJ]*").rows
        assert sorted(row.path for row in rows) == sorted(images)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/*.jpg", "a.jpg", True),
        ("**/*.jpg", "x/y/a.jpg", True),
        ("*.jpg", "x/a.jpg", False),
        ("*/*.jpg", "x/y/a.jpg", False),
        ("cats*", "cats-old/1.jpg", False),
        ("**", "x/y/a.jpg", True),
        ("**", "a", True),
        ("*/**", "a", False),
        ("x*/**", "x/a", True),
        ("x/**/a.jpg", "x/a.jpg", True),
        ("**/*.jpg", "x/.hidden/a.jpg", False),
        (".*/*.jpg", ".hidden/a.jpg", True),
        ("a[0-9].jpg", "a7.jpg", True),
    ],
)
def test_what_stars_stand_for(pattern: str, path: str, matches: bool) -> None:
    assert Glob(pattern).matches(path) is matches


def test_a_link_back_is_no_endless_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert found(f"{tmp_path}/**/*.jpg") == ["a/1.jpg", "b/1.jpg"]


def test_a_glob_below_a_folder_with_marks_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "photos [2019]" / "what?").mkdir(parents=True)
    (tmp_path / "photos [2019]" / "what?" / "1.jpg").write_bytes(b"x")
    assert found(f"{tmp_path}/photos [2019]/*/*.jpg") == ["what?/1.jpg"]


@pytest.mark.slow
def test_a_bucket_is_no_glob() -> None:
    with pytest.raises(InputError, match="bucket must be named"):
        split_pattern("s3://b*/x/*.jpg")
