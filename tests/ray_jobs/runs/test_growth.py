"""An archive that grows and rows that are made again, on disk: never two rows of an image."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from actors import storage
from actors.mllm.responses import RESPONSE_TYPE
from actors.storage.tables import write_table
from methods.errors import InputError
from methods.image_ids import IdFingerprint, image_id
from ray_jobs.config import LabelZeroShotConfig
from ray_jobs.runs import growth
from ray_jobs.runs.folder import RunFolder, open_run
from ray_jobs.runs.growth import RunTables, asked_anew, end_retry, retry, settle, update
from ray_jobs.runs.ledger import count_labels, rows_committed
from ray_jobs.runs.manifest import read_manifest, write_manifest
from ray_jobs.runs.stage_tables import stage_table
from ray_jobs.runs.usage import count_usage

TABLES = RunTables(("recognise",), ("choose",), {"recognise": ["q"], "choose": ["c"]}, "label")
FILES = 3


def archive(folder: Path, names: Iterable[str]) -> str:
    """Files with the names of images."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return str(folder)


def answer(text: str | None, error: str | None = None, reused: bool = False) -> dict[str, Any]:
    """A cell of a stage table."""
    called = not reused
    return {
        "answer": text,
        "finish_reason": "stop" if text else None,
        "prompt_tokens": 10,
        "output_tokens": 2,
        "reused": reused,
        "engine": "one" if called else None,
        "error": error,
        "error_detail": error,
    }


def finished_run(out: str, images: str, errors: dict[str, str]) -> RunFolder:
    """A run as a job leaves it: manifest, stage tables, labels, checkpoints."""
    run = open_run(out, {"method": "slac", "images": images}, {})
    listed = write_manifest(images, run.manifest)
    run.save(
        manifest={**vars(listed), "fingerprint": vars(listed.fingerprint)},
        images=listed.images,
        stages=["choose"],
        state="finished",
    )
    rows = [row for table in read_manifest(run.manifest, None) for row in table.to_pylist()]
    write_rows(run, rows, errors)
    said = pa.array([answer("bird"), answer("cat", reused=True)], RESPONSE_TYPE)
    write(stage_table(run, "choose"), "0", pa.table({"c": said}))
    return run


def write_rows(run: RunFolder, rows: list[dict[str, Any]], errors: dict[str, str]) -> None:
    """Label rows as a job would: a few files, each with its checkpoint."""
    for number in range(FILES):
        mine = rows[number::FILES]
        ids = [row["image_id"] for row in mine]
        codes = [errors.get(row["path"]) for row in mine]
        cells = [
            None if c == "missing" else answer(None if c == "mllm_timeout" else "a bird", c)
            for c in codes
        ]
        labels = {"image_id": ids, "path": [row["path"] for row in mine]}
        table = pa.table({**labels, "error": pa.array(codes, pa.string())})
        stage = pa.table({"image_id": ids, "q": pa.array(cells, RESPONSE_TYPE)})
        name = f"{len(storage.list_files(run.labels))}"
        for folder, content in (
            (run.labels, table),
            (stage_table(run, "recognise"), stage),
            (run.checkpoint("recognise"), table.select(["image_id"])),
            (run.checkpoint("label"), table.select(["image_id"])),
        ):
            write(folder, name, content)


def write(folder: str, name: str, table: pa.Table) -> None:
    write_table(storage.join(folder, f"{name}.parquet"), table)


def ids_in(folder: str) -> list[int]:
    """Image ids of a folder's files, sorted."""
    filesystem, _ = storage.resolve(folder)
    paths = storage.list_files(folder, ".parquet")
    tables = [pq.read_table(p, columns=["image_id"], filesystem=filesystem) for p in paths]
    return sorted(i for table in tables for i in table.column("image_id").to_pylist())


def ids_of(*names: str) -> list[int]:
    return sorted(map(image_id, names))


NAMES = [f"{letter}.jpg" for letter in "abcdefgh"]


@pytest.fixture(params=["local", "s3"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A run folder here, and one in a bucket."""
    if request.param == "local":
        return str(tmp_path / "run")
    return f"{request.getfixturevalue('s3_bucket')}/growth/{tmp_path.name}"


def test_new_images_come_into_the_manifest_and_nothing_is_done_twice(
    out: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = archive(tmp_path / "images", NAMES)
    run = finished_run(out, images, {})
    checkpoints = run.checkpoint("recognise"), run.checkpoint("label")
    (tmp_path / "images" / "a.jpg").unlink()
    archive(tmp_path / "images", ["new.jpg", "newer.jpg"])
    caplog.set_level(logging.INFO, "onoma")
    assert update(run, images, TABLES) == 2
    assert f"1 of the run's images are no longer in {images}, such as a.jpg" in caplog.text
    assert "2 new images; with those there were, 10" in caplog.text
    assert ids_in(run.manifest) == ids_of(*NAMES, "new.jpg", "newer.jpg")
    assert (run.checkpoint("recognise"), run.checkpoint("label")) == checkpoints
    assert rows_committed(run.checkpoint("label")) == 8
    record = json.loads(storage.read_bytes(storage.join(run.uri, "run.json")))
    assert (record["state"], record["images"], record["stages"]) == ("running", 10, [])
    write_rows(run, [{"image_id": image_id(n), "path": n} for n in ("new.jpg", "newer.jpg")], {})
    ledger = count_labels(run.labels)
    assert ledger.problem(10, IdFingerprint(**record["manifest"]["fingerprint"])) is None
    assert update(run, images, TABLES) == 0
    assert "no new images" in caplog.text
    archive(tmp_path / "images", ["newest.jpg"])
    assert update(run, images, TABLES) == 1
    assert ids_in(run.manifest) == ids_of(*NAMES, "new.jpg", "newer.jpg", "newest.jpg")
    assert run.checkpoint("label") == checkpoints[1]


def test_an_update_that_died_while_it_listed_leaves_nothing(tmp_path: Path) -> None:
    images = archive(tmp_path / "images", NAMES)
    run = finished_run(str(tmp_path / "run"), images, {})
    write(run.manifest, "update-0001-part-00000", pa.table({"image_id": [1]}))
    settle(run, TABLES)
    assert ids_in(run.manifest) == ids_of(*NAMES)
    archive(tmp_path / "images", ["new.jpg"])
    write(run.manifest, "update-0001-part-00000", pa.table({"image_id": [1]}))
    assert update(run, images, TABLES) == 1
    settle(run, TABLES)
    assert ids_in(run.manifest) == ids_of(*NAMES, "new.jpg")


def test_an_image_that_moved_is_read_where_it_is_now(tmp_path: Path) -> None:
    def table(names: list[str]) -> str:
        data = {"path": names, "bytes": [name.encode() for name in names]}
        pq.write_table(pa.table(data), tmp_path / "all.parquet", row_group_size=2)
        return str(tmp_path / "all.parquet")

    images = table(["a", "b", "c"])
    run = finished_run(str(tmp_path / "run"), images, {})
    table(["new", "c", "b"])
    assert update(run, images, TABLES) == 1
    rows = {
        row["path"]: (row["row_group"], row["row"])
        for part in read_manifest(run.manifest, None)
        for row in part.to_pylist()
    }
    assert rows == {"new": (0, 0), "c": (0, 1), "b": (1, 0), "a": (0, 0)}
    assert run.record["gone"] == {"images": 1, "example": "a"}


def test_an_archive_that_is_gone_or_lists_an_image_twice_changes_nothing(tmp_path: Path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text("a.jpg\nb.jpg\n")
    run = finished_run(str(tmp_path / "run"), str(listing), {})
    before = dict(run.record)
    for text in ("a.jpg\nb.jpg\na.jpg\n", "a.jpg\nc.jpg\nc.jpg\n"):
        listing.write_text(text)
        with pytest.raises(InputError, match="twice"):
            update(run, str(listing), TABLES)
        assert len(ids_in(run.manifest)) == 2
    listing.unlink()
    with pytest.raises(InputError, match="no such folder or file"):
        update(run, str(listing), TABLES)
    assert run.record == before


ERRORS = {"b.jpg": "missing", "c.jpg": "mllm_timeout", "d.jpg": "missing", "e.jpg": "refusal"}


def test_rows_with_an_error_leave_labels_tables_and_checkpoints(
    out: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = finished_run(out, archive(tmp_path / "images", NAMES), ERRORS)
    caplog.set_level(logging.INFO, "onoma")
    assert retry(run, ["missing", "mllm_timeout"], TABLES) == 3
    assert "asking again about 3 images: missing 2, mllm_timeout 1" in caplog.text
    kept = ids_of("a.jpg", "e.jpg", "f.jpg", "g.jpg", "h.jpg")
    for folder in (
        *(run.labels, stage_table(run, "recognise")),
        *(run.checkpoint("recognise"), run.checkpoint("label")),
    ):
        assert ids_in(folder) == kept, folder
    assert run.record["state"] == "running"
    assert asked_anew(run) is None, "what failed is in no cache"
    assert run.record["images"] == 8
    end_retry(run)
    assert run.record["retried"] == {"missing": 2, "mllm_timeout": 1}
    assert retry(run, ["corrupt"], TABLES) == 0
    assert "no row of" in caplog.text


def test_useless_answers_are_asked_for_again_and_not_looked_up(tmp_path: Path) -> None:
    run = finished_run(str(tmp_path / "run"), archive(tmp_path / "images", NAMES), ERRORS)
    assert retry(run, ["all"], TABLES) == 4
    again = asked_anew(run)
    assert again is not None
    assert again.tolist() == ids_of("e.jpg")


@pytest.mark.parametrize("steps", range(1, 6))
def test_a_removal_that_dies_is_finished_by_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    run = finished_run(str(tmp_path / "run"), archive(tmp_path / "images", NAMES), ERRORS)
    done, remove = [], growth._remove_from

    def dying(folder: str, ids: Any, path: str) -> None:
        done.append(path)
        if len(done) > steps:
            raise KeyboardInterrupt
        remove(folder, ids, path)

    monkeypatch.setattr(growth, "_remove_from", dying)
    monkeypatch.setattr(growth, "_WORKERS", 1)
    with pytest.raises(KeyboardInterrupt):
        retry(run, ["all"], TABLES)
    monkeypatch.undo()
    again = RunFolder(run.uri, json.loads((tmp_path / "run" / "run.json").read_text()))
    assert not again.finished
    settle(again, TABLES)
    kept = ids_of("a.jpg", "f.jpg", "g.jpg", "h.jpg")
    for folder in (
        *(run.labels, stage_table(run, "recognise")),
        *(run.checkpoint("recognise"), run.checkpoint("label")),
    ):
        assert ids_in(folder) == kept


def test_an_attempt_that_was_cut_off_keeps_what_it_has_not_made_yet(tmp_path: Path) -> None:
    run = finished_run(str(tmp_path / "run"), archive(tmp_path / "images", NAMES), ERRORS)
    retry(run, ["refusal", "missing"], TABLES)
    write_rows(run, [{"image_id": image_id("b.jpg"), "path": "b.jpg"}], {})
    assert retry(run, ["mllm_timeout"], TABLES) == 1
    again = asked_anew(run)
    assert again is not None
    assert again.tolist() == ids_of("e.jpg"), "it is still to be asked about"
    assert image_id("b.jpg") in ids_in(run.labels), "it was made, and stays"


def test_questions_of_rows_made_again_stay_counted(tmp_path: Path) -> None:
    run = finished_run(str(tmp_path / "run"), archive(tmp_path / "images", NAMES), ERRORS)
    asked = {"recognise": ["q"], "choose": ["c"]}
    before = count_usage(run, asked).record()
    assert before == {
        "mllm_calls": 7,
        "answers_reused": 1,
        "engine_starts": 1,
        "prompt_tokens": 70,
        "output_tokens": 14,
    }
    retry(run, ["missing", "mllm_timeout"], TABLES)
    storage.delete_folder(stage_table(run, "choose"))
    said = [answer("bird", reused=True), answer("cat", reused=True)]  # by the cache, this time
    write(stage_table(run, "choose"), "0", pa.table({"c": pa.array(said, RESPONSE_TYPE)}))
    rows = [{"image_id": image_id(n), "path": n} for n in ("b.jpg", "c.jpg", "d.jpg")]
    write_rows(run, rows, {})
    after = count_usage(run, asked).record()
    assert after == {
        "mllm_calls": 10,
        "answers_reused": 1,
        "engine_starts": 1,
        "prompt_tokens": 100,
        "output_tokens": 20,
    }


def test_labels_that_depend_on_others_are_all_written_again(tmp_path: Path) -> None:
    images = archive(tmp_path / "images", NAMES)
    run = finished_run(str(tmp_path / "run"), images, {})
    archive(tmp_path / "images", ["new.jpg"])
    names = RunTables(("recognise",), (), {"recognise": ["q"]}, "label", relabels=True)
    update(run, images, names)
    settle(run, names)
    assert ids_in(run.labels) == ids_in(run.checkpoint("label")) == []
    assert ids_in(stage_table(run, "recognise")) == ids_of(*NAMES), "nothing is asked again"
    assert pads.dataset(run.manifest).count_rows() == 9


def test_codes_are_checked_and_told() -> None:
    given = {"images": "a", "out": "b", "classes": "c"}
    made = LabelZeroShotConfig(**given, retry_errors=["missing, corrupt", "all"])
    assert made.retry_errors == ["missing", "corrupt", "all"]
    assert LabelZeroShotConfig(**given, retry_errors="missing").retry_errors == ["missing"]
    with pytest.raises(ValueError, match=r"no error 'mising' \(did you mean missing\?\)"):
        LabelZeroShotConfig(**given, retry_errors=["mising"])
