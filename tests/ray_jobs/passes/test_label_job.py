"""Labelling through real Ray Data and open_clip: every image has its row, from every archive."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

import fieldguide
from actors import storage
from actors.classifier_store import load_classifier, load_reference
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA, LABELS_SCHEMA
from methods.drift import EDGES
from methods.errors import InputError, LedgerError
from ray_jobs.cli import WRONG_USAGE, execute
from ray_jobs.config import LabelClassifierConfig, LabelZeroShotConfig
from ray_jobs.passes.read_images import rows_per_block
from ray_jobs.verbs.label import label as run_label
from tests.helpers.broken_images import FILES, archive_of_files
from tests.helpers.run_files import Rows, record_of, rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session")


def label(images: str, out: Path, classifier: str, **settings: Any) -> dict[str, Any]:
    """Label with a ready classifier."""
    config = LabelClassifierConfig(images=images, out=str(out), classifier=classifier, **settings)
    return run_label(config)


def labels(run: Path | str) -> Rows:
    """The labels table by path."""
    return rows_by_path(run, LABELS_SCHEMA)


def same(one: Rows, two: Rows) -> bool:
    """The same labels for the same images; scores within rounding of other batches."""
    assert one.keys() == two.keys()
    return all(
        (a["label"], a["image_id"], a["error"]) == (b["label"], b["image_id"], b["error"])
        and a["score"] == pytest.approx(b["score"], abs=1e-5)
        for a, b in ((one[path], two[path]) for path in one)
    )


@pytest.fixture(scope="module")
def folder_run(
    birds: Path, classifier_folder: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The drawn birds, labelled from their folder."""
    out = tmp_path_factory.mktemp("runs") / "folder"
    record = label(str(birds / "images"), out, classifier_folder)
    assert (record["images"], record["labelled"], record["errors"]) == (48, 48, {})
    return out


def test_the_labels_table_is_what_it_should_be(folder_run: Path, bird_paths: list[str]) -> None:
    rows = labels(folder_run)
    assert rows.keys() == set(bird_paths)
    for row in rows.values():
        assert row["label"] == row["top_labels"][0]
        assert row["score"] == row["top_scores"][0]
        assert row["top_scores"] == sorted(row["top_scores"], reverse=True)
        assert len(row["top_labels"]) == 5
        assert 0 < row["score"] <= 1
        assert row["method"] == "zero_shot"
    for file in (folder_run / "labels").glob("*.parquet"):
        assert pq.read_schema(file).names == CLASSIFIER_LABELS_SCHEMA.names


def test_the_runs_classifier_remembers_what_the_archive_looked_like(folder_run: Path) -> None:
    folder = str(folder_run / "classifier")
    reference = load_reference(load_classifier(folder), folder)
    rows = labels(folder_run).values()
    assert reference is not None
    assert reference.images == len(rows) == reference.distances.sum()
    assert reference.labels == Counter(row["label"] for row in rows)
    table = pads.dataset(str(folder_run / "labels")).to_table().column("distance").to_numpy()
    assert (reference.distances == np.histogram(table, EDGES)[0]).all()
    assert 0 < table.min() < table.max() < 2


def test_run_json_holds_what_the_contract_says(folder_run: Path) -> None:
    record = record_of(folder_run)
    assert {
        *("method", "images", "labelled", "errors", "seconds", "images_per_second", "mllm_calls"),
        *(
            "answers_reused",
            "prompt_tokens",
            "output_tokens",
            "engine_starts",
            "config",
            "versions",
        ),
    } <= record.keys()
    assert record["state"] == "finished"


def test_folder_parquet_tar_and_s3_give_the_same_labels(
    birds: Path,
    bird_paths: list[str],
    folder_run: Path,
    classifier_folder: str,
    s3_bucket: str,
    tmp_path: Path,
) -> None:
    images = birds / "images"
    with tarfile.open(tmp_path / "birds.tar", "w") as tar:
        for path in bird_paths:
            tar.add(images / path, path)
    data = [(images / path).read_bytes() for path in bird_paths]
    pq.write_table(pa.table({"path": bird_paths, "bytes": data}), tmp_path / "birds.parquet")
    for path, content in zip(bird_paths, data, strict=True):
        storage.write_bytes(f"{s3_bucket}/birds/{path}", content)
    expected = labels(folder_run)
    for number, source in enumerate(
        (str(tmp_path / "birds.tar"), str(tmp_path / "birds.parquet"), f"{s3_bucket}/birds")
    ):
        out = tmp_path / f"run{number}"
        label(source, out, classifier_folder)
        assert same(expected, labels(out)), source


@pytest.mark.extended
def test_label_zero_shot_is_fit_and_label(birds: Path, folder_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = LabelZeroShotConfig(
        images=str(birds / "images"), classes=str(birds / "classes.txt"), out=str(out)
    )
    run_label(config)
    assert same(labels(folder_run), labels(out))
    assert (out / "classifier" / "classifier.json").is_file()


@pytest.mark.extended
def test_batch_and_block_sizes_change_nothing(
    birds: Path, folder_run: Path, classifier_folder: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    label(str(birds / "images"), out, classifier_folder, clip_batch=7, rows_per_block=16)
    assert same(labels(folder_run), labels(out))
    assert len(list((out / "labels").glob("*.parquet"))) == 3


@pytest.fixture
def bad_archive(tmp_path: Path) -> Path:
    """Every kind of file an archive can hold."""
    root = archive_of_files(tmp_path / "bad")
    (root / "dangling.jpg").symlink_to(root / "gone.jpg")
    (root / "folder.jpg").mkdir()
    return root


def test_every_bad_file_is_a_row_with_its_code(
    bad_archive: Path, classifier_folder: str, tmp_path: Path
) -> None:
    listing = tmp_path / "list.txt"
    names = [*FILES, "dangling.jpg", "folder.jpg", "never-existed.jpg"]
    one_line = [name for name in names if "\n" not in name]
    listing.write_text(
        "\n".join(f"bad/{name}" for name in one_line) + "\nhttp://127.0.0.1:9/a.jpg\n"
    )
    record = label(str(listing), tmp_path / "listed", classifier_folder)
    rows = labels(tmp_path / "listed")
    expected = {f"bad/{name}": FILES[name][1] for name in one_line if name in FILES}
    expected |= {
        "bad/dangling.jpg": "missing",
        "bad/folder.jpg": "not_a_file",
        "bad/never-existed.jpg": "missing",
        "http://127.0.0.1:9/a.jpg": "storage_error",
    }
    assert {path: row["error"] for path, row in rows.items()} == expected
    for row in rows.values():
        assert (row["error"] is None) == (row["error_detail"] is None) == (row["label"] is not None)
        assert bool(row["top_labels"]) == (row["error"] is None)
    assert record["labelled"] + sum(record["errors"].values()) == record["images"] == len(rows)
    from_folder = label(str(bad_archive), tmp_path / "walked", classifier_folder)
    assert from_folder["images"] == len(FILES) + 2
    assert labels(tmp_path / "walked")["new\nline.jpg"]["error"] is None


def test_a_file_deleted_during_the_run_is_a_row(
    birds: Path, classifier_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(birds / "images", copy)
    victim = next(copy.rglob("*.*"))
    while victim.is_dir():
        victim = next(victim.rglob("*.*"))
    from ray_jobs.passes import label_job

    listed = label_job.list_archive

    def list_then_delete(*arguments: Any) -> None:
        listed(*arguments)
        victim.unlink()

    monkeypatch.setattr(label_job, "list_archive", list_then_delete)
    record = label(str(copy), tmp_path / "run", classifier_folder)
    assert record["errors"] == {"missing": 1}
    assert labels(tmp_path / "run")[str(victim.relative_to(copy))]["error"] == "missing"


def test_a_finished_run_does_nothing_again(
    birds: Path, folder_run: Path, classifier_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.read_bytes() for p in folder_run.rglob("*") if p.is_file()}

    def refuse(*_: object) -> None:
        raise AssertionError("Ray was asked for")

    monkeypatch.setattr("ray_jobs.passes.label_job.start_ray", refuse)
    record = label(str(birds / "images"), folder_run, classifier_folder)
    assert record["labelled"] == 48
    assert {p: p.read_bytes() for p in folder_run.rglob("*") if p.is_file()} == before


def test_another_run_s_folder_is_refused_and_a_broken_ledger_told(
    birds: Path, folder_run: Path, classifier_folder: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="belongs to another run, which differs in max_pixels"):
        label(str(birds / "images"), folder_run, classifier_folder, max_pixels=1000)
    copy = tmp_path / "copy"
    shutil.copytree(folder_run, copy)
    record = record_of(copy)
    next((copy / "labels").glob("*.parquet")).unlink()
    with pytest.raises(LedgerError, match="does not add up: 48 images in the manifest"):
        label(str(birds / "images"), copy, classifier_folder)
    assert record["state"] == "finished"


@pytest.mark.extended
def test_the_truth_is_never_read(
    blind: Path, folder_run: Path, classifier_folder: str, tmp_path: Path
) -> None:
    label(str(blind / "images"), tmp_path / "run", classifier_folder)
    assert same(labels(folder_run), labels(tmp_path / "run"))


def test_units_of_work_follow_the_archive_s_size() -> None:
    sizes = (1, 1000, 10_000, 10_000_000)
    assert [rows_per_block(n, 64) for n in sizes] == [64, 64, 320, 512]
    assert [rows_per_block(n, 100) for n in sizes] == [100, 100, 400, 600]


@pytest.mark.extended
def test_a_run_folder_in_a_bucket(
    birds: Path, folder_run: Path, classifier_folder: str, s3_bucket: str
) -> None:
    out = f"{s3_bucket}/runs/one"
    config = LabelClassifierConfig(
        images=str(birds / "images"), out=out, classifier=classifier_folder
    )
    assert run_label(config)["labelled"] == 48
    assert same(labels(folder_run), labels(out))
    assert run_label(config)["state"] == "finished"
    assert storage.exists(f"{out}/run.json")


def test_weights_that_cannot_be_loaded_are_one_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "clip"
    shutil.copytree(fieldguide.CLIP_FOLDER, copy)
    weights = copy / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    command = ["label", "zero_shot", "--images", str(birds / "images"), "--clip", str(copy)]
    command += ["--classes", str(birds / "classes.txt"), "--out", str(tmp_path / "run")]
    assert execute(command, io.StringIO()) == WRONG_USAGE
    message = capsys.readouterr().err.strip()
    assert "its weights cannot be loaded" in message
    assert len(message.splitlines()) == 1
