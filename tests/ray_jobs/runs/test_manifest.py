"""Listing archives of every kind: the same images get the same ids, and nothing disappears."""

from __future__ import annotations

import logging
import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors import storage
from actors.images.fetch import fetch_bytes
from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.runs.manifest import read_manifest, write_manifest


def rows(source: str, out: Path) -> dict[str, dict[str, object]]:
    """Write a manifest and read it back, by path."""
    manifest = write_manifest(source, str(out))
    found = [row for table in read_manifest(str(out), None) for row in table.to_pylist()]
    assert len(found) == manifest.images == manifest.fingerprint.count
    assert all(row["image_id"] == image_id(row["path"]) for row in found)
    return {row["path"]: row for row in found}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """a.jpg, b c/d.png and things that are no images."""
    root = tmp_path / "tree"
    (root / "b c").mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"one")
    (root / "b c" / "d.PNG").write_bytes(b"two")
    (root / "notes.txt").write_bytes(b"x")
    (root / "LICENSE").write_bytes(b"x")
    return root


def test_a_folder_keeps_everything_that_is_named_like_an_image(
    tree: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tree / "gone.jpg").symlink_to("/nothing/there.jpg")
    (tree / "x.jpg").mkdir()
    (tree / "x.jpg" / "inside.jpg").write_bytes(b"three")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe.jpg")
    with caplog.at_level(logging.WARNING):
        found = rows(str(tree), tmp_path / "m.parquet")
    assert set(found) == {
        *("a.jpg", "b c/d.PNG", "gone.jpg", "x.jpg", "x.jpg/inside.jpg", "pipe.jpg"),
    }
    assert fetch_bytes(found["b c/d.PNG"]) == b"two"
    assert "skipped 2 entries that are no images by name" in caplog.text
    assert ".txt 1" in caplog.text


def test_strange_names_come_back(tree: Path, tmp_path: Path) -> None:
    names = [
        "two  'quotes\" .jpg",
        "new\nline.jpg",
        "\U0001f99c.jpg",
        "x" * 251 + ".jpg",
        "%41#?.jpg",
    ]
    for name in names:
        (tree / name).write_bytes(name.encode())
    with open(os.fsencode(tree) + b"/\xff.jpg", "wb") as file:
        file.write(b"raw")
    found = rows(str(tree), tmp_path / "m.parquet")
    assert all(fetch_bytes(found[name]) == name.encode() for name in names)
    assert fetch_bytes(found["\\xff.jpg"]) == b"raw"


def test_every_kind_of_archive_gives_the_same_paths_and_bytes(tree: Path, tmp_path: Path) -> None:
    expected = {"a.jpg": b"one", "b c/d.PNG": b"two"}
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for path in expected:
            tar.add(tree / path, path)
        tar.add(tree / "notes.txt", "a.txt")
    table = {"path": list(expected), "image": list(expected.values())}
    pq.write_table(pa.table(table), tmp_path / "bytes.parquet", row_group_size=1)
    uris = [storage.local_uri(str(tree / path)) for path in expected]
    pq.write_table(pa.table({"path": list(expected), "uri": uris}), tmp_path / "uris.parquet")
    (tmp_path / "tree" / "list.txt").write_text("a.jpg\n\nb c/d.PNG\n")
    sources = [
        *(str(tree), str(tree) + "/", storage.local_uri(str(tree)), str(tree / "**" / "*.*")),
        *(str(tmp_path / "t.tar"), str(tmp_path / "bytes.parquet")),
        *(str(tmp_path / "uris.parquet"), str(tree / "list.txt")),
    ]
    for number, source in enumerate(sources):
        found = rows(source, tmp_path / f"{number}.parquet")
        assert {path: fetch_bytes(row) for path, row in found.items()} == expected, source


def test_a_manifest_is_an_archive(tree: Path, tmp_path: Path) -> None:
    first = rows(str(tree), tmp_path / "1.parquet")
    assert rows(str(tmp_path / "1.parquet"), tmp_path / "2.parquet") == first


def test_shards_keep_equal_keys_apart(tree: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    for shard in ("0.tar", "1.tar"):
        with tarfile.open(shards / shard, "w") as tar:
            tar.add(tree / "a.jpg", "a.jpg")
    assert set(rows(str(shards), tmp_path / "m.parquet")) == {"0.tar/a.jpg", "1.tar/a.jpg"}
    assert len(rows(str(shards / "*.tar"), tmp_path / "g.parquet")) == 2


def test_large_listings_become_several_files(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray_jobs.runs.manifest._ROWS_AT_ONCE", 2)
    monkeypatch.setattr("ray_jobs.runs.manifest._ROWS_PER_FILE", 4)
    (tmp_path / "list.txt").write_text("".join(f"{i}.jpg\n" for i in range(11)))
    assert len(rows(str(tmp_path / "list.txt"), tmp_path / "m")) == 11
    assert [p.name for p in sorted((tmp_path / "m").iterdir())] == [
        *("part-00000.parquet", "part-00001.parquet", "part-00002.parquet"),
    ]


def wrong_sources(root: Path) -> dict[str, tuple[str, str]]:
    """Name -> (source, what the message says)."""
    (root / "empty").mkdir()
    (root / "no-images").mkdir()
    (root / "no-images" / "a.txt.gz").write_bytes(b"x")
    (root / "file.doc").write_bytes(b"x")
    (root / "bad.tar").write_bytes(b"x" * 600)
    (root / "bad.parquet").write_bytes(b"x")
    (root / "empty.txt").write_bytes(b"\n\n")
    (root / "twice.txt").write_bytes(b"a.jpg\nb.jpg\na.jpg\n")
    pq.write_table(pa.table({"x": [1]}), root / "other.parquet")
    with tarfile.open(root / "packed.tar", "w:gz") as tar:
        tar.add(root / "file.doc", "a.jpg")
    return {
        "absent": (str(root / "absent"), "no such folder or file"),
        "empty": (str(root / "empty"), "no images there"),
        "no images": (str(root / "no-images"), "skipped 1 entries"),
        "no archive": (str(root / "file.doc"), "not an archive"),
        "bad tar": (str(root / "bad.tar"), "no readable tar"),
        "packed tar": (str(root / "packed.tar"), "must be unpacked"),
        "bad parquet": (str(root / "bad.parquet"), "no readable Parquet"),
        "other parquet": (str(root / "other.parquet"), "no column with images"),
        "empty list": (str(root / "empty.txt"), "no images there"),
        "twice": (str(root / "twice.txt"), r"'a.jpg' is listed 2 times"),
        "empty glob": (str(root / "*.jpg"), "no images there"),
        "scheme": ("gopher://x/y", "gopher:// cannot be read"),
    }


def test_what_is_no_archive_is_one_sentence(tmp_path: Path) -> None:
    for name, (source, says) in wrong_sources(tmp_path).items():
        with pytest.raises(InputError, match=says) as caught:
            write_manifest(source, str(tmp_path / "m.parquet"))
        assert "\n" not in str(caught.value), name


def test_two_paths_with_one_id_are_told(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray_jobs.runs.manifest.image_id", lambda path: 7)
    with pytest.raises(InputError, match="hash to one id"):
        write_manifest(str(tree), str(tmp_path / "m.parquet"))
