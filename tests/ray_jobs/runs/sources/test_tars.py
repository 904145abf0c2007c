"""Tars as they are found: cut, empty, joined, compressed, named by ranges, on disk and in S3."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors import storage
from actors.images.fetch import fetch
from methods.errors import InputError
from ray_jobs.runs.manifest import read_manifest, write_manifest
from ray_jobs.runs.sources.braces import expanded, has_braces
from ray_jobs.runs.sources.listing import list_images


def tar_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def shard(letter: str, count: int = 3) -> bytes:
    return tar_of({f"{letter}{n}.jpg": f"{letter}{n}".encode() * 300 for n in range(count)})


def put(folder: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        storage.write_bytes(f"{folder}/{name}", data)


def labelled(source: str, tmp_path: Path) -> tuple[dict[str, str | None], str]:
    """The error of each image by its path, and what was skipped."""
    manifest = write_manifest(source, str(tmp_path / "m.parquet"))
    tables = list(read_manifest(str(tmp_path / "m.parquet"), None))
    rows: list[dict[str, Any]] = [row for each in tables for row in each.to_pylist()]
    found = fetch(pa.Table.from_pylist(rows))
    paths, errors = (found.column(name).to_pylist() for name in ("path", "error"))
    whole = [
        data is None or data == row["path"][-6:-4].encode() * 300
        for row, data in zip(rows, found.column("bytes").to_pylist(), strict=True)
    ]
    assert all(whole)
    return dict(zip(paths, errors, strict=True)), manifest.skipped


GOOD = shard("g")
BROKEN: dict[str, tuple[bytes, dict[str, str | None], str]] = {
    "empty": (b"", {}, r"bad\.tar is empty; 0 of its images"),
    "cut in a member": (
        shard("b")[: 512 + 1024 + 512 + 100],
        {"b0": None, "b1": "truncated"},
        r"bad\.tar is cut off: 2148 bytes, and b1\.jpg ends at 2648; 2 of its images",
    ),
    "cut in a header": (shard("b")[: 512 + 1024 + 100], {"b0": None}, r"bad\.tar .*cut off"),
    "cut between members": (shard("b")[: 512 + 1024], {"b0": None}, "no end mark"),
    "no tar": (b"<html>" * 500, {}, r"bad\.tar is no tar"),
    "damaged in the middle": (
        shard("b")[: 512 + 1024] + b"\xff" * 512 + shard("b")[512 + 1024 + 512 :],
        {"b0": None, "b2": None},
        "damaged or cut off behind byte 1536",
    ),
    "gzip by another name": (gzip.compress(shard("b")), {}, r"bad\.tar is compressed \(gzip\)"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("place", ["disk", "s3"])
def test_a_broken_shard_costs_its_own_rows_and_is_named(
    case: tuple[bytes, dict[str, str | None], str],
    place: str,
    tmp_path: Path,
    s3_bucket: str,
) -> None:
    data, expected, says = case
    folder = str(tmp_path / "a") if place == "disk" else f"{s3_bucket}/{abs(hash(says))}"
    put(folder, {"bad.tar": data, "good.tar": GOOD, "last.tar": shard("l", 1)})
    errors, skipped = labelled(folder, tmp_path)
    good = {f"good.tar/g{n}.jpg": None for n in range(3)}
    bad = {f"bad.tar/{name}.jpg": code for name, code in expected.items()}
    assert errors == {**bad, **good, "last.tar/l0.jpg": None}
    assert re.search(says, skipped), skipped


def test_an_unreadable_shard_among_others(tmp_path: Path) -> None:
    put(str(tmp_path / "a"), {"0.tar": GOOD, "1.tar": GOOD})
    (tmp_path / "a" / "1.tar").unlink()
    (tmp_path / "a" / "1.tar").symlink_to(tmp_path / "gone.tar")
    errors, skipped = labelled(f"{tmp_path}/a/*.tar", tmp_path)
    assert len(errors) == 3
    assert "1.tar is not there" in skipped


@pytest.mark.parametrize("data", [b"", b"<html>" * 500], ids=["empty", "no tar"])
def test_nothing_but_broken_shards_is_refused(data: bytes, tmp_path: Path) -> None:
    put(str(tmp_path / "a"), {"0.tar": data, "1.tar": data})
    with pytest.raises(InputError, match=r"no readable tar: 0\.tar is .*1 more"):
        labelled(str(tmp_path / "a"), tmp_path)
    with pytest.raises(InputError, match="no readable tar"):
        labelled(str(tmp_path / "a" / "0.tar"), tmp_path)


@pytest.mark.parametrize("zeros", [0, 512, 10240])
def test_tars_joined_by_cat_are_read_to_their_end(zeros: int, tmp_path: Path) -> None:
    joined = shard("a") + bytes(zeros) + shard("b") + shard("c")
    (tmp_path / "t.tar").write_bytes(joined)
    errors, skipped = labelled(str(tmp_path / "t.tar"), tmp_path)
    assert errors == {f"{letter}{n}.jpg": None for letter in "abc" for n in range(3)}
    assert skipped == ""


def test_an_empty_but_whole_tar_is_no_broken_one(tmp_path: Path) -> None:
    put(str(tmp_path / "a"), {"0.tar": tar_of({}), "1.tar": GOOD})
    errors, skipped = labelled(str(tmp_path / "a"), tmp_path)
    assert (len(errors), skipped) == (3, "")


RANGES = {
    "shard-{000..002}.tar": ["shard-000.tar", "shard-001.tar", "shard-002.tar"],
    "{8..11}.tar": ["8.tar", "9.tar", "10.tar", "11.tar"],
    "{3..1}": ["3", "2", "1"],
    "{0..6..3}": ["0", "3", "6"],
    "{a..c}{0..1}": ["a0", "a1", "b0", "b1", "c0", "c1"],
    "{train,val}/{00..01}.tar": ["train/00.tar", "train/01.tar", "val/00.tar", "val/01.tar"],
    "{{a,b},c}": ["a", "b", "c"],
    "{-1..1}": ["-1", "0", "1"],
    "{plain}": ["{plain}"],
    "a{}b": ["a{}b"],
}


@pytest.mark.parametrize("text", RANGES)
def test_what_braces_stand_for(text: str) -> None:
    assert sorted(expanded(text)) == sorted(RANGES[text])
    assert has_braces(text) == (RANGES[text] != [text])


@pytest.mark.slow
def test_too_many_names_are_refused() -> None:
    for text in ("{0..99999999}.tar", "{0..9999}{0..9999}"):
        with pytest.raises(InputError, match="give a glob"):
            expanded(text)


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_brace_ranges_name_shards(place: str, tmp_path: Path, s3_bucket: str) -> None:
    folder = str(tmp_path / "a") if place == "disk" else f"{s3_bucket}/braces-{os.getpid()}"
    put(folder, {f"{part}/s-{n:03d}.tar": shard("g", 1) for part in ("x", "y") for n in range(4)})
    for pattern, count in (
        ("x/s-{000..002}.tar", 3),
        ("{x,y}/s-{001..002}.tar", 4),
        ("{x,y}/*.tar", 8),
        ("x/s-00[0-1].tar", 2),
    ):
        assert len(list(list_images(f"{folder}/{pattern}").rows)) == count, pattern
    errors, skipped = labelled(f"{folder}/x/s-{{002..005}}.tar", tmp_path)
    assert list(errors) == ["s-002.tar/g0.jpg", "s-003.tar/g0.jpg"]
    assert "s-004.tar is not there" in skipped
    assert "s-005.tar is not there" in skipped
    with pytest.raises(InputError, match="no readable tar"):
        labelled(f"{folder}/x/n-{{002..005}}.tar", tmp_path)


def test_braces_of_image_files_and_of_folders_that_are_called_so(tmp_path: Path) -> None:
    put(str(tmp_path / "a"), {"x/1.jpg": b"1", "y/2.jpg": b"2", "{1..2}/3.jpg": b"3"})
    paths = [row.path for row in list_images(f"{tmp_path}/a/{{x,y}}/*.jpg").rows]
    assert paths == ["x/1.jpg", "y/2.jpg"]
    assert [row.path for row in list_images(f"{tmp_path}/a/{{1..2}}").rows] == ["3.jpg"]


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("{x,y/z}/*.jpg", ["x/1.jpg", "y/z/2.jpg"]),
        ("{x/1,y/z/2}.jpg", ["x/1.jpg", "y/z/2.jpg"]),
        ("{x/1.jpg,y/**/*.jpg}", ["x/1.jpg", "y/z/2.jpg"]),
        ("{,x/}1.jpg", ["1.jpg", "x/1.jpg"]),
        ("{x,}/1.jpg", ["1.jpg", "x/1.jpg"]),
        ("y/{z,{a,b/c}}/2.jpg", ["a/2.jpg", "b/c/2.jpg", "z/2.jpg"]),
    ],
)
def test_braces_hold_several_folders_of_a_path(
    pattern: str, paths: list[str], tmp_path: Path
) -> None:
    put(str(tmp_path / "a"), {"1.jpg": b"0", "x/1.jpg": b"1", "y/z/2.jpg": b"2"})
    rows = list(list_images(f"{tmp_path}/a/{pattern}").rows)
    assert sorted(row.path for row in rows) == paths


def test_pointers_of_git_lfs_are_called_so(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    put(str(tmp_path / "a"), {"t.tar": pointer, "page.tar": b"<html>404</html>"})
    with pytest.raises(InputError, match="run git lfs pull"):
        labelled(f"{tmp_path}/a/t.tar", tmp_path)
    with pytest.raises(InputError, match="is no tar"):
        labelled(f"{tmp_path}/a/page.tar", tmp_path)


@pytest.mark.parametrize("name", ["t.tar.gz", "t.tgz", "T.TAR.ZST", "t.tar.bz2", "t.tar.xz"])
def test_compressed_tars_say_how(name: str, tmp_path: Path) -> None:
    put(str(tmp_path / "a"), {name: gzip.compress(GOOD)})
    for source in (f"{tmp_path}/a/{name}", f"{tmp_path}/a"):
        with pytest.raises(InputError, match=rf"-dc {name} > [tT]\.tar") as caught:
            labelled(source, tmp_path)
        assert "\n" not in str(caught.value)
    put(str(tmp_path / "a"), {"g.tar": GOOD})
