"""`onoma label cascade` whose answers teach: other images are labelled better, and it is kept."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as pads
import pytest

from actors.classifier_store import find_classifier, load_classifier
from actors.mllm.images import decode_for_mllm
from fieldguide.archive import draw_archive
from ray_jobs.config import LabelCascadeConfig
from ray_jobs.pipelines.cascade.labelling import CASCADE
from ray_jobs.pipelines.cascade.learning import LEARNED
from ray_jobs.pipelines.cascade.scored import features_of
from ray_jobs.runs.folder import RunFolder
from ray_jobs.summary import run_table
from ray_jobs.verbs.evaluate import evaluate_run
from ray_jobs.verbs.label import label
from ray_jobs.verbs.report import write_report

MODEL = """
KNOWN = {known}


def answer(text, images):
    names = [line.partition(". ")[2] for line in text.splitlines() if ". " in line]
    said = KNOWN[int(images[0].sum())]
    return said if said in names else names[0]
"""
IMAGES, LATER = 240, 20


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Birds, of which the last are not in ``images/`` yet, and a model that knows their classes."""
    draw_archive(tmp_path, IMAGES + LATER, seed=4243)
    truth = truth_of(tmp_path)
    known = {}
    for number, (path, name) in enumerate(truth.items()):
        file = tmp_path / "images" / path
        known[int(decode_for_mllm(file.read_bytes()).pixels.sum())] = name
        if number >= IMAGES:
            move(file, tmp_path / "later" / path)
    (tmp_path / "model.py").write_text(MODEL.format(known=known))
    return tmp_path


def move(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    file.rename(to)


def truth_of(folder: Path) -> dict[str, str]:
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["label"] for row in csv.DictReader(file)}


def rows_of(run: Path) -> dict[str, dict[str, Any]]:
    rows = pads.dataset(str(run / "labels")).to_table().to_pylist()
    return {row["path"]: row for row in rows}


@pytest.mark.usefixtures("ray_session")
def test_answers_teach_a_head_that_labels_the_others_and_is_kept(archive: Path) -> None:
    out = archive / "run"
    config = LabelCascadeConfig(
        images=str(archive / "images"),
        classes=str(archive / "classes.txt"),
        mllm=f"dummy:{archive / 'model.py'}",
        budget="50%",
        out=str(out),
    )
    record = label(config)
    learned = record["cascade"][LEARNED]
    assert record["mllm_calls"] == learned["answers"] == IMAGES // 2
    assert record["decided_by"] == {"clip": 0, "head": IMAGES // 2, "mllm": IMAGES // 2}
    assert learned["moved"]
    assert learned["agreed"] > learned["agreed_before"]
    (told,) = CASCADE.tells(record)
    assert told.share == learned["agreed"]
    assert told.hint.startswith(f"of {learned['left_out']} answers left out; CLIP in ")
    assert CASCADE.tells({**record, "cascade": {}}) == ()
    page = Path(write_report(str(out))).read_text("utf-8")
    assert all(words in page for words in (told.title, told.hint))
    assert f"head agrees with the MLLM, {told.hint}" in list(run_table(record).columns[0].cells)
    rows, truth = rows_of(out), truth_of(archive)
    others = [path for path, row in rows.items() if row["decided_by"] == "head"]
    right = {
        column: np.mean([rows[path][column] == truth[path] for path in others])
        for column in ("label", "clip_label")
    }
    assert right["label"] > right["clip_label"] + 0.1

    # the head is the run's classifier, of the same labels
    head = load_classifier(find_classifier(str(out)))
    run = RunFolder(str(out), record)
    ids = np.array(sorted(row["image_id"] for row in rows.values()))
    best = (features_of(run, ids) @ head.matrix.T).argmax(axis=1)
    told = dict(zip(ids.tolist(), best.tolist(), strict=True))
    same = [head.labels[told[row["image_id"]]] == row["head_label"] for row in rows.values()]
    assert np.mean(same) > 0.99
    assert not np.array_equal(head.matrix, load_classifier(str(out / "start")).matrix)

    # what comes later is labelled by a head of all answers, and rows that are there stay
    for path in truth.keys() - rows.keys():
        move(archive / "later" / path, archive / "images" / path)
    record = label(config.model_copy(update={"update": True}))
    again = rows_of(out)
    assert len(again) == IMAGES + LATER == sum(record["decided_by"].values())
    assert {path: again[path] for path in rows} == rows
    assert record["cascade"][LEARNED]["answers"] == (IMAGES + LATER) // 2
    parts = evaluate_run(str(out), str(archive / "truth.csv"))["parts"]
    assert min(parts["fused"], parts["head"]) > parts["clip"] + 0.1 > parts["mllm"]
