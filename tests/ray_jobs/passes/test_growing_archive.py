"""A run over an archive that grows, with rows made again and its status read meanwhile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from actors.labels.table import ANSWER_LABELS_SCHEMA, LABELS_SCHEMA
from ray_jobs.config import LabelClassifierConfig, LabelTlacConfig
from ray_jobs.config.status import StatusConfig
from ray_jobs.passes import label_job
from ray_jobs.runs.progress import read_progress
from ray_jobs.verbs.label import label as run_label
from ray_jobs.verbs.status import status
from tests.helpers.run_files import rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture
def archive(birds: Path, bird_paths: list[str], tmp_path: Path) -> Path:
    """Ten birds, one of them cut short."""
    root = tmp_path / "archive"
    for path in bird_paths[:10]:
        copied(birds, path, root)
    (root / bird_paths[0]).write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    return root


def copied(birds: Path, path: str, root: Path) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(birds / "images" / path, root / path)


def test_a_run_in_a_bucket_grows_and_its_errors_are_made_again(
    birds: Path,
    bird_paths: list[str],
    archive: Path,
    classifier_folder: str,
    s3_bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = f"{s3_bucket}/growing/{tmp_path.name}"
    given: dict[str, Any] = {"images": str(archive), "out": out, "classifier": classifier_folder}
    seen: list[dict[str, Any]] = []
    run_passes = label_job.run_passes

    def looked_at(job: Any, passes: Any) -> None:
        run_passes(job, passes)
        seen.append(status(StatusConfig(run=out)))
        seen.append({"done": job.follower._last["done"], **job.follower._last["stages"]})

    monkeypatch.setattr(label_job, "run_passes", looked_at)
    record = run_label(LabelClassifierConfig(**given))
    assert (record["images"], sum(record["errors"].values())) == (10, 1)
    first = rows_by_path(out, LABELS_SCHEMA)
    assert seen[0]["state"] == "running"
    assert "clip" in seen[1]
    assert read_progress(out)["state"] == status(StatusConfig(run=out))["state"] == "finished"

    copied(birds, bird_paths[0], archive)  # it is whole again
    for path in bird_paths[10:14]:
        copied(birds, path, archive)
    (archive / bird_paths[5]).unlink()
    record = run_label(LabelClassifierConfig(**given, update=True, retry_errors=["all"]))
    assert (record["images"], record["labelled"], record["errors"]) == (14, 14, {})
    assert record["resumed_images"] == 9
    assert record["gone"] == {"images": 1, "example": bird_paths[5]}
    rows = rows_by_path(out, LABELS_SCHEMA)
    assert rows.keys() == set(bird_paths[:14])
    assert rows[bird_paths[0]]["label"]
    assert all(rows[path] == first[path] for path in bird_paths[1:10])
    assert status(StatusConfig(run=out))["says"] == "finished: 14 of 14 images labelled"

    monkeypatch.setattr(label_job, "start_ray", lambda: pytest.fail("Ray was asked for"))
    again = run_label(LabelClassifierConfig(**given, update=True, retry_errors=["all"]))
    assert again["images"] == 14


@pytest.mark.extended
def test_a_run_that_asks_asks_only_what_it_has_to(
    birds: Path, bird_paths: list[str], archive: Path, tmp_path: Path
) -> None:
    copied(birds, bird_paths[0], archive)
    answers = tmp_path / "answers.json"
    rules = [
        {"pattern": "tell me what", "answer": "no rule is asked for like this"},
        {"pattern": ".", "answer": (birds / "classes.txt").read_text().splitlines()[:2]},
    ]
    answers.write_text(json.dumps(rules))
    given: dict[str, Any] = {
        "images": str(archive),
        "out": str(tmp_path / "run"),
        "classes": str(birds / "classes.txt"),
        "mllm": f"dummy:{answers}",
    }
    first = run_label(LabelTlacConfig(**given))
    assert (first["images"], first["errors"]) == (10, {})
    before = rows_by_path(tmp_path / "run", ANSWER_LABELS_SCHEMA)
    for path in bird_paths[10:13]:
        copied(birds, path, archive)
    record = run_label(LabelTlacConfig(**given, update=True))
    assert (record["images"], record["labelled"]) == (13, 13)
    texts = {row["answer"] for row in rows_by_path(tmp_path / "run", ANSWER_LABELS_SCHEMA).values()}
    assert record["mllm_calls"] == 13 + len(texts), "each image and each text once"
    assert record["answers_reused"] == 0
    rows = rows_by_path(tmp_path / "run", ANSWER_LABELS_SCHEMA)
    assert all(rows[path] == before[path] for path in before)
