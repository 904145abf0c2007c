"""Tables of ours are read as they were written: a folder ``key=value`` above adds no column."""

from __future__ import annotations

import ast
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.labels.table import LABELS_SCHEMA
from ray_jobs.passes.session import Capacity
from ray_jobs.runs.reader import RunReader
from tests.helpers.own_modules import nodes_of

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "methods",
    "actors",
    "ray_jobs",
    "serve",
    "onoma",
    "fieldguide",
    "benchmarks",
    "examples",
)
READERS = {"read_parquet", "read_table", "dataset", "ParquetDataset"}
KEYS = ("label=x", "score=9", "image_id=3", "method=mine", "error=none", "top_labels=q")


def reads_of_tables(path: Path) -> list[ast.Call]:
    """Calls of PyArrow and Ray Data that may take columns from paths."""
    return [
        node
        for node in nodes_of(path, ast.Call)
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in READERS
        and ast.unparse(node.func.value) in ("pq", "pads", "ds", "ray.data", "pa.dataset")
    ]


def test_every_read_says_that_paths_hold_no_columns() -> None:
    reads, wrong = 0, []
    for path in sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")):
        for call in reads_of_tables(path):
            reads += 1
            given = {each.arg: ast.unparse(each.value) for each in call.keywords}
            if given.get("partitioning") != "None":
                wrong.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert reads > 8
    assert not wrong


def test_a_run_below_such_folders_reads_its_own_columns(tmp_path: Path) -> None:
    run = tmp_path.joinpath(*KEYS)
    (run / "labels").mkdir(parents=True)
    row = {"image_id": 7, "path": "a.jpg", "label": "tench", "score": 0.5, "method": "zero_shot"}
    pq.write_table(pa.Table.from_pylist([row], LABELS_SCHEMA), run / "labels" / "0.parquet")
    [table] = RunReader(str(run)).batches(["image_id", "path", "labels", "scores"])
    assert table.to_pylist() == [
        {"image_id": 7, "path": "a.jpg", "labels": ["tench"], "scores": [0.5]}
    ]


@pytest.mark.parametrize("name", ["image_id=3", "what?"])
def test_a_checkpoint_below_such_folders_knows_its_images(
    ray_session: Capacity, tmp_path: Path, name: str
) -> None:
    import ray

    from ray_jobs.passes.session import pass_settings
    from ray_jobs.runs.stage_tables import read_stage

    run = tmp_path / name
    for images in (2, 5):  # the second attempt is of the same two and three more
        for each in (run / "manifest").glob("*"):
            each.unlink()
        (run / "manifest").mkdir(parents=True, exist_ok=True)
        ids = pa.table({"image_id": pa.array(range(images), pa.int64())})
        pq.write_table(ids, run / "manifest" / "part.parquet")
        with pass_settings(str(run / "checkpoint" / "label-1")):
            read_stage(str(run / "manifest")).write_parquet(
                str(tmp_path / "labels"), mode=ray.data.SaveMode.APPEND
            )
    written = pq.read_table(tmp_path / "labels", partitioning=None)
    assert sorted(written["image_id"].to_pylist()) == [0, 1, 2, 3, 4]


def test_an_archive_is_labelled_below_such_folders(
    ray_session: Capacity, birds: Path, tmp_path: Path
) -> None:
    from ray_jobs.config import LabelZeroShotConfig
    from ray_jobs.verbs.label import label

    out = tmp_path.joinpath(*KEYS, "what?")
    settings = {"images": str(birds / "images"), "classes": str(birds / "classes.txt")}
    label(LabelZeroShotConfig(**settings, out=str(out)))
    names = set((birds / "classes.txt").read_text().split("\n"))
    rows = [
        row
        for table in RunReader(str(out)).batches(["image_id", "labels", "scores", "error"])
        for row in table.to_pylist()
    ]
    assert len({row["image_id"] for row in rows}) == len(rows) == 48
    assert all(row["error"] is None and set(row["labels"]) <= names for row in rows)
    assert len({row["labels"][0] for row in rows}) > 1
    assert all(row["scores"][0] <= 1 for row in rows)
