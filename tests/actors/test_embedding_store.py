"""The embedding store's files: features come back as they went in, and what is wrong is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.clip.model import resolve_clip
from actors.embedding_store import (
    RECORD,
    ROW_GROUP,
    STORED,
    feature_array,
    feature_column,
    open_store,
    rows_per_part,
    stored_rows,
    unit_features,
)
from methods.errors import InputError
from tests.helpers.stores import READING, make_store, opened, store_table, unit


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_features_come_back_as_they_went_in(tmp_path: Path, dtype: str) -> None:
    features = unit(50, 12).astype(dtype)
    table = store_table(features, errors={3: "corrupt", 49: "missing"})
    store = opened(tmp_path / "store", table.slice(0, 20), table.slice(20))
    assert (store.images, store.count, store.width, store.dtype) == (50, 48, 12, dtype)
    schema = pq.read_schema(store.files()[0])
    assert schema.field("feature").type == table.schema.field("feature").type
    found = pa.concat_tables(store.batches(["image_id", "feature", "error"], rows=7))
    expected = features.copy()
    expected[[3, 49]] = 0
    assert (feature_array(found.column("feature")) == expected).all()
    assert found.column("feature").null_count == 2
    assert found.column("image_id").equals(table.column("image_id"))


def test_slices_and_filters_of_a_column_of_features_are_read_in_place() -> None:
    features = unit(20, 4)
    column = feature_column(features, np.arange(20) % 3 > 0)
    kept = np.where(np.arange(20)[:, None] % 3 > 0, features, 0)
    assert (feature_array(column.slice(5, 9)) == kept[5:14]).all()
    some = pa.array(np.arange(20) > 11)
    assert (feature_array(column.filter(some)) == kept[12:]).all()
    chunks = pa.chunked_array([column.slice(0, 2), column.slice(7, 3)])
    assert (feature_array(chunks) == kept[[0, 1, 7, 8, 9]]).all()
    assert feature_array(column.slice(0, 0)).shape == (0, 4)


def test_rounded_features_are_of_unit_length_again_and_others_are_untouched() -> None:
    features, all_rows = unit(30, 64), np.ones(30, np.bool_)
    half = unit_features(feature_column(features.astype(np.float16), all_rows))
    assert np.linalg.norm(half, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.abs(half - features).max() < 5e-4
    assert (unit_features(feature_column(features, all_rows)) == features).all()
    assert (unit_features(feature_column(features.astype(np.float16), ~all_rows)) == 0).all()


def test_rows_that_bring_a_feature_are_known() -> None:
    batch = pa.table({"image_id": [1, 2, 3]})
    assert not stored_rows(batch).any()
    there = np.array([True, False, True])
    assert (
        stored_rows(batch.append_column(STORED, feature_column(unit(3, 2), there))) == there
    ).all()


def test_files_hold_whole_row_groups() -> None:
    assert rows_per_part(512, "float16") == 65536
    assert rows_per_part(1024, "float32") % ROW_GROUP == 0
    assert rows_per_part(10**9, "float32") == ROW_GROUP


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    def said(folder: Path) -> str:
        with pytest.raises(InputError) as caught:
            open_store(str(folder))
        return str(caught.value)

    assert "no such folder; make one with onoma embed" in said(tmp_path / "none")
    other = tmp_path / "other"
    other.mkdir()
    assert "is no embedding folder" in said(other)
    (other / "run.json").write_text('{"method": "zero_shot"}')
    assert "is no embedding folder" in said(other)
    (other / "run.json").write_text('{"method": "embed", "state": "running"}')
    assert "is half-written" in said(other)
    assert "run the same command again" in said(other)
    (other / RECORD).write_text("{")
    assert "is corrupt" in said(other)
    (other / RECORD).write_text("[]")
    assert "is corrupt" in said(other)
    store = Path(make_store(tmp_path / "store", store_table(unit(3, 2))))
    record = json.loads((store / RECORD).read_text())
    (store / RECORD).write_text(json.dumps({**record, "format": 99}))
    assert "is of another version" in said(store)
    (store / RECORD).write_text(json.dumps(record))
    (store / "embeddings/part-00001.parquet").write_bytes(b"PAR1 cut")
    assert "part-00001.parquet is cut short or corrupt" in said(store)
    (store / "embeddings/part-00001.parquet").unlink()
    (store / RECORD).write_text(json.dumps({**record, "images": 5}))
    assert "hold 3 of 5 images; copy all of them" in said(store)
    for file in (store / "embeddings").iterdir():
        file.unlink()
    assert "are gone" in said(store)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"precision": "int8"}, "was made with --precision auto, and this command says int8"),
        ({"as_stored": True}, "was made with --as-stored off, and this command says on"),
        ({"max_pixels": 10}, "--max-pixels 120000000, and this command says 10"),
    ],
)
def test_a_store_of_other_settings_is_refused(
    tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    store = opened(tmp_path / "store", store_table(unit(3, 128)))
    model, settings = resolve_clip("fieldguide"), {"precision": "auto", **READING}
    store.check(model, settings, "--embeddings X")
    with pytest.raises(InputError, match=sentence):
        store.check(model, {**settings, **changed}, "--embeddings X")


def test_a_store_of_another_clip_names_both(tmp_path: Path) -> None:
    model = resolve_clip("fieldguide")
    clip = {**model.record(), "name": "ViT-B-32/openai", "fingerprint": "clip:0", "embed_dim": 512}
    store = open_store(make_store(tmp_path / "store", store_table(unit(3, 512)), clip=clip))
    with pytest.raises(InputError) as caught:
        store.check(model, {"precision": "auto", **READING}, "--embeddings X")
    said = str(caught.value)
    assert "ViT-B-32/openai (512 wide), and fieldguide (128 wide) is asked for" in said
    assert "\n" not in said
