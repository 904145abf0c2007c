"""What a folder is read as: a table beside images or tars takes nothing over, and all is said."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from methods.errors import InputError
from ray_jobs.runs.manifest import read_manifest, write_manifest
from ray_jobs.runs.sources.listing import list_images

WEB = {"url": ["http://x/1.jpg", "http://x/2.jpg"], "key": ["1", "2"], "status": ["success"] * 2}


def make(root: Path, *names: str) -> Path:
    """Files of these names: images, tars of one image, tables of addresses, or texts."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".tar":
            (root / "member").write_bytes(b"x")
            with tarfile.open(path, "w") as tar:
                tar.add(root / "member", "000.jpg")
                tar.add(root / "member", "000.json")
            (root / "member").unlink()
        elif path.suffix == ".parquet":
            pq.write_table(pa.table(WEB), path)
        else:
            path.write_bytes(b"x")
    return root


LAYOUTS = {
    "img2dataset, webdataset": (
        ("00000.tar", "00000.parquet", "00000_stats.json", "00001.tar", "00001.parquet"),
        "tar",
        ["00000.tar/000.jpg", "00001.tar/000.jpg"],
        "2 Parquet files are not, such as 00000.parquet",
    ),
    "img2dataset, files": (
        ("00000/000.jpg", "00000/000.json", "00000.parquet"),
        "folder",
        ["00000/000.jpg"],
        r"\.parquet 1",
    ),
    "img2dataset, parquet": (("00000.parquet",), "parquet", ["1", "2"], ""),
    "imagefolder": (
        ("metadata.parquet", "train/cat/1.jpg", "train/metadata.parquet"),
        "folder",
        ["train/cat/1.jpg"],
        r"\.parquet 2",
    ),
    "a manifest beside folders": (
        ("manifest.parquet", "a/1.jpg", "b/2.jpg"),
        "folder",
        ["a/1.jpg", "b/2.jpg"],
        r"\.parquet 1",
    ),
    "images beside a table": (("1.jpg", "t.parquet"), "folder", ["1.jpg"], r"\.parquet 1"),
    "images beside a tar": (("1.jpg", "t.tar"), "folder", ["1.jpg"], r"\.tar 1"),
    "examples below shards": (
        ("0.tar", "examples/1.jpg"),
        "tar",
        ["000.jpg"],
        r"images in folders are not, such as examples/1\.jpg",
    ),
    "shards in folders": (
        ("a/0.tar", "b/0.tar", "README.md"),
        "tar",
        ["a/0.tar/000.jpg", "b/0.tar/000.jpg"],
        "",
    ),
    "shards below shards": (
        ("0.tar", "old/0.tar"),
        "tar",
        ["000.jpg"],
        r"1 tars are not, such as old/0\.tar",
    ),
    "a data set of the hub": (("data/train.parquet", "README.md"), "parquet", ["1", "2"], ""),
    "a data set of the hub with its logo": (
        ("assets/logo.png", "data/train-00000-of-00001.parquet", "README.md"),
        "parquet",
        ["1", "2"],
        r"images in folders are not, such as assets/logo\.png",
    ),
    "images in a folder called data": (
        ("data/a/1.jpg", "data/t-00000-of-00001.parquet"),
        "folder",
        ["data/a/1.jpg"],
        r"\.parquet 1",
    ),
    "hidden images": ((".thumbs/1.jpg", "t.parquet"), "parquet", ["1", "2"], ""),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layouts(
    layout: tuple[tuple[str, ...], str, list[str], str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names, kind, expected, says = layout
    root = make(tmp_path / "archive", *names)
    manifest = write_manifest(str(root), str(tmp_path / "m.parquet"))
    rows = [r for t in read_manifest(str(tmp_path / "m.parquet"), ["path"]) for r in t.to_pylist()]
    assert manifest.kind == kind
    assert sorted(row["path"] for row in rows) == expected
    if says:
        assert re.search(says, manifest.skipped)
        assert manifest.skipped in caplog.text


def test_tars_without_images_do_not_hide_the_images_beside_them(tmp_path: Path) -> None:
    root = make(tmp_path / "archive", "images/1.jpg")
    (root / "note").write_bytes(b"x")
    with tarfile.open(root / "annotations.tar", "w") as tar:
        tar.add(root / "note", "note.xml")
    with pytest.raises(InputError, match=r"images in folders are not, such as images/1\.jpg"):
        write_manifest(str(root), str(tmp_path / "m.parquet"))


def test_globs_of_shards_go_as_deep_as_they_say(tmp_path: Path) -> None:
    root = make(tmp_path / "archive", "0.tar", "a/1.tar", "a/b/2.tar", "a/t.parquet")
    for pattern, shards in (("*.tar", 1), ("*/*.tar", 1), ("**/*.tar", 3), ("a/**/*.tar", 2)):
        assert len(list(list_images(f"{root}/{pattern}").rows)) == shards, pattern
    assert len(list(list_images(f"{root}/**/*.parquet").rows)) == 2


def test_an_extension_has_a_dot(tmp_path: Path) -> None:
    root = make(tmp_path / "archive", "jpg/1.jpg", "set/png/2.png", "gif", "set.v2/tiff")
    listing = list_images(str(root))
    assert [row.path for row in listing.rows] == ["jpg/1.jpg", "set/png/2.png"]
    assert listing.skipped.by_kind == {"no extension": 2}


def test_directories_in_a_tar_are_no_images(tmp_path: Path) -> None:
    root = make(tmp_path, "frames.png/1.png", "jpg/2.jpg")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for name in ("frames.png", "jpg"):
            tar.add(root / name, name)
    assert [row.path for row in list_images(str(tmp_path / "t.tar")).rows] == [
        "frames.png/1.png",
        "jpg/2.jpg",
    ]
