"""An archive embedded through Ray Data and CLIP, stopped and resumed, then labelled unread."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from actors.classifier_store import load_classifier, load_reference
from actors.embedding_store import open_store
from actors.labels.table import LABELS_SCHEMA
from actors.mllm.response_cache import key_of
from methods.errors import InputError
from ray_jobs.config import EmbedConfig, LabelClassifierConfig, LabelZeroShotConfig
from ray_jobs.verbs import embed as verb
from ray_jobs.verbs.embed import embed
from ray_jobs.verbs.label import label as run_label
from tests.helpers.run_files import Rows, record_of, rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session")


def labels(run: Path) -> Rows:
    return rows_by_path(run, LABELS_SCHEMA)


def same(one: Rows, two: Rows, drift: float) -> bool:
    """The same labels and errors of the same images, scores as near as that."""
    assert one.keys() == two.keys()
    for path, row in one.items():
        other = two[path]
        kept = ("image_id", "uri", "label", "error", "top_labels", "method")
        assert [row[name] for name in kept[:4]] == [other[name] for name in kept[:4]]
        assert row["method"] == other["method"]
        if row["error"] is None:
            assert row["score"] == pytest.approx(other["score"], abs=drift)
    return True


def fail(*_: Any) -> None:
    raise RuntimeError("the machine went away")


def test_embedded_once_labelled_often_and_no_image_is_read(
    birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, store = tmp_path / "archive", tmp_path / "store"
    shutil.copytree(birds / "images", archive)
    (archive / "text.png").write_text("this is no image")
    classes, images = str(birds / "classes.txt"), str(archive)
    read = {"images": images, "classes": classes}
    run_label(LabelZeroShotConfig(**read, out=str(tmp_path / "plain")))
    plain = labels(tmp_path / "plain")
    bytes_of = {path.name: path.read_bytes() for path in archive.rglob("*") if path.is_file()}

    # stopped when every image is encoded and nothing is packed: it goes on, and reads none again
    settings = {"images": images, "out": str(store), "rows_per_block": 64}
    with monkeypatch.context() as patch:
        patch.setattr(verb, "pack", fail)
        with pytest.raises(RuntimeError):
            embed(EmbedConfig(**settings))
    with pytest.raises(InputError, match="half-written"):
        run_label(LabelZeroShotConfig(**read, out=str(tmp_path / "no"), embeddings=str(store)))
    for path in archive.rglob("*.*"):
        path.write_bytes(b"nobody may read this")
    result = embed(EmbedConfig(**settings, export_numpy=str(tmp_path / "arrays")))
    assert (result["images"], result["embedded"], result["errors"]) == (49, 48, {"not_an_image": 1})
    assert (result["resumed_images"], result["dimension"]) == (49, 128)
    assert record_of(store)["state"] == "finished"
    assert not (store / "stages").exists()
    opened = open_store(str(store))
    assert (opened.images, opened.count, opened.dtype) == (49, 48, "float16")
    table = pq.read_table(opened.files()).to_pylist()
    assert all(row["digest"] == key_of(bytes_of[Path(row["path"]).name]) for row in table)
    assert embed(EmbedConfig(**settings))["embedded"] == 48

    stored = tmp_path / "stored"
    config = LabelZeroShotConfig(**read, out=str(stored), embeddings=str(store))
    record = run_label(config)
    assert same(plain, labels(stored), 1e-3)
    assert record["embeddings"] == {"folder": str(store), "used": 49, "encoded": 0}
    assert record["errors"] == {"not_an_image": 1}
    classifier = str(stored / "classifier")
    assert load_reference(load_classifier(classifier), classifier) is not None
    before = {p: p.read_bytes() for p in stored.rglob("*") if p.is_file()}
    assert run_label(config)["labelled"] == 48
    assert {p: p.read_bytes() for p in stored.rglob("*") if p.is_file()} == before

    # one image more: it is encoded, the others are not read
    name = sorted(n for n in bytes_of if n != "text.png")[0]
    (archive / "new.png").write_bytes(bytes_of[name])
    more = tmp_path / "more"
    record = run_label(
        LabelClassifierConfig(
            images=images, out=str(more), classifier=classifier, embeddings=str(store)
        )
    )
    assert record["embeddings"] == {"folder": str(store), "used": 49, "encoded": 1}
    found = labels(more)
    added = found.pop("new.png")
    original = next(row for path, row in plain.items() if Path(path).name == name)
    assert (added["label"], added["error"]) == (original["label"], None)
    assert same(plain, found, 1e-3)
    assert json.loads((store / "embeddings.json").read_text())["count"] == 48
