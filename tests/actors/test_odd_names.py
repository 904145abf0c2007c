"""Names that are no UTF-8 anywhere in a path: archives are listed and read by them."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from PIL import Image

from actors import storage
from actors.images.fetch import fetch
from ray_jobs.runs.manifest import read_manifest, write_manifest

ODD = os.fsdecode(b"caf\xe9 \xff%41?[1]")


def picture(color: str) -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(buffer, "PNG")
    return buffer.getvalue()


def images_of(source: str, tmp_path: Path) -> dict[str, bytes]:
    """What the manifest of an archive lists, and the bytes that are fetched by it."""
    out = str(tmp_path / "manifest.parquet")
    write_manifest(source, out)
    table = pa.concat_tables(read_manifest(out, None))
    found = fetch(table, max_bytes=1 << 20, s3="")
    assert found["error"].null_count == len(found), found["error_detail"].to_pylist()
    return dict(zip(table["path"].to_pylist(), found["bytes"].to_pylist(), strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder of an odd name, in another one."""
    place = os.path.join(str(tmp_path), ODD, os.fsdecode(b"x\xe9"))
    os.makedirs(place)
    return place


def test_a_folder_and_the_folders_of_its_classes(folder: str, tmp_path: Path) -> None:
    inner = os.path.join(folder, os.fsdecode(b"b\xe9te"))
    os.mkdir(inner)
    for name in ("a.png", os.fsdecode(b"\xe9.png")):
        Path(inner, name).write_bytes(picture("red"))
    assert images_of(folder, tmp_path) == {
        "b\\xe9te/a.png": picture("red"),
        "b\\xe9te/\\xe9.png": picture("red"),
    }
    globbed = images_of(os.path.join(folder, "*", "*.png"), tmp_path)
    assert set(globbed.values()) == {picture("red")}
    assert images_of(os.path.join(inner, "a.png"), tmp_path) == {"a.png": picture("red")}


def test_shards(folder: str, tmp_path: Path) -> None:
    for name, color in (("a.tar", "red"), (os.fsdecode(b"sh\xe9.tar"), "blue")):
        with tarfile.open(os.path.join(folder, name), "w") as shard:
            member = tarfile.TarInfo("1.png")
            member.size = len(picture(color))
            shard.addfile(member, io.BytesIO(picture(color)))
    both = {"a.tar/1.png": picture("red"), "sh\\xe9.tar/1.png": picture("blue")}
    assert images_of(folder, tmp_path) == both
    one = os.path.join(folder, os.fsdecode(b"sh\xe9.tar"))
    assert images_of(one, tmp_path) == {"1.png": picture("blue")}


def test_tables(folder: str, tmp_path: Path) -> None:
    file = os.path.join(folder, os.fsdecode(b"t\xe9.parquet"))
    with open(file, "wb") as out:
        pq.write_table(pa.table({"key": ["k"], "image": [picture("red")]}), out)
    assert images_of(file, tmp_path) == {"k": picture("red")}
    assert images_of(folder, tmp_path) == {"k": picture("red")}


def test_lists(folder: str, tmp_path: Path) -> None:
    Path(folder, "a.png").write_bytes(picture("red"))
    Path(folder, "list.txt").write_text("a.png\n")
    assert list(images_of(os.path.join(folder, "list.txt"), tmp_path).values()) == [picture("red")]


def test_the_file_system_travels_to_workers(folder: str) -> None:
    storage.write_bytes(os.path.join(folder, "a"), b"abc")
    filesystem, path = storage.resolve(os.path.join(folder, "a"))
    again = pickle.loads(pickle.dumps(filesystem))
    assert again == filesystem
    with again.open_input_file(path) as file:
        assert (file.size(), file.read_at(2, 1)) == (3, b"bc")
    assert storage.local_path(path) == os.path.join(folder, "a")
    assert storage.local_uri(path) == storage.local_uri(os.path.join(folder, "a"))
    filesystem, path = storage.resolve(folder)
    names = [info.path for info in filesystem.get_file_info(pafs.FileSelector(path))]
    assert [storage.local_path(each) for each in names] == [os.path.join(folder, "a")]
    assert filesystem.get_file_info(path + "/none").type == pafs.FileType.NotFound
    with pytest.raises(OSError, match="no UTF-8"):
        filesystem.open_output_stream(path + "/b")
    storage.delete_folder(folder)
    assert not storage.exists(folder)
