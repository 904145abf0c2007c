"""Kill -9, then the same command: one row an image, nothing done twice.

At ten random moments: ``python -m benchmarks.faults``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pytest

from actors.labels.table import LABELS_SCHEMA
from ray_jobs.config import LabelClassifierConfig
from ray_jobs.verbs.label import label as run_label

IMAGES = 600


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough images for several units of work."""
    from fieldguide.archive import draw_archive

    out = tmp_path_factory.mktemp("archive")
    draw_archive(out, IMAGES, seed=78)
    return out


def start(archive: Path, classifier: str, out: Path, unit: int = 64) -> subprocess.Popen[str]:
    """Start a labelling job as a user would, in a process group of its own."""
    command = [sys.executable, "-m", "ray_jobs", "label", "--classifier", classifier, "--json"]
    command += ["--images", str(archive / "images"), "--out", str(out)]
    command += ["--rows-per-block", str(unit), "--clip-batch", str(min(unit, 64))]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "RAY_ADDRESS": "local"},
    )


def finish(job: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a job to end well; return its result."""
    out, err = job.communicate(timeout=240)
    assert job.returncode == 0, err
    return dict(json.loads(out))


def wait_for_rows(job: subprocess.Popen[str], run: Path, rows: int) -> None:
    """Wait until that many rows are committed, or the job is over."""
    deadline = time.time() + 200
    while time.time() < deadline and job.poll() is None:
        if committed(run) >= rows:
            return
        time.sleep(0.02)
    pytest.fail(f"{committed(run)} rows committed, {rows} waited for; exit {job.poll()}")


def committed(run: Path) -> int:
    """Rows of committed checkpoints."""
    files = [
        p for p in run.glob("checkpoint/*/*.parquet") if not p.name.endswith(".pending.parquet")
    ]
    return int(pads.dataset([str(p) for p in files]).count_rows()) if files else 0


def rows_of(run: Path) -> dict[int, str]:
    """Label by image id; each image once."""
    table = pads.dataset(str(run / "labels"), schema=LABELS_SCHEMA).to_table()
    rows = dict(zip(table["image_id"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert len(rows) == table.num_rows == IMAGES
    return rows


def test_killed_jobs_resume_exactly_once(
    archive: Path, classifier_folder: str, tmp_path: Path
) -> None:
    calm = {"images": str(archive / "images"), "classifier": classifier_folder}
    run_label(LabelClassifierConfig(**calm, out=str(tmp_path / "calm")))
    expected = rows_of(tmp_path / "calm")

    run = tmp_path / "run"
    job = start(archive, classifier_folder, run)
    wait_for_rows(job, run, 100)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    stop_orphans()
    assert 100 <= committed(run) < IMAGES
    kept = {p: p.read_bytes() for p in committed_labels(run)}
    result = finish(start(archive, classifier_folder, run))
    assert result["resumed_images"] >= 100
    assert rows_of(run) == expected
    for path, data in kept.items():
        assert path.read_bytes() == data, "a finished unit of work was done again"

    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    again = start(archive, classifier_folder, run)
    out, err = again.communicate(timeout=120)
    assert (again.returncode, json.loads(out)["labelled"]) == (0, IMAGES)
    assert "is finished; nothing to do" in err
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def committed_labels(run: Path) -> list[Path]:
    """Files of labels whose checkpoint is committed."""
    done = [p.stem for p in run.glob("checkpoint/*/*.parquet") if not p.stem.endswith(".pending")]
    return [p for p in (run / "labels").glob("*.parquet") if p.stem.rpartition("-")[0] in done]


def stop_orphans() -> None:
    """Give Ray's processes of a killed driver the time they need to notice and go."""
    time.sleep(1)


@pytest.mark.extended
def test_ctrl_c_says_how_to_resume(archive: Path, classifier_folder: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = start(archive, classifier_folder, run, unit=4)  # 150 units: it has long to go
    wait_for_rows(job, run, 1)
    os.kill(job.pid, signal.SIGINT)
    out, err = job.communicate(timeout=120)
    assert (job.returncode, out) == (130, "")
    assert re.search(rf"of {IMAGES} images \d+ are labelled, and that is kept. Run the same", err)
    assert "Traceback" not in err
    assert 1 <= committed(run) < IMAGES
