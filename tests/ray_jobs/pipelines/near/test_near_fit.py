"""A NeaR classifier from unlabelled images, on real models: what it leaves, edits, labelling."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.classifier_store import load_classifier
from actors.labels.table import LABELS_SCHEMA
from fieldguide.world import NAMES
from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.config import FitNearConfig, LabelClassifierConfig
from ray_jobs.verbs.fit import fit as run_fit
from ray_jobs.verbs.label import label as run_label
from tests.helpers.run_files import csv_rows, record_of, rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")

SAMPLE = 40
EPOCHS = 3


def fit(birds: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Fit on a sample of the drawn archive, for a few epochs."""
    few = {"sample": SAMPLE, "epochs": EPOCHS, "warmup": 1}
    settings = {"images": str(birds / "images"), **few, **settings}
    return run_fit(FitNearConfig(out=str(out), category="bird", unit="species", **settings))


def files(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file of a folder: content, and when it was written."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def fits(birds: Path, mllm: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the fit ``near``, and the answers table beside it."""
    folder = tmp_path_factory.mktemp("fits")
    made = fit(birds, folder / "near")
    assert (made["mllm_calls"], made["answers_reused"], made["engine_starts"]) == (SAMPLE, 0, 1)
    return folder


def test_the_classifier_says_how_it_was_made(fits: Path) -> None:
    classifier = load_classifier(str(fits / "near"))
    names = {row["name"] for row in csv_rows(fits / "near" / "names.csv")}
    assert classifier.method == "near"
    assert len(classifier.labels) == len(names)
    assert set(classifier.labels) == names <= set(NAMES)
    assert np.allclose(np.linalg.norm(classifier.matrix, axis=1), 1, atol=1e-5)
    assert classifier.logit_scale == pytest.approx(classifier.clip["logit_scale"])
    made = classifier.made
    assert made["usage"]["mllm_calls"] == SAMPLE
    assert made["usage"]["output_tokens"] > SAMPLE
    assert (made["training"]["epoch"], made["config"]["epochs"]) == (EPOCHS, EPOCHS)
    counts = made["sample"]
    assert counts["sample"] == SAMPLE
    assert counts["named"] + sum(counts["unnamed"].values()) + sum(counts["errors"].values()) == 40
    assert counts["names"] == len(names)
    record = record_of(fits / "near")
    assert record["state"] == "finished"
    assert {key: record[key] for key in counts} == counts


def test_the_files_for_a_person_say_what_happened(fits: Path, bird_paths: list[str]) -> None:
    epochs = [json.loads(line) for line in (fits / "near" / "epochs.jsonl").open()]
    assert [each["epoch"] for each in epochs] == [1, 2, 3]
    assert all(np.isfinite(each["loss"]) for each in epochs)
    assert [each["clean"] is None for each in epochs] == [True, False, False], "one of warm-up"
    assert all(0 <= each["clean"] <= 1 for each in epochs[1:])
    assert [each["threshold"] is None for each in epochs] == [True, False, False]

    sample = csv_rows(fits / "near" / "sample.csv")
    paths = [row["path"] for row in sample]
    assert len(set(paths)) == len(paths) == SAMPLE
    assert paths == sorted(paths)
    assert set(paths) < set(bird_paths)
    manifest = pq.read_table(fits / "near" / "manifest")
    assert set(manifest["path"].to_pylist()) == set(paths)
    answers = Counter(row["answer"] for row in sample if row["answer"])
    votes = {row["answer"]: int(row["votes"]) for row in csv_rows(fits / "near" / "names.csv")}
    assert votes == answers
    for row in sample:
        assert bool(row["name"]) != bool(row["problem"])
    assert not (fits / "near" / "training").exists(), "checkpoints of a finished fit are gone"


def test_a_finished_fit_is_not_done_again(
    fits: Path, birds: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="onoma")
    before = files(fits)
    again = fit(birds, fits / "near")
    assert "is finished; nothing to do" in caplog.text
    assert (again["mllm_calls"], again["training"]["epoch"]) == (SAMPLE, EPOCHS)
    assert files(fits) == before
    arguments = ["fit", "near", "--images", str(birds / "images"), "--out", str(fits / "near")]
    assert execute([*arguments, "--sample", "39"], sys.stderr) == WRONG_USAGE
    assert files(fits) == before, "another fit leaves the folder alone"


@pytest.mark.extended
def test_the_names_as_they_were_give_the_same_classifier(
    fits: Path, birds: Path, tmp_path: Path
) -> None:
    made = fit(
        birds,
        tmp_path / "same",
        names=str(fits / "near" / "names.csv"),
        response_cache=str(fits / "answers"),
    )
    assert (made["mllm_calls"], made["answers_reused"]) == (0, SAMPLE)
    before, after = load_classifier(str(fits / "near")), load_classifier(str(tmp_path / "same"))
    assert after.identity == before.identity
    for name in ("names.csv", "sample.csv"):
        assert (tmp_path / "same" / name).read_bytes() == (fits / "near" / name).read_bytes()


@pytest.fixture(scope="module")
def edited(fits: Path, birds: Path) -> dict[str, str]:
    """A fit with three names changed, in ``edited``: new name by old one."""
    rows = csv_rows(fits / "near" / "names.csv")
    common = [row["name"] for row in sorted(rows, key=lambda row: -int(row["votes"]))]
    changes = {common[0]: "The Rumpled Wex", common[1]: common[2], common[3]: ""}
    file = fits / "edited.csv"
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "name": changes.get(row["name"], row["name"])})
    made = fit(
        birds, fits / "edited", names=str(file), response_cache=str(fits / "answers"), epochs=2
    )
    assert (made["mllm_calls"], made["answers_reused"], made["merged"]) == (0, SAMPLE, 2)
    return {**changes, common[0]: "Rumpled Wex"}


@pytest.mark.extended
def test_edits_change_what_they_say_and_nothing_else(fits: Path, edited: dict[str, str]) -> None:
    before, after = fits / "near", fits / "edited"
    for name in ("names.csv", "sample.csv"):
        expected = [
            {**row, "name": edited.get(row["name"], row["name"])} for row in csv_rows(before / name)
        ]
        assert csv_rows(after / name) == expected
    labels = {edited.get(name, name) for name in load_classifier(str(before)).labels} - {""}
    classifier = load_classifier(str(after))
    assert set(classifier.labels) == labels
    assert len(classifier.labels) == len(load_classifier(str(before)).labels) - 2
    set_aside = sum(row["name"] in edited and not edited[row["name"]] for row in
                    csv_rows(before / "sample.csv"))  # fmt: skip
    assert set_aside >= 1
    counts = classifier.made["sample"]
    assert counts["named"] == SAMPLE, "what the model said stays said"


def test_labelling_takes_the_image_alone(fits: Path, birds: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = {"images": str(birds / "images"), "classifier": str(fits / "near"), "out": str(run)}
    record = run_label(LabelClassifierConfig(**config))
    assert (record["images"], record["labelled"], record["mllm_calls"]) == (48, 48, 0)
    rows = rows_by_path(run, LABELS_SCHEMA).values()
    names = load_classifier(str(fits / "near")).labels
    assert len(rows) == 48
    assert {row["method"] for row in rows} == {"near"}
    assert {row["label"] for row in rows} <= set(names)
    assert all(row["error"] is None for row in rows)
    results = io.StringIO()
    arguments = ["evaluate", "--labels", str(run), "--truth", str(birds / "truth.csv"), "--json"]
    assert execute(arguments, results) == DONE
    found = json.loads(results.getvalue())
    assert found["images"] == 48
    # the model knows most of these birds, and three epochs on its names cannot ruin CLIP
    assert 0.3 < found["cacc"] <= 1
    assert 0.3 < found["nmi"] <= 1
    assert -0.5 <= found["ari"] <= 1
    assert found["names_found"] == len({row["label"] for row in rows})
    assert found["accuracy"] <= found["cacc"], "names that are right are matched to themselves"


@pytest.mark.extended
def test_names_as_they_are_merged_and_filtered(
    fits: Path, birds: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Cosines of 0.6 and more merge some names, and not all of them."""
    caplog.set_level(logging.INFO, logger="onoma")
    made = fit(
        birds,
        tmp_path / "ce",
        response_cache=str(fits / "answers"),
        training="ce",
        merge_similarity=0.6,
        label_filter="trained",
        epochs=2,
    )
    assert made["mllm_calls"] == 0
    rows = csv_rows(tmp_path / "ce" / "names.csv")
    merged = {row["answer"]: row["name"] for row in rows if row["answer"] != row["name"]}
    assert len(merged) == made["merged"] >= 1
    for answer, name in merged.items():
        assert f"{answer!r} is merged into {name!r}, which reads alike" in caplog.text
    labels = set(load_classifier(str(tmp_path / "ce")).labels)
    assert 1 < len(labels) <= len({row["name"] for row in rows}) < len(rows)
    assert labels <= {row["name"] for row in rows}
    assert made["labels"] == made["names"] == len(labels)
    assert f"the classifier gives {len(labels)} of" in caplog.text
    epochs = [json.loads(line) for line in (tmp_path / "ce" / "epochs.jsonl").open()]
    assert [each["clean"] for each in epochs] == [None, None], "nothing is split"


@pytest.mark.extended
def test_a_spread_sample_is_of_the_size_wanted_and_candidates_are_enough(
    fits: Path, blind: Path, tmp_path: Path
) -> None:
    """The truth's file is not there, and nothing is known yet."""
    made = fit(
        blind,
        tmp_path / "proden",
        sample=20,
        spread=2,
        training="proden",
        label_filter="zero_shot",
        epochs=2,
    )
    assert (made["images"], made["sample"]) == (40, 20)
    assert (made["mllm_calls"], made["answers_reused"]) == (20, 0)
    assert made["named"] + sum(made["unnamed"].values()) == 20
    sample = csv_rows(tmp_path / "proden" / "sample.csv")
    drawn = {row["path"] for row in csv_rows(fits / "near" / "sample.csv")}
    assert len(sample) == 20
    assert {row["path"] for row in sample} < drawn, "first 40 are drawn, then 20 of them"
    labels = set(load_classifier(str(tmp_path / "proden")).labels)
    assert {row["name"] for row in sample if row["name"]} == labels
    assert labels <= {row["name"] for row in csv_rows(tmp_path / "proden" / "names.csv")}
