"""Parquet that people have: columns of any usual name and type, and those that are named."""

from __future__ import annotations

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
from ray_jobs.runs.sources.table_columns import TableColumns, choose_columns

DATA = [b"one", b"two", b"three"]
STRUCTS = [{"bytes": each, "path": f"{n}.jpg"} for n, each in enumerate(DATA)]
BYTES: dict[str, pa.Array] = {
    "binary": pa.array(DATA, pa.binary()),
    "large_binary": pa.array(DATA, pa.large_binary()),
    "binary_view": pa.array(DATA, pa.binary_view()),
    "dictionary": pa.array(DATA, pa.binary()).dictionary_encode(),
    "list<uint8>": pa.array([list(each) for each in DATA], pa.list_(pa.uint8())),
    "large_list<uint8>": pa.array([list(each) for each in DATA], pa.large_list(pa.uint8())),
    "struct": pa.array(STRUCTS),
    "struct, large": pa.array(
        STRUCTS, pa.struct([("path", pa.large_string()), ("bytes", pa.large_binary())])
    ),
}
TEXTS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
}


def listed(
    table: pa.Table, root: Path, columns: TableColumns | None = None
) -> list[dict[str, Any]]:
    pq.write_table(table, root / "t.parquet")
    write_manifest(str(root / "t.parquet"), str(root / "m.parquet"), columns=columns)
    return [r for t in read_manifest(str(root / "m.parquet"), None) for r in t.to_pylist()]


def fetched(rows: list[dict[str, Any]]) -> list[bytes | None]:
    return list(fetch(pa.Table.from_pylist(rows)).column("bytes").to_pylist())


@pytest.mark.parametrize("cells", BYTES.values(), ids=BYTES.keys())
@pytest.mark.parametrize("name", ["image", "IMG", "image_bytes", "jpg", "whatever"])
def test_bytes_of_every_type(name: str, cells: pa.Array, tmp_path: Path) -> None:
    rows = listed(pa.table({"caption": ["x", "y", "z"], name: cells}), tmp_path)
    assert fetched(rows) == DATA
    assert {row["column"] for row in rows} == {name}


@pytest.mark.parametrize("kind", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("name", ["URL", "Uri", "img", "image_path", "file_name"])
def test_addresses_of_every_type(name: str, kind: pa.DataType, tmp_path: Path) -> None:
    for n, each in enumerate(DATA):
        (tmp_path / f"{n}.jpg").write_bytes(each)
    cells = pa.array([f"{n}.jpg" for n in range(3)]).cast(kind)
    assert fetched(listed(pa.table({"TEXT": ["a", "b", "c"], name: cells}), tmp_path)) == DATA


KEYS: dict[str, pa.Array] = {
    "text": pa.array(["a", "b", "c"]),
    "uint64": pa.array([2**64 - 1, 1, 2], pa.uint64()),
    "dictionary": pa.array(["a", "b", "c"]).dictionary_encode(),
    "int8": pa.array([-1, 0, 1], pa.int8()),
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize("name", ["id", "image_id", "sample"])
def test_keys_of_every_type(name: str, keys: pa.Array, tmp_path: Path) -> None:
    table = pa.table({name: keys, "image": DATA})
    rows = listed(table, tmp_path, TableColumns(key=name))
    assert [row["path"] for row in rows] == [str(key) for key in keys.to_pylist()]


@pytest.mark.parametrize("ids", [["000a", "b", "c"], pa.array([2**64 - 1, 1, 2], pa.uint64())])
def test_a_table_with_names_of_a_manifest_is_none(ids: Any, tmp_path: Path) -> None:
    paths = ["p/1.jpg", "p/2.jpg", "p/3.jpg"]
    rows = listed(pa.table({"image_id": ids, "path": paths, "uri": paths}), tmp_path)
    assert [row["path"] for row in rows] == paths
    assert all(row["uri"].startswith(f"file://{tmp_path}/p/") for row in rows)


def test_columns_that_are_named_win(tmp_path: Path) -> None:
    table = pa.table(
        {"image": [b"thumb"] * 3, "Full": DATA, "id": [1, 2, 3], "serial": ["x", "y", "z"]}
    )
    rows = listed(table, tmp_path, TableColumns("full", "SERIAL"))
    assert fetched(rows) == DATA
    assert [row["path"] for row in rows] == ["x", "y", "z"]
    numbered = listed(table, tmp_path, TableColumns("Full", "#"))
    assert [row["path"] for row in numbered] == ["#0-0", "#0-1", "#0-2"]


WRONG: dict[str, tuple[pa.Table, TableColumns, str]] = {
    "no such column": (
        pa.table({"image": DATA}),
        TableColumns(image="img"),
        "--image-column img: no such column .* it has image",
    ),
    "a type that holds no images": (
        pa.table({"image": [1.5]}),
        TableColumns(image="image"),
        "--image-column image: it is double",
    ),
    "a type that is no key": (
        pa.table({"image": DATA, "k": [[1], [2], [3]]}),
        TableColumns(key="k"),
        r"--id-column k: it is list<\w+: int64> .* text or a whole number",
    ),
    "two that may": (
        pa.table({"left": DATA, "right": DATA}),
        TableColumns(),
        "left and right may each hold the images; give --image-column left",
    ),
    "none": (
        pa.table({"caption": ["x"], "vector": [[0.1]]}),
        TableColumns(),
        r"it has caption \(string\), vector \(list<.*; name it with --image-column",
    ),
    "a key twice": (
        pa.table({"name": ["cat", "cat", "dog"], "image": DATA}),
        TableColumns(),
        "'cat' is listed 2 times .* keys are those of name: --id-column NAME .* '#' numbers",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_read_says_why(
    case: tuple[pa.Table, TableColumns, str], tmp_path: Path
) -> None:
    table, columns, says = case
    with pytest.raises(InputError, match=says):
        listed(table, tmp_path, columns)


def test_columns_are_of_tables_only(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(
        InputError, match=r"--id-column id is for Parquet files, and .* as a folder"
    ):
        write_manifest(str(tmp_path), str(tmp_path / "m.parquet"), columns=TableColumns(key="id"))


def test_hugging_face_s_paths_without_bytes(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"a")
    cells = [
        {"bytes": None, "path": "images/a.jpg"},
        {"bytes": b"b", "path": "images/none.jpg"},
        {"bytes": None, "path": "images/none.jpg"},
        {"bytes": None, "path": None},
        None,
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    found = fetch(
        pa.Table.from_pylist(listed(pa.table({"image": pa.array(cells, kind)}), tmp_path))
    )
    assert found.column("bytes").to_pylist() == [b"a", b"b", None, None, None]
    assert found.column("error").to_pylist() == [None, None, *["missing"] * 3]
    assert "images/none.jpg" in found.column("error_detail").to_pylist()[2]


def test_cells_are_held_to_the_limit(tmp_path: Path) -> None:
    found = fetch(pa.Table.from_pylist(listed(pa.table({"image": DATA}), tmp_path)), 3)
    assert found.column("error").to_pylist() == [None, None, "too_many_bytes"]


@pytest.mark.parametrize(
    ("columns", "image", "key"),
    [
        ({"payload": pa.binary(), "file_name": pa.string()}, "payload", "file_name"),
        ({"path": pa.string(), "photo": pa.large_binary()}, "photo", "path"),
        ({"path": pa.string(), "phash": pa.binary()}, "path", "path"),
        ({"url": pa.string(), "payload": pa.binary()}, "url", None),
        ({"image": pa.string(), "embedding": pa.binary(), "id": pa.int64()}, "image", "id"),
        ({"md5": pa.binary(16), "x": pa.binary(), "filename": pa.string()}, "filename", "filename"),
    ],
)
def test_of_bytes_and_names_the_bytes_are_images_and_hashes_are_not(
    columns: dict[str, pa.DataType], image: str, key: str | None
) -> None:
    chosen = choose_columns("t.parquet", pa.schema(list(columns.items())), TableColumns())
    assert (chosen.image, chosen.key) == (image, key)


others = st.dictionaries(
    st.sampled_from(["caption", "width", "label", "Score", "tags", "when", "embedding"]),
    st.sampled_from(
        [
            pa.string(),
            pa.float64(),
            pa.list_(pa.float32()),
            pa.timestamp("ms"),
            pa.bool_(),
            pa.decimal128(9, 2),
            pa.struct([("a", pa.int8())]),
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([*DATA, b"", None]), min_size=1, max_size=9),
    st.sampled_from(["image", "Img", "BYTES", "jpg", "payload"]),
    st.sampled_from([pa.binary(), pa.large_binary(), pa.binary_view(), pa.list_(pa.uint8())]),
    st.one_of(st.none(), st.sampled_from(["id", "Key", "file_name", "__key__"])),
    st.sampled_from([pa.string(), pa.large_string(), pa.uint64(), pa.string_view()]),
    others,
    st.integers(1, 4),
    st.booleans(),
)
def test_rows_of_any_schema_in_are_rows_out(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[bytes | None],
    name: str,
    kind: pa.DataType,
    key: str | None,
    key_kind: pa.DataType,
    more: dict[str, pa.DataType],
    group: int,
    keep: bool,
) -> None:
    folder = tmp_path_factory.mktemp("t")
    values = [c if c is None or not pa.types.is_list(kind) else list(c) for c in cells]
    columns: dict[str, pa.Array] = {n: pa.nulls(len(cells), k) for n, k in more.items()}
    columns[name] = pa.array(values, kind)
    if key is not None:
        keys = [n if pa.types.is_integer(key_kind) else f"k{n}" for n in range(len(cells))]
        columns[key] = pa.array(keys, key_kind)
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=group)
    kept = TableColumns(keep=("all",) if keep else ())
    manifest = write_manifest(str(folder / "t.parquet"), str(folder / "m.parquet"), columns=kept)
    tables = list(read_manifest(str(folder / "m.parquet"), None))
    rows = [row for each in tables for row in each.to_pylist()]
    assert manifest.images == len(rows) == len({row["path"] for row in rows}) == len(cells)
    assert (fetched(rows)) == [cell or None for cell in cells]
    if keep:
        expected = {*more, *([key] if key else [])}
        assert ({*rows[0]["kept"]} if expected else set()) == expected
