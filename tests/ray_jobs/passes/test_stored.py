"""Which images of a run a store holds; and where a store cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from methods.errors import InputError
from ray_jobs.config import LabelZeroShotConfig
from ray_jobs.passes.stored import match_store, refuse_store, store_identity
from ray_jobs.runs.folder import RunFolder
from tests.helpers.stores import manifest_of, opened, store_table, unit


def run_of(folder: Path, numbers: list[int], root: str = "/archive") -> RunFolder:
    """A run over some of a hundred images."""
    table = manifest_of(store_table(unit(100, 2), root)).take(numbers)
    (folder / "manifest").mkdir(parents=True)
    pq.write_table(table, folder / "manifest" / "part-00000.parquet")
    return RunFolder(str(folder), {"images": table.num_rows})


def test_a_store_of_the_whole_archive_leaves_nothing_to_read(tmp_path: Path) -> None:
    store = opened(tmp_path / "store", store_table(unit(100, 2)))
    run = run_of(tmp_path / "run", list(range(100)))
    found = match_store(run, store)
    assert (found.known, found.ids, found.unstored) == (100, None, None)
    assert run.record["embeddings"] == {"folder": store.uri, "used": 100, "encoded": 0}


def test_images_that_it_does_not_hold_get_a_manifest_of_their_own(tmp_path: Path) -> None:
    table = store_table(unit(60, 2), errors={1: "corrupt", 2: "storage_error"})
    store = opened(tmp_path / "store", table.slice(0, 10), table.slice(10))
    run = run_of(tmp_path / "run", [0, 1, 2, 50, 70, 99])
    found = match_store(run, store)
    assert found.known == 3
    ids = table.column("image_id").to_numpy()
    assert found.ids is not None
    assert found.ids.tolist() == sorted(ids[[0, 1, 50]].tolist())
    assert found.unstored is not None
    rest = pq.read_table(found.unstored.manifest)
    assert rest.column("path").to_pylist() == ["2.jpg", "70.jpg", "99.jpg"]
    assert found.unstored.count == 3
    again = match_store(run, store)
    assert (again.known, again.unstored) == (found.known, found.unstored)


def test_images_of_the_same_paths_elsewhere_are_others(tmp_path: Path) -> None:
    store = opened(tmp_path / "store", store_table(unit(100, 2)))
    found = match_store(run_of(tmp_path / "run", [3, 4], root="/another"), store)
    assert found.known == 0
    assert found.unstored is not None
    assert found.unstored.count == 2


def test_the_precision_of_a_store_belongs_to_a_run_and_its_place_does_not(tmp_path: Path) -> None:
    half = opened(tmp_path / "half", store_table(unit(2, 2).astype(np.float16)))
    full = opened(tmp_path / "full", store_table(unit(2, 2)))
    assert store_identity(None) == {}
    assert store_identity(half) == {"embeddings": "float16"}
    assert store_identity(full) == {"embeddings": "float32"}


def test_a_store_that_is_of_no_use_is_refused() -> None:
    config = LabelZeroShotConfig(images="x", out="y", classes="z")
    refuse_store(config, "no reason")
    with pytest.raises(InputError, match="--embeddings D: no reason; leave --embeddings out"):
        refuse_store(config.model_copy(update={"embeddings": "D"}), "no reason")
