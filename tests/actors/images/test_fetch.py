"""Fetching: bytes or a code, for files as they are on real disks."""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors import storage
from actors.images.errors import ImageError
from actors.images.fetch import _parquet_column, fetch, fetch_bytes


def code_of(path: Path, **row: object) -> str:
    with pytest.raises(ImageError) as caught:
        fetch_bytes({"uri": storage.local_uri(str(path)), **row})
    assert caught.value.detail
    return caught.value.code


def test_what_can_be_wrong_with_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert code_of(tmp_path / "folder.jpg") == "not_a_file"
    assert code_of(tmp_path / "pipe.jpg") == "not_a_file"
    assert code_of(tmp_path / "empty.jpg") == "empty_file"
    assert code_of(tmp_path / "dangling.jpg") == "missing"
    assert code_of(tmp_path / "never.jpg") == "missing"


def test_a_file_without_permission(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"x")
    secret.chmod(0)
    if os.geteuid() != 0:
        assert code_of(secret) == "no_permission"
        return
    # root may read everything: ask as nobody, in a process of its own
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            fetch_bytes({"uri": storage.local_uri(str(secret))})
            os._exit(1)
        except ImageError as error:
            os._exit(0 if error.code == "no_permission" else 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_size_limit_is_checked_before_reading(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    row = {"uri": storage.local_uri(str(tmp_path / "a.jpg"))}
    assert fetch_bytes(row, max_bytes=5) == b"12345"
    with pytest.raises(ImageError, match="5 bytes; the limit is 4"):
        fetch_bytes(row, max_bytes=4)


@pytest.mark.parametrize("name", ["a b.jpg", "q'\"?#%41.jpg", "new\nline.jpg", "\U0001f99c.jpg"])
def test_any_name_survives_as_a_uri(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"data")
    assert fetch_bytes({"uri": storage.local_uri(str(tmp_path / name))}) == b"data"


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    with open(raw, "wb") as file:
        file.write(b"data")
    assert fetch_bytes({"uri": storage.local_uri(os.fsdecode(raw))}) == b"data"


def test_a_range_of_a_tar_and_a_cell_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"hello")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(tmp_path / "a.jpg", "a.jpg")
    pq.write_table(
        pa.table({"image": [{"bytes": b"one", "path": ""}, {"bytes": None, "path": ""}]}),
        tmp_path / "t.parquet",
    )
    with tarfile.open(tmp_path / "t.tar") as tar:
        offset = tar.getmember("a.jpg").offset_data
    tar_uri = storage.local_uri(str(tmp_path / "t.tar"))
    table_uri = storage.local_uri(str(tmp_path / "t.parquet"))
    assert fetch_bytes({"uri": tar_uri, "offset": offset, "length": 5}) == b"hello"
    assert code_of(tmp_path / "t.tar", offset=offset, length=-1) == "not_a_file"
    assert code_of(tmp_path / "t.tar", offset=1 << 20, length=5) in ("truncated", "storage_error")
    cell = {"uri": table_uri, "column": "image", "row_group": 0}
    assert fetch_bytes({**cell, "row": 0}) == b"one"
    assert code_of(tmp_path / "t.parquet", column="image", row_group=0, row=1) == "missing"


def test_a_tar_is_opened_once_for_all_its_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.tar").write_bytes(b"onetwothree")
    uri, resolve, opened = storage.local_uri(str(tmp_path / "t.tar")), storage.resolve, []

    def noted(uri: str) -> object:
        opened.append(uri)
        return resolve(uri)

    monkeypatch.setattr(storage, "resolve", noted)
    ranges = ((0, 3), (3, 3), (6, 5))
    found = [fetch_bytes({"uri": uri, "offset": at, "length": long}) for at, long in ranges]
    assert found == [b"one", b"two", b"three"]
    assert opened == [uri]


def test_a_batch_keeps_its_rows_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    uris = [storage.local_uri(str(tmp_path / name)) for name in ("b.jpg", "a.jpg")]
    batch = pa.table({"image_id": [1, 2], "path": ["b.jpg", "a.jpg"], "uri": uris})
    result = fetch(batch)
    assert result.column("image_id").to_pylist() == [1, 2]
    assert result.column("bytes").to_pylist() == [None, b"a"]
    assert result.column("error").to_pylist() == ["missing", None]


def test_a_column_chunk_is_read_once_for_all_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [f"image {number}".encode() for number in range(60)]
    file = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": cells}), file, row_group_size=20)
    opened = []

    def count(*given: object, **more: object) -> pq.ParquetFile:
        opened.append(given)
        time.sleep(0.05)  # in which the other threads of a batch come
        if len(opened) == 2:
            raise OSError("busy")
        return pq_file(*given, **more)

    pq_file = pq.ParquetFile
    monkeypatch.setattr("actors.images.fetch.pq.ParquetFile", count)
    monkeypatch.setattr("actors.images.fetch.storage.is_local", lambda uri: False)
    _parquet_column.cache_clear()
    rows = {
        "uri": [storage.local_uri(str(file))] * 60,
        "column": ["image"] * 60,
        "row_group": [number // 20 for number in range(60)],
        "row": [number % 20 for number in range(60)],
    }
    found = fetch(pa.table(rows)).to_pylist()
    assert len(opened) == 3
    assert [row["bytes"] for row in found] == cells[:20] + [None] * 20 + cells[40:]
    assert [row["error"] for row in found[20:40]] == ["storage_error"] * 20
