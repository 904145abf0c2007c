"""Run folders that two jobs wrote to are made whole; a whole one is left alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from actors.labels.table import ANSWER_LABELS_SCHEMA
from methods.errors import InputError
from methods.image_ids import IdFingerprint
from ray_jobs.config import RepairConfig
from ray_jobs.runs.claim import claimed
from ray_jobs.runs.folder import FORMAT, RunFolder
from ray_jobs.runs.ledger import count_labels, rows_committed
from ray_jobs.verbs.repair import repair

IDS = [*range(-20, 20), -(1 << 63), (1 << 63) - 1]


NO_ERROR = {"error": None, "error_detail": None}


def row(image: int, **changes: Any) -> dict[str, Any]:
    """A row of the labels table."""
    return {"image_id": image, "path": f"{image}.jpg", "label": "a", **NO_ERROR, **changes}


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """A file of labels."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([ANSWER_LABELS_SCHEMA.field(n) for n in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / name)


def commit(run: RunFolder, stage: str, name: str, ids: list[int]) -> None:
    """A file of a checkpoint."""
    folder = Path(run.checkpoint(stage))
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image_id": pa.array(ids, pa.int64())}), folder / name)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of which every image is labelled, in three units."""
    folder = tmp_path / "run"
    fingerprint = IdFingerprint().add(np.array(IDS))
    record = {
        "format": FORMAT,
        "state": "running",
        "method": "zero_shot",
        "labelled_by": "zero_shot",
        "seconds": 3.0,
        "identity": {"method": "zero_shot"},
        "manifest": {"images": len(IDS), "fingerprint": asdict(fingerprint)},
        "images": len(IDS),
    }
    opened = RunFolder(str(folder), record)
    opened.save()
    (folder / "manifest").mkdir()
    pq.write_table(pa.table({"image_id": IDS}), folder / "manifest" / "part-00000.parquet")
    for number, ids in enumerate((IDS[:10], IDS[10:25], IDS[25:])):
        write(folder / "labels", f"u{number}-0.parquet", [row(each) for each in ids])
        commit(opened, "label", f"u{number}.parquet", ids)
    return opened


def mended(run: RunFolder) -> dict[str, Any]:
    """Repair it; its labels and its checkpoint have every id at most once."""
    result = repair(RepairConfig(run=run.uri))
    ids = pq.read_table(f"{run.uri}/labels")["image_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    known = [i for f in Path(run.checkpoint("label")).glob("*.parquet")
             for i in pq.read_table(f)["image_id"].to_pylist()]  # fmt: skip
    assert sorted(known) == sorted(ids)
    return result


def record_of(run: RunFolder) -> dict[str, Any]:
    return dict(json.loads(Path(run.uri, "run.json").read_text()))


def files_of(folder: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_whole_folder_is_left_alone(run: RunFolder) -> None:
    before = files_of(run.uri)
    result = repair(RepairConfig(run=run.uri))
    assert (result["repaired"], result["removed"], result["missing"]) == (False, {}, 0)
    assert "nothing was changed" in result["message"]
    assert files_of(run.uri) == before


def test_a_folder_that_was_killed_is_left_to_resume(run: RunFolder) -> None:
    labels, checkpoint = Path(run.uri, "labels"), Path(run.checkpoint("label"))
    (checkpoint / "u2.parquet").rename(checkpoint / "u2.pending.parquet")
    (labels / "u2-0.parquet").write_bytes(b"PAR1 cut")
    before = files_of(run.uri)
    result = repair(RepairConfig(run=run.uri))
    assert (result["repaired"], result["missing"]) == (False, len(IDS) - 25)
    assert files_of(run.uri) == before


def test_a_run_that_was_doubled_is_made_whole_and_finished(run: RunFolder) -> None:
    labels = Path(run.uri, "labels")
    first = {path.name: path.read_bytes() for path in labels.iterdir()}
    for number, ids in enumerate((IDS[:30], IDS[30:])):
        rows = [row(each, label="b") for each in ids]
        write(labels, f"v{number}-0.parquet", rows)
        commit(run, "label", f"v{number}.parquet", ids)
    result = mended(run)
    assert result["removed"] == {"labels": len(IDS)}
    assert "42 rows that were there twice; the run is finished" in result["message"]
    assert {path.name: path.read_bytes() for path in labels.iterdir()} == first
    ledger = count_labels(str(labels))
    assert ledger.problem(len(IDS), IdFingerprint().add(np.array(IDS))) is None
    record = record_of(run)
    assert (record["state"], record["labelled"], record["errors"]) == ("finished", len(IDS), {})
    assert record["ledger"]["rows"] == len(IDS)
    assert rows_committed(run.checkpoint("label")) == len(IDS)
    before = files_of(run.uri)
    assert not repair(RepairConfig(run=run.uri))["repaired"]
    assert files_of(run.uri) == before


def test_of_two_rows_the_one_without_an_error_stays(run: RunFolder) -> None:
    labels = Path(run.uri, "labels")
    failed = {"label": None, "error": "storage_error"}
    write(labels, "u0-0.parquet", [row(each, **failed) for each in IDS[:10]])
    again = [row(each, **failed) for each in IDS[:5]] + [row(each) for each in IDS[5:10]]
    write(labels, "z-0.parquet", again)
    commit(run, "label", "z.parquet", IDS[:10])
    mended(run)
    table = pq.read_table(labels)
    errors = dict(zip(table["image_id"].to_pylist(), table["error"].to_pylist(), strict=True))
    assert [errors[each] for each in IDS[:10]] == ["storage_error"] * 5 + [None] * 5
    assert record_of(run)["errors"] == {"storage_error": 5}


def test_what_is_strange_cut_or_only_said_to_be_done_goes(run: RunFolder) -> None:
    labels = Path(run.uri, "labels")
    write(labels, "x-0.parquet", [row(12345), row(12346)])
    (labels / "u1-0.parquet").write_bytes(b"PAR1 cut")
    result = mended(run)
    assert result["missing"] == 15
    assert "2 rows of images that the manifest does not list" in result["message"]
    assert "1 files that cannot be read" in result["message"]
    assert "run its command again to finish the rest" in result["message"]
    assert record_of(run)["state"] == "running"
    assert rows_committed(run.checkpoint("label")) == len(IDS) - 15


def test_stage_tables_are_made_whole_too(run: RunFolder) -> None:
    stage = Path(run.uri, "stages", "recognise")
    said = {"engine": "e", "reused": False, "prompt_tokens": 5, "output_tokens": 2}
    table = pa.Table.from_pylist([{"image_id": each, "tlac": said} for each in IDS])
    texts = pa.Table.from_pylist([{"description": t, "tlac": said} for t in ("a", "b", "a")])
    for folder in (stage, stage.with_name("choose")):
        folder.mkdir(parents=True)
    for name in ("a", "b"):
        pq.write_table(table, stage / f"{name}-0.parquet")
        commit(run, "recognise", f"{name}.parquet", IDS)
        pq.write_table(texts, stage.with_name("choose") / f"{name}-0.parquet")
    result = mended(run)
    assert result["removed"] == {"choose": 4, "recognise": len(IDS)}
    assert pq.read_table(stage)["image_id"].to_pylist() == IDS
    assert pq.read_table(stage.with_name("choose"))["description"].to_pylist() == ["a", "b"]
    record = record_of(run)
    assert record["mllm_calls"] == len(IDS) + 2
    assert record["prompt_tokens"] == 5 * (len(IDS) + 2)


def test_an_order_of_files_that_is_read_otherwise_gives_the_same(run: RunFolder) -> None:
    labels = Path(run.uri, "labels")
    for name in ("q-0.parquet", "a-0.parquet"):
        write(labels, name, [row(each, label=name) for each in IDS])
    commit(run, "label", "q.parquet", IDS)
    mended(run)
    assert set(pq.read_table(labels)["label"].to_pylist()) == {"a-0.parquet"}


@pytest.mark.slow
def test_in_s3_as_on_a_disk(run: RunFolder, s3_bucket: str, tmp_path: Path) -> None:
    from actors import storage

    for number, ids in enumerate((IDS[:30], IDS[30:])):
        write(Path(run.uri, "labels"), f"v{number}-0.parquet", [row(each) for each in ids])
        commit(run, "label", f"v{number}.parquet", ids)
    remote = f"{s3_bucket}/{tmp_path.name}/run"
    filesystem, path = storage.resolve(remote)
    pafs.copy_files(run.uri, path, pafs.LocalFileSystem(), filesystem)
    assert repair(RepairConfig(run=remote))["removed"] == {"labels": len(IDS)}
    assert count_labels(f"{remote}/labels").rows == len(IDS)
    assert not repair(RepairConfig(run=remote))["repaired"]


def test_what_is_no_run_is_refused_in_a_sentence(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        repair(RepairConfig(run=str(tmp_path / "nowhere")))
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=r"no run folder: it has no run\.json"):
        repair(RepairConfig(run=str(tmp_path / "photos")))
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="holds other things"):
        repair(RepairConfig(run=str(tmp_path / "photos")))
    with claimed(run.uri), pytest.raises(InputError, match="another job writes there"):
        repair(RepairConfig(run=run.uri))
    pq.write_table(pa.table({"image_id": IDS[:3]}), f"{run.uri}/manifest/part-00000.parquet")
    with pytest.raises(InputError, match="lists 3 images and is not the one"):
        repair(RepairConfig(run=run.uri))
    shutil.rmtree(f"{run.uri}/labels")
    run.save(format=1)
    with pytest.raises(InputError, match="another version"):
        repair(RepairConfig(run=run.uri))
