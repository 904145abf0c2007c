"""Run folders: whose they are, and what becomes of those of another version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.labels.table import ANSWER_LABELS_SCHEMA
from methods.errors import InputError
from ray_jobs.runs.folder import FORMAT, open_run
from ray_jobs.runs.reader import RunReader

IDENTITY = {"method": "slac", "classes": ["a", "b"]}


def record_of(folder: Path) -> dict[str, Any]:
    """The content of a folder's ``run.json``."""
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def test_a_folder_is_its_runs_own(tmp_path: Path) -> None:
    run = open_run(str(tmp_path / "run"), IDENTITY, {"seed": 1})
    assert record_of(tmp_path / "run")["format"] == FORMAT
    assert open_run(run.uri, IDENTITY, {}).record["identity"] == IDENTITY
    with pytest.raises(InputError, match="belongs to another run, which differs in classes"):
        open_run(run.uri, {**IDENTITY, "classes": ["a"]}, {})


def test_a_name_of_an_earlier_version_is_known(tmp_path: Path) -> None:
    """A CLIP model's fingerprint had another form; what was begun with it goes on."""
    old = {**IDENTITY, "clip": "files:1", "class_matrix": {"clip": "files:1"}}
    new = {**IDENTITY, "clip": "clip:1-2", "class_matrix": {"clip": "clip:1-2"}}
    run = open_run(str(tmp_path / "run"), old, {})
    again = open_run(run.uri, new, {}, {"files:1": "clip:1-2"})
    assert again.checkpoint("label") == run.checkpoint("label")
    with pytest.raises(InputError, match=r"differs in .*clip \(files:1 there\)"):
        open_run(run.uri, new, {}, {"files:2": "clip:1-2"})


@pytest.mark.parametrize("state", ["running", "finished"])
def test_a_run_of_version_0_1_is_refused_in_one_sentence(tmp_path: Path, state: str) -> None:
    old = {"state": state, "method": "slac", "identity": IDENTITY, "versions": {"onoma": "0.1.0"}}
    (tmp_path / "run.json").write_text(json.dumps(old))
    with pytest.raises(InputError, match=r"was made by onoma 0\.1\.0: this version reads such"):
        open_run(str(tmp_path), IDENTITY, {})
    assert record_of(tmp_path) == old


def test_a_run_of_version_0_1_is_read(tmp_path: Path) -> None:
    row = {"image_id": 1, "path": "a.jpg", "label": "a", "answer": "an a", "top_labels": []}
    (tmp_path / "labels").mkdir()
    table = pa.Table.from_pylist([row], schema=ANSWER_LABELS_SCHEMA)
    pq.write_table(table, tmp_path / "labels" / "1.parquet")
    (tmp_path / "run.json").write_text(json.dumps({"method": "slac", "state": "finished"}))
    run = RunReader(str(tmp_path))
    assert run.responses == ("answer", "choice")
    assert [batch.to_pylist() for batch in run.batches(["labels", *run.responses])] == [
        [{"labels": ["a"], "answer": "an a", "choice": None}]
    ]
