"""Columns of the user's own that travel to the labels, of tables in and beside the archive."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.images.fetch import fetch
from actors.kept import KEPT, carry_kept, name_in_labels
from actors.labels.table import LABELS_SCHEMA
from actors.stage import stage
from methods.errors import InputError
from ray_jobs.cli import execute
from ray_jobs.runs.manifest import read_manifest, write_manifest
from ray_jobs.runs.sources.table_columns import TableColumns


def kept(source: str, tmp_path: Path, *names: str) -> dict[str, Any]:
    out = tmp_path / "m.parquet"
    write_manifest(source, str(out), columns=TableColumns(keep=names))
    tables = [table.to_pylist() for table in read_manifest(str(out), None)]
    return {row["path"]: row.get(KEPT) for rows in tables for row in rows}


def test_columns_of_a_table(tmp_path: Path) -> None:
    when = datetime(2020, 1, 2)
    table = pa.table(
        {
            "URL": ["1.jpg", None],
            "TEXT": pa.array(["a", None]).dictionary_encode(),
            "label": [3, 4],
            "when": [when, None],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = kept(str(tmp_path / "t.parquet"), tmp_path, "text", "label", "when")
    assert found == {
        "1.jpg": {"TEXT": "a", "label": 3, "when": when},
        "#1": {"TEXT": None, "label": 4, "when": None},
    }
    everything = kept(str(tmp_path / "t.parquet"), tmp_path, "all")
    assert set(everything["1.jpg"]) == {"URL", "TEXT", "label", "when"}
    schema = pq.read_schema(tmp_path / "m.parquet")
    assert schema.field(KEPT).type.field("TEXT").type == pa.string()
    with pytest.raises(InputError, match=r"--keep-columns txt: no such column .* it has URL, TEXT"):
        kept(str(tmp_path / "t.parquet"), tmp_path, "txt")


def test_a_later_table_may_lack_a_column_and_not_change_its_type(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    pq.write_table(pa.table({"url": ["x.jpg"], "n": [1]}), tmp_path / "a" / "0.parquet")
    pq.write_table(pa.table({"url": ["y.jpg"]}), tmp_path / "a" / "1.parquet")
    assert kept(str(tmp_path / "a"), tmp_path, "n") == {"x.jpg": {"n": 1}, "y.jpg": {"n": None}}
    pq.write_table(pa.table({"url": ["y.jpg"], "n": ["one"]}), tmp_path / "a" / "1.parquet")
    with pytest.raises(InputError, match="--keep-columns n: a value is no int64"):
        kept(str(tmp_path / "a"), tmp_path, "n")


def test_img2dataset_s_tables_are_joined_to_its_tars(tmp_path: Path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    (tmp_path / "x.jpg").write_bytes(b"x")
    for number in range(2):
        with tarfile.open(root / f"{number:05d}.tar", "w") as tar:
            for sample in range(2):
                tar.add(tmp_path / "x.jpg", f"{number:05d}{sample:04d}.jpg")
        keys = [f"{number:05d}{sample:04d}" for sample in range(3)]  # the last one has failed
        captions = [f"caption {key}" for key in keys]
        pq.write_table(pa.table({"key": keys, "caption": captions}), root / f"{number:05d}.parquet")
    assert kept(str(root), tmp_path, "caption") == {
        f"{n:05d}.tar/{n:05d}{s:04d}.jpg": {"caption": f"caption {n:05d}{s:04d}"}
        for n in range(2)
        for s in range(2)
    }


def test_img2dataset_s_tables_are_joined_to_its_folders(tmp_path: Path) -> None:
    root = tmp_path / "a"
    (root / "00000").mkdir(parents=True)
    (root / "00000" / "000000007.jpg").write_bytes(b"x")
    pq.write_table(pa.table({"key": ["000000007"], "n": [7]}), root / "00000.parquet")
    assert kept(str(root), tmp_path, "all") == {"00000/000000007.jpg": {"key": "000000007", "n": 7}}


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("place", ["disk", "s3"])
def test_hugging_face_s_metadata_is_joined(
    kind: str, place: str, tmp_path: Path, s3_bucket: str
) -> None:
    from actors import storage

    root = str(tmp_path / "a") if place == "disk" else f"{s3_bucket}/hf-{kind}"
    rows = [{"file_name": "1.jpg", "text": "one"}, {"file_name": "sub/2.jpg", "text": "two"}]
    for name in ("train/1.jpg", "train/sub/2.jpg", "train/3.jpg", "4.jpg"):
        storage.write_bytes(f"{root}/{name}", b"x")
    if kind == "parquet":
        out = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows), out)
        data = out.getvalue().to_pybytes()
    elif kind == "csv":
        data = b"file_name,text\n1.jpg,one\nsub/2.jpg,two\n"
    else:
        data = "\n".join(json.dumps(row) for row in rows).encode()
    storage.write_bytes(f"{root}/train/metadata.{kind}", data)
    found = kept(root, tmp_path, "text")
    assert {path: row and row["text"] for path, row in found.items()} == {
        "train/1.jpg": "one",
        "train/sub/2.jpg": "two",
        "train/3.jpg": None,
        "4.jpg": None,
    }


def test_images_without_a_row_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "a" / name).write_bytes(b"x")
    kept(str(tmp_path / "a"), tmp_path, "text")
    assert "no table beside the images tells of them" in caplog.text
    (tmp_path / "a" / "metadata.csv").write_text("file_name,text\n1.jpg,one\n")
    kept(str(tmp_path / "a"), tmp_path, "text")
    assert "1 images have no row in the tables beside them" in caplog.text


@stage("label", LABELS_SCHEMA)
def some_labels(batch: pa.Table) -> pa.Table:
    """Rows of labels, as a method makes them."""
    rows = batch.select(["image_id", "path", "uri"]).to_pylist()
    return pa.Table.from_pylist([{**row, "label": "bird"} for row in rows], schema=LABELS_SCHEMA)


@stage("clean", ("name",))
def other_rows(batch: pa.Table) -> pa.Table:
    """Rows of another kind."""
    return pa.table({"name": ["x"] * batch.num_rows})


def test_a_stage_that_makes_labels_carries_them(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"url": ["1.jpg", "2.jpg"], "label": ["wren", "tit"], "uri": [None, None]}),
        tmp_path / "t.parquet",
    )
    columns = TableColumns("url", keep=("label", "uri", "url"))
    write_manifest(str(tmp_path / "t.parquet"), str(tmp_path / "m.parquet"), columns=columns)
    [rows] = read_manifest(str(tmp_path / "m.parquet"), None)
    labels = some_labels(fetch(rows))
    assert labels.column_names == [*LABELS_SCHEMA.names, "source_label", "source_uri", "url"]
    assert labels.column("label").to_pylist() == ["bird"] * 2
    assert labels.column("source_label").to_pylist() == ["wren", "tit"]
    assert other_rows(rows).column_names == ["name"]
    with pytest.raises(ValueError, match="not in the order"):
        carry_kept(rows, some_labels(rows).take([1, 0]).drop_columns(["source_label"]))


def test_names_that_labels_have_get_a_prefix(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert name_in_labels("caption", ()) == "caption"
    assert name_in_labels("error", ()) == "source_error"
    assert name_in_labels("error", ("source_error",)) == "source_source_error"
    pq.write_table(pa.table({"url": ["1.jpg"], "label": ["wren"]}), tmp_path / "t.parquet")
    kept(str(tmp_path / "t.parquet"), tmp_path, "all")
    assert "label as source_label" in caplog.text


def test_a_manifest_hands_on_what_it_keeps(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["1.jpg"], "text": ["t"]}), tmp_path / "t.parquet")
    columns = TableColumns(image="url", keep=("text",))
    write_manifest(str(tmp_path / "t.parquet"), str(tmp_path / "1.parquet"), columns=columns)
    write_manifest(str(tmp_path / "1.parquet"), str(tmp_path / "2.parquet"), columns=columns)
    assert pq.read_table(tmp_path / "1.parquet").equals(pq.read_table(tmp_path / "2.parquet"))


def test_labels_of_a_run_over_tars_are_an_archive(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (tmp_path / "x.jpg").write_bytes(b"x")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for name in ("1.jpg", "2.jpg", "3.jpg"):
            tar.add(tmp_path / "x.jpg", name)
    write_manifest(str(tmp_path / "t.tar"), str(run / "manifest"))
    [rows] = read_manifest(str(run / "manifest"), None)
    (run / "labels").mkdir()
    labels = some_labels(rows)
    pq.write_table(labels.slice(0, 2), run / "labels" / "0.parquet")
    out = str(tmp_path / "m.parquet")
    for source, count in ((str(run / "labels"), 2), (str(run / "labels" / "0.parquet"), 2)):
        assert write_manifest(source, out).images == count
        [found] = read_manifest(out, None)
        assert found.equals(rows.slice(0, 2))
        assert fetch(found).column("bytes").to_pylist() == [b"x"] * 2
    pq.write_table(labels, tmp_path / "alone.parquet")
    with pytest.raises(InputError, match=r"1\.jpg is somewhere in .*t\.tar.* give the manifest"):
        write_manifest(str(tmp_path / "alone.parquet"), out)


@pytest.mark.parametrize("verb", [("fit", "near"), ("fit", "autosep"), ("embed",)])
def test_where_no_labels_are_made_nothing_is_kept(
    verb: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--images", str(tmp_path), "--out", str(tmp_path / "out"), "--keep-columns", "a"]
    assert execute([*verb, *words], io.StringIO()) == 2
    assert f"--keep-columns: {verb[0]} makes no labels table" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
