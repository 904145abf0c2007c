"""From a pass's small files to the store's, and to NumPy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.embedding_store import feature_array
from methods.errors import InputError
from ray_jobs.verbs.embed.numpy_export import check_target, export_numpy
from ray_jobs.verbs.embed.packing import as_embeddings, groups_of_files
from tests.helpers.stores import opened, store_table, unit


def raw(table: pa.Table, width: int, dtype: str) -> pa.Table:
    """The rows as the pass writes them: features as bytes."""
    features = feature_array(table.column("feature")).astype(dtype)
    fine = table.column("error").is_null().to_pylist()
    cells = [row.tobytes() if ok else None for row, ok in zip(features, fine, strict=True)]
    kind = pa.binary(width * np.dtype(dtype).itemsize)
    at = table.schema.get_field_index("feature")
    return table.set_column(at, "feature", pa.array(cells, kind))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("errors", [{}, {0: "corrupt", 6: "missing"}])
def test_bytes_become_features(dtype: str, errors: dict[int, str]) -> None:
    table = store_table(unit(9, 4).astype(dtype), errors=errors)
    packed = as_embeddings(raw(table, 4, dtype), 4, dtype)
    assert packed.schema == table.schema
    assert packed.column("error").equals(table.column("error"))
    for name in ("feature", "digest", "image_id"):
        assert packed.column(name).to_pylist() == table.column(name).to_pylist()


def test_a_block_of_broken_images_alone_is_packed_as_well() -> None:
    table = store_table(unit(2, 4).astype(np.float16), errors={0: "corrupt", 1: "missing"})
    assert as_embeddings(raw(table, 4, "float16"), 4, "float16").column("feature").null_count == 2


def test_small_files_are_grouped_in_order_and_empty_ones_left_out(tmp_path: Path) -> None:
    for number, rows in enumerate([3, 0, 4, 5, 1]):
        pq.write_table(pa.table({"a": list(range(rows))}), tmp_path / f"{number}.parquet")
    pq.write_table(pa.table({}), tmp_path / "5.parquet")

    def names(rows: int) -> list[list[str]]:
        return [[Path(p).stem for p in group] for group in groups_of_files(str(tmp_path), rows)]

    assert names(7) == [["0", "2"], ["3", "4"]]
    assert names(1) == [["0"], ["2"], ["3"], ["4"]]
    assert names(1000) == [["0", "2", "3", "4"]]
    assert names(7) == names(7)


def test_numpy_maps_the_features_of_a_store(tmp_path: Path) -> None:
    features = unit(25, 6).astype(np.float16)
    table = store_table(features, errors={7: "corrupt"})
    store = opened(tmp_path / "store", table.slice(0, 11), table.slice(11))
    out = tmp_path / "new" / "arrays"
    check_target(str(out))
    assert export_numpy(store, str(out)) == str(out)
    kept = [number for number in range(25) if number != 7]
    mapped = np.load(out / "features.npy", mmap_mode="r")
    assert (mapped.dtype, mapped.shape) == (np.float16, (24, 6))
    assert (mapped == features[kept]).all()
    ids = np.load(out / "ids.npy")
    assert ids.tolist() == table.column("image_id").take(pa.array(kept)).to_pylist()
    lines = (out / "paths.txt").read_text().splitlines()
    assert lines == [f"{number}.jpg" for number in kept]


def test_a_target_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a local folder"):
        check_target("s3://bucket/arrays")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        check_target(str(tmp_path / "file"))
