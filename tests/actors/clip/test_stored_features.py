"""Features of a store reach the images they belong to, and those images are not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from actors.clip.embeddings import EmbeddingRows, add_digests
from actors.clip.encoder import ClipEncoder
from actors.clip.image_features import ClipFeatures
from actors.clip.model import resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.clip.stored_features import attach_features, index_store, read_features
from actors.embedding_store import ROW_GROUP, STORED, feature_array, feature_column, stored_rows
from actors.images.decode import decode
from actors.images.fetch import fetch
from actors.mllm.response_cache import key_of
from tests.helpers.broken_images import JPEG
from tests.helpers.stores import manifest_of, opened, store_table, unit


def test_an_image_is_the_stores_by_id_and_address(tmp_path: Path) -> None:
    features = unit(40, 6).astype(np.float16)
    table = store_table(features, errors={5: "corrupt", 6: "missing"})
    store = opened(tmp_path / "store", table.slice(30), table.slice(0, 30))
    index = index_store(store)
    assert (index.encoded.sum(), index.settled.sum()) == (38, 39)  # a missing one is tried again
    asked = manifest_of(table.take(pa.array([31, 5, 0, 6, 29])))
    found = attach_features(asked, store, index)
    assert stored_rows(found).tolist() == [True, False, True, False, True]
    assert (feature_array(found.column(STORED))[[0, 2, 4]] == features[[31, 0, 29]]).all()
    assert found.drop_columns([STORED]).equals(asked)
    elsewhere = manifest_of(store_table(features, root="/another"))
    assert not stored_rows(attach_features(elsewhere, store, index)).any()


def test_features_are_read_from_any_row_group(tmp_path: Path) -> None:
    count = 2 * ROW_GROUP + 10
    features = unit(count, 2)
    table = store_table(features)
    cut = ROW_GROUP + 7
    store = opened(tmp_path / "store", table.slice(0, cut), table.slice(cut))
    places = np.random.default_rng(1).permutation(count)[:300]
    assert (read_features(store, places) == features[places]).all()


def test_images_with_a_feature_are_neither_read_nor_decoded_nor_encoded(tmp_path: Path) -> None:
    model = resolve_clip("fieldguide")
    file = tmp_path / "one.jpg"
    file.write_bytes(JPEG)
    known = np.array([True, False, True])
    own = unit(3, model.embed_dim)
    batch = pa.table(
        {
            "image_id": [1, 2, 3],
            "path": ["gone.jpg", "one.jpg", "gone.jpg"],
            "uri": [str(tmp_path / "gone.jpg"), str(file), str(tmp_path / "gone.jpg")],
            STORED: feature_column(own, known),
        }
    )
    pixels = decode(fetch(batch), model.preprocessing)
    assert pixels.column("error").to_pylist() == [None] * 3
    made = ClipFeatures(ClipRuntime(model, device="cpu"))(pixels)
    assert made.column("error").to_pylist() == [None] * 3
    found = np.array(made.column("feature").to_pylist(), np.float32)
    assert (found[known] == own[known]).all()
    alone = decode(fetch(batch.drop_columns([STORED]).slice(1, 1)), model.preprocessing)
    rows, encoded = ClipEncoder(model, device="cpu").encode_decoded(alone)
    assert rows.tolist() == [0]
    assert found[1] == pytest.approx(encoded[0], abs=1e-5)


def test_rows_of_a_store_are_made_of_bytes_and_pixels(tmp_path: Path) -> None:
    model = resolve_clip("fieldguide")
    (tmp_path / "good.jpg").write_bytes(JPEG)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    names = ["good.jpg", "bad.jpg", "gone.jpg"]
    batch = pa.table(
        {"image_id": [1, 2, 3], "path": names, "uri": [str(tmp_path / name) for name in names]}
    )
    read = add_digests(fetch(batch))
    assert read.column("digest").to_pylist() == [key_of(JPEG), key_of(b"no image"), None]
    rows = EmbeddingRows(ClipRuntime(model, device="cpu"), "float16")(
        decode(read, model.preprocessing)
    )
    assert rows.column("error").to_pylist() == [None, "not_an_image", "missing"]
    cells = rows.column("feature").to_pylist()
    assert cells[1:] == [None, None]
    feature = np.frombuffer(cells[0], np.float16).astype(np.float32)
    assert np.linalg.norm(feature) == pytest.approx(1, abs=1e-3)
    assert rows.column("digest").equals(read.column("digest"))
