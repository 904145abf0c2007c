"""Tables: as many rows come out as went in, whatever of them is null."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.images.fetch import fetch
from methods.errors import InputError
from ray_jobs.runs.manifest import read_manifest, write_manifest
from ray_jobs.runs.sources.listing import list_images
from ray_jobs.runs.sources.table_columns import TableColumns

KEYS = ("key", "__key__", "file_name", "id", "name")
ADDRESSES = ("uri", "url", "image_url", "image_path")


def listed(table: pa.Table, root: Path, **options: Any) -> list[dict[str, Any]]:
    pq.write_table(table, root / "t.parquet", **options)
    write_manifest(str(root / "t.parquet"), str(root / "m.parquet"))
    tables = list(read_manifest(str(root / "m.parquet"), None))
    return [row for each in tables for row in each.to_pylist()]


cells = st.one_of(st.none(), st.just(""), st.integers(0, 10**6).map(lambda n: f"/nowhere/{n}.jpg"))
keys = st.one_of(st.none(), st.just(""), st.integers(0, 10**9).map("k{}".format))


def is_once(rows: list[tuple[str | None, str | None]]) -> bool:
    """Whether no key, nor an address that stands for one, is given twice."""
    names = [key or address for key, address in rows if key or address]
    return len(set(names)) == len(names)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(keys, cells), min_size=1, max_size=12).filter(is_once),
    st.one_of(st.none(), st.sampled_from(KEYS)),
    st.sampled_from(ADDRESSES),
    st.sampled_from([pa.string(), pa.large_string()]),
    st.booleans(),
    st.integers(1, 5),
)
def test_rows_in_are_rows_out(
    rows: list[tuple[str | None, str | None]],
    key: str | None,
    address: str,
    kind: pa.DataType,
    others: bool,
    group: int,
) -> None:
    if key is None:
        rows = list(
            {
                (None, cell) if cell else (None, None, n): (None, cell)
                for n, (_, cell) in enumerate(rows)
            }.values()
        )
    columns: dict[str, Any] = {address: pa.array([cell for _, cell in rows], kind)}
    if key is not None:
        columns[key] = pa.array([name for name, _ in rows], kind)
    if others:
        columns["height"] = pa.array([1] * len(rows))
    with tempfile.TemporaryDirectory() as folder:
        found = listed(pa.table(columns), Path(folder), row_group_size=group)
    assert len(found) == len(rows)
    assert len({row["path"] for row in found}) == len(rows)
    wanted = {name for name, _ in rows if name} if key else set()
    assert wanted <= {row["path"] for row in found}
    errors = fetch(pa.Table.from_pylist(found)).column("error").to_pylist()
    assert errors == ["missing"] * len(rows)


def test_null_addresses_are_rows_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    uris = [str(tmp_path / "a.jpg"), None, "", "  "]
    found = fetch(pa.Table.from_pylist(listed(pa.table({"uri": uris}), tmp_path))).to_pylist()
    assert [row["error"] for row in found] == [None, "missing", "missing", "missing"]
    assert {row["error_detail"] for row in found[1:]} == {"the table gives no address"}


def test_a_null_address_keeps_its_key_and_a_null_key_its_address(tmp_path: Path) -> None:
    table = pa.table({"key": ["k", None, None, None], "url": [None, "http://x/1.jpg", None, None]})
    paths = [row["path"] for row in listed(table, tmp_path)]
    assert paths == ["k", "http://x/1.jpg", "#2", "#3"]


@pytest.mark.parametrize("column", ["path", "uri"])
def test_a_manifest_with_nulls(tmp_path: Path, column: str) -> None:
    rows = {"image_id": [1, 2], "path": ["a", "b"], "uri": ["/a.jpg", "/b.jpg"]}
    rows[column] = [None, *rows[column][1:]]
    found = listed(pa.table(rows), tmp_path)
    assert [row["image_id"] for row in found] == [1, 2]
    assert found[0]["path"] == ("/a.jpg" if column == "path" else "a")
    assert fetch(pa.Table.from_pylist(found)).column("error").to_pylist() == ["missing"] * 2


@pytest.mark.parametrize("broken", [b"", b"PAR1", b"<html>404</html>", b"half"])
def test_a_broken_table_costs_its_own_rows(tmp_path: Path, broken: bytes) -> None:
    root = tmp_path / "a"
    root.mkdir()
    for name in ("0.parquet", "2.parquet"):
        pq.write_table(pa.table({"path": [f"{name}.jpg"], "image": [b"x"]}), root / name)
    whole = (root / "0.parquet").read_bytes()
    (root / "1.parquet").write_bytes(whole[: len(whole) // 2] if broken == b"half" else broken)
    manifest = write_manifest(str(root), str(tmp_path / "m.parquet"))
    assert manifest.images == 2
    assert "1.parquet is no readable Parquet" in manifest.skipped
    with pytest.raises(InputError, match="no readable Parquet"):
        write_manifest(str(root / "1.parquet"), str(tmp_path / "m.parquet"))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    two = pa.table([pa.array([b"a"]), pa.array([b"b"])], names=["image", "image"])
    pq.write_table(two, tmp_path / "t.parquet")
    for columns in (TableColumns(), TableColumns(image="image")):
        with pytest.raises(InputError, match="several columns called image"):
            list(list_images(str(tmp_path / "t.parquet"), columns).rows)
