"""SLAC and TLAC on real vLLM: every image a row, nothing asked twice, nothing invented."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import ray

from actors import storage
from actors.labels.table import ANSWER_LABELS_SCHEMA
from fieldguide.world import NAMES
from methods.class_matching import PATHS
from methods.slac_tlac import clean_answer
from ray_jobs.cli import FAILED, WRONG_USAGE, execute
from ray_jobs.config import LabelSlacConfig, LabelTlacConfig
from ray_jobs.verbs.label import label as run_label
from tests.helpers.broken_images import FILES, archive_of_files
from tests.helpers.run_files import Rows, cells, record_of, rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session")


def label(method: str, birds: Path, out: Path | str, **settings: Any) -> dict[str, Any]:
    """Label the drawn archive; ``run.json``."""
    kind = LabelSlacConfig if method == "slac" else LabelTlacConfig
    settings = {"images": str(birds / "images"), "classes": str(birds / "classes.txt"), **settings}
    return run_label(kind(out=str(out), **settings))


def rows(run: Path | str) -> Rows:
    """The labels table by path."""
    return rows_by_path(run, ANSWER_LABELS_SCHEMA)


@pytest.fixture(scope="module")
def runs(birds: Path, mllm: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of TLAC, and the answers table beside it."""
    folder = tmp_path_factory.mktemp("runs")
    label("tlac", birds, folder / "tlac")
    return folder


def test_every_image_is_asked_about_once_and_every_answer_becomes_a_row(
    runs: Path, bird_paths: list[str]
) -> None:
    record, found = record_of(runs / "tlac"), rows(runs / "tlac")
    assert found.keys() == set(bird_paths)
    asked = [row for row in found.values() if row["choice"] is not None]
    descriptions = {clean_answer(row["answer"], stage=1) for row in asked}
    assert len(asked) > 40
    assert record["mllm_calls"] == len(bird_paths) + len(descriptions)
    assert (record["answers_reused"], record["engine_starts"]) == (0, 1)
    assert record["prompt_tokens"] > 60 * len(bird_paths)
    assert record["output_tokens"] > 3 * len(bird_paths)
    assert record["labelled"] + sum(record["errors"].values()) == len(bird_paths)
    assert sum(record["answer_paths"].values()) == len(bird_paths)
    assert list(record["answer_paths"]) == list(PATHS)
    for row in found.values():
        assert (row["label"] in NAMES) == (row["error"] is None)
        assert row["method"] == "tlac"
    exact = [row for row in found.values() if row["answer_path"] == "exact"]
    assert len(exact) > 40, "guided by the class list"
    for row in exact:
        assert row["choice"] == row["label"] == row["top_labels"][0]
        assert row["score"] == pytest.approx(1, abs=1e-5)


@pytest.mark.extended
def test_slac_after_tlac_asks_nothing_and_sees_the_same_answers(birds: Path, runs: Path) -> None:
    record = label("slac", birds, runs / "slac")
    tlac_rows, slac_rows = rows(runs / "tlac"), rows(runs / "slac")
    assert (record["mllm_calls"], record["engine_starts"]) == (0, 0)
    assert record["answers_reused"] == len(tlac_rows)
    for path, row in slac_rows.items():
        assert row["answer"] == tlac_rows[path]["answer"]
        assert row["choice"] is None
        assert (row["label"] in NAMES) == (row["error"] is None)


def test_a_second_run_makes_no_call_and_gives_the_same_rows(birds: Path, runs: Path) -> None:
    record = label("tlac", birds, runs / "again", mllm_batch=7, clip_batch=5, rows_per_block=16)
    assert (record["mllm_calls"], record["engine_starts"]) == (0, 0)
    assert record["prompt_tokens"] == record["output_tokens"] == 0
    first, second = rows(runs / "tlac"), rows(runs / "again")
    assert {path: _plain(row) for path, row in first.items()} == {
        path: _plain(row) for path, row in second.items()
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with scores to five digits: batches of another size round otherwise."""
    plain = {**row, "score": row["score"] and round(row["score"], 4)}
    plain["top_scores"] = [round(score, 4) for score in row["top_scores"]]
    return plain


def test_a_changed_prompt_asks_only_what_it_changes(
    birds: Path, runs: Path, tmp_path: Path
) -> None:
    prompt = tmp_path / "choose.txt"
    prompt.write_text("Classes:\n{classes}\n\nDescription: {answer}\n\nAnswer with the name only.")
    answers = str(runs / "answers")
    record = label(
        "tlac", birds, tmp_path / "run", response_cache=answers, choose_prompt=str(prompt)
    )
    found = rows(tmp_path / "run")
    assert record["answers_reused"] == len(found)
    asked = [row["answer"] for row in found.values() if row["choice"] is not None]
    assert record["mllm_calls"] == len({clean_answer(answer, stage=1) for answer in asked})


def test_no_truth_is_in_reach(birds: Path, blind: Path, runs: Path, tmp_path: Path) -> None:
    """The truth's file is not there, and the rows are the same."""
    shutil.copy(birds / "classes.txt", blind / "classes.txt")
    label("tlac", blind, tmp_path / "run")
    kept = ("label", "answer", "choice", "error")
    assert cells(rows(tmp_path / "run"), kept) == cells(rows(runs / "tlac"), kept)


def test_broken_images_are_rows_and_are_never_asked_about(
    birds: Path, tmp_path: Path, mllm: list[Any]
) -> None:
    archive = archive_of_files(tmp_path / "images")
    record = label("slac", birds, tmp_path / "run", images=str(archive))
    found = rows(tmp_path / "run")
    assert found.keys() == FILES.keys()
    for name, (_, code) in FILES.items():
        assert found[name]["error"] == code, name
        if code:
            assert (found[name]["answer"], found[name]["answer_path"]) == (None, None)
    assert record["mllm_calls"] == sum(code is None for _, code in FILES.values())


@pytest.mark.extended
def test_runs_and_answers_live_on_s3(
    birds: Path, runs: Path, mllm: list[Any], s3_bucket: str
) -> None:
    out = f"{s3_bucket}/tlac"
    first = label("slac", birds, f"{out}/one")
    second = label("slac", birds, f"{out}/two")
    assert (first["mllm_calls"], second["mllm_calls"]) == (48, 0)
    assert second["answers_reused"] == 48
    assert len(storage.list_files(f"{out}/two/labels", ".parquet")) > 0
    said = ("answer",)
    assert cells(rows(f"{out}/two"), said) == cells(rows(runs / "tlac"), said)


@pytest.mark.extended
def test_a_replica_killed_in_the_middle_changes_no_answer(
    birds: Path, runs: Path, tmp_path: Path, mllm: list[Any]
) -> None:
    (replica,), killed = mllm, []
    ray.get(replica.start.remote())

    def kill() -> None:
        deadline = time.time() + 120
        while not ray.get(replica.waiting.remote()) and time.time() < deadline:
            time.sleep(0.005)
        killed.append(ray.get(replica.pid.remote()))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    record = label("tlac", birds, tmp_path / "run", mllm_batch=16, rows_per_block=16)
    killer.join()
    assert ray.get(replica.pid.remote()) != killed[0]
    kept = ("label", "answer", "choice", "answer_path", "error")
    assert cells(rows(tmp_path / "run"), kept) == cells(rows(runs / "tlac"), kept)
    assert record["labelled"] == record_of(runs / "tlac")["labelled"]


def test_an_engine_that_cannot_start_is_one_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama", "architectures": ["NoSuchModel"]}')
    (model / "model.safetensors").write_bytes(b"")
    command = ["label", "slac", "--images", str(birds / "images"), "--mllm", str(model)]
    command += ["--classes", str(birds / "classes.txt"), "--out", str(tmp_path / "run")]
    assert execute(command, sys.stderr) == FAILED
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("onoma: ")]
    assert re.search(r"--mllm .*model: vLLM did not start: .+; give a model that", said[-1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--mllm", "/nowhere/model"], "no such folder"),
        (["--mllm", "no-such-model"], "give fieldguide, a folder, a Hugging Face id"),
        (["--mllm", "openai:"], "openai:MODEL@BASE_URL"),
        (["--recognise-prompt", "/nowhere.txt"], "--recognise-prompt /nowhere.txt: no such file"),
        (["--choose-prompt", "{classes}"], "the prompt must hold {answer}"),
        (["--temperature", "-1"], "--temperature"),
        (["--mllm-tensor-parallel-size", "3"], "the cluster has 0 GPUs"),
        (["--choices", "maybe"], "--choices"),
    ],
)
def test_wrong_use_is_one_sentence_before_any_model_loads(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    message: str,
) -> None:
    if settings[0] == "--choose-prompt":
        (tmp_path / "prompt.txt").write_text(settings[1])
        settings = [settings[0], str(tmp_path / "prompt.txt")]
    command = ["label", "tlac", "--images", str(birds / "images"), "--out", str(tmp_path / "run")]
    command += ["--classes", str(birds / "classes.txt"), *settings]
    assert execute(command, sys.stderr) == WRONG_USAGE
    assert message in capsys.readouterr().err


def test_without_classes_there_is_nothing_to_choose_from(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["label", "tlac", "--images", str(birds / "images"), "--out", str(tmp_path / "r")]
    assert execute(command, sys.stderr) == WRONG_USAGE
    assert "--classes is needed: tlac chooses among class names" in capsys.readouterr().err
