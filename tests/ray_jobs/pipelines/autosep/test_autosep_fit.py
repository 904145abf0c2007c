"""Learning a description prompt on the real model: what a search leaves, and that it is the same
at any batch size, in a second run, and after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from fieldguide.archive import draw_archive
from ray_jobs.config import FitAutosepConfig, LabelAutosepConfig
from ray_jobs.verbs.evaluate import evaluate_run
from ray_jobs.verbs.fit import fit as run_fit
from ray_jobs.verbs.label import label as run_label

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")

SAMPLE = 24
SIBLINGS = ["lissick tarrow", "brund tarrow", "kessin tarrow"]
SEARCH: dict[str, Any] = {
    "category": "bird",
    "sample": SAMPLE,
    "rounds": 2,
    "beam": 2,
    "reflections": 2,
    "seed": 3,
}


@pytest.fixture(scope="module")
def siblings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of 60 birds of three species that look alike."""
    out = tmp_path_factory.mktemp("siblings")
    draw_archive(out, 60, seed=78, species=SIBLINGS)
    return out


def fit(archive: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Learn a prompt from the archive."""
    images, classes = str(archive / "images"), str(archive / "classes.txt")
    settings = {"images": images, "classes": classes, **SEARCH, **settings}
    return run_fit(FitAutosepConfig(out=str(out), **settings))


def history(folder: Path) -> dict[str, Any]:
    """The history of a fit without what may differ between equal searches: time and calls."""
    record = json.loads((folder / "history.json").read_text())
    for each in record["rounds"]:
        del each["seconds"], each["stages"]
    return record


def keys_of(answers: Path) -> list[bytes]:
    """The keys of all answers that a table holds, of every ask."""
    tables = [pq.read_table(file, columns=["key"]) for file in answers.glob("*/*.parquet")]
    asks = [file.parent.name.encode() for file in answers.glob("*/*.parquet")]
    return [
        ask + key
        for ask, table in zip(asks, tables, strict=True)
        for key in table.column("key").to_pylist()
    ]


@pytest.fixture(scope="module")
def fits(siblings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the fit ``learned``, and its answers table beside it."""
    folder = tmp_path_factory.mktemp("fits")
    made = fit(siblings, folder / "learned")
    assert (made["images"], made["usable"], made["errors"]) == (SAMPLE, SAMPLE, {})
    assert made["engine_starts"] == 1
    keys = keys_of(folder / "answers")
    assert len(keys) == len(set(keys)) == made["mllm_calls"], "every question is asked once"
    return folder


def test_the_history_tells_how_the_prompt_was_learned(siblings: Path, fits: Path) -> None:
    record = json.loads((fits / "learned" / "history.json").read_text())
    run = json.loads((fits / "learned" / "run.json").read_text())
    learned = json.loads((fits / "learned" / "prompt.json").read_text())
    prompts = {each["id"]: each for each in record["prompts"]}
    assert learned["prompt"] == prompts[record["chosen"]]["text"] == run["prompt"]
    assert (learned["category"], learned["classes"]) == ("bird", SIBLINGS)
    assert [each["round"] for each in record["rounds"]] == [0, 1, 2]
    for each in prompts.values():
        assert (each["parent"] is None) == (each["origin"] == "initial")
        if each["origin"] == "modify":
            assert each["reason"]
            assert 1 <= len(each["shown"]) <= 4
            assert all("Wrong description" in shown["text"] for shown in each["shown"])
            assert all((siblings / "images" / shown["image"]).is_file() for shown in each["shown"])
            assert prompts[each["parent"]]["round"] < each["round"]
    used = [stage for each in record["rounds"] for stage in each["stages"].values()]
    for name in ("mllm_calls", "prompt_tokens", "output_tokens"):
        assert run[name] == sum(stage[name] for stage in used), name
    bests = [each["best"] for each in record["rounds"]]
    assert bests == sorted(bests), "scores of parents are kept, so the best one never falls"
    assert record["final"] == {"stage": "search", "value": bests[-1], "comparisons": 2 * SAMPLE}
    for each in record["rounds"]:
        assert each["null_low"] < 0.65
        assert each["null_low"] <= each["null_high"]
    page = (fits / "learned" / "history.html").read_text()
    assert learned["prompt"] in page


def test_the_learned_prompt_names_more_birds_than_no_prompt(fits: Path, tmp_path: Path) -> None:
    archive = tmp_path / "others"
    draw_archive(archive, 60, seed=79, species=SIBLINGS)
    images, classes = str(archive / "images"), str(archive / "classes.txt")
    accuracy = {}
    for name, settings in {
        "learned": {"prompt": str(fits / "learned")},
        "initial": {"category": "bird"},
        "vanilla": {"category": "bird", "description": False},
    }.items():
        out = tmp_path / name
        record = run_label(
            LabelAutosepConfig(images=images, classes=classes, out=str(out), **settings)
        )
        assert record["mllm_calls"] == (60 if name == "vanilla" else 120)
        assert record["labelled"] == 60
        measured = evaluate_run(str(out), str(archive / "truth.csv"), semantic=False)
        accuracy[name] = measured["accuracy"]
    assert accuracy["learned"] > max(accuracy["initial"], accuracy["vanilla"]) + 0.1, accuracy


@pytest.mark.extended
def test_a_second_fit_asks_nothing_and_finds_the_same(siblings: Path, fits: Path) -> None:
    made = fit(siblings, fits / "again")
    assert (made["mllm_calls"], made["engine_starts"]) == (0, 0)
    first = json.loads((fits / "learned" / "run.json").read_text())
    assert made["answers_reused"] == first["mllm_calls"] + first["answers_reused"]
    assert history(fits / "again") == history(fits / "learned")


@pytest.mark.extended
def test_batches_and_blocks_do_not_matter(siblings: Path, fits: Path, tmp_path: Path) -> None:
    fit(siblings, tmp_path / "small", mllm_batch=7, rounds=1)
    small, whole = history(tmp_path / "small"), history(fits / "learned")
    assert small["prompts"] == [each for each in whole["prompts"] if each["round"] < 2]
    assert small["rounds"] == whole["rounds"][:2]


def test_labels_of_images_are_not_read(siblings: Path, fits: Path, tmp_path: Path) -> None:
    """Without the truth beside them the images give the same."""
    shutil.copytree(siblings / "images", tmp_path / "images")
    (tmp_path / "classes.txt").write_text("\n".join(SIBLINGS))
    fit(tmp_path, tmp_path / "bare", response_cache=str(fits / "answers"))
    assert history(tmp_path / "bare") == history(fits / "learned")


@pytest.mark.parametrize(
    "objective",
    ["random_labels", "majority_labels", pytest.param("spo", marks=pytest.mark.extended)],
)
def test_baselines_run_and_keep_a_prompt(
    siblings: Path, fits: Path, tmp_path: Path, objective: str
) -> None:
    made = fit(siblings, tmp_path / "fit", objective=objective, rounds=1, sample=12)
    record = json.loads((tmp_path / "fit" / "history.json").read_text())
    assert record["objective"] == objective
    assert made["prompt"] in [each["text"] for each in record["prompts"]]
    assert all(each["null_high"] is None for each in record["rounds"])
    assert made["mllm_calls"] > 12


@pytest.mark.extended
def test_improvements_ask_less(siblings: Path, fits: Path, tmp_path: Path) -> None:
    made = fit(siblings, tmp_path / "improved", improvements=["all"])
    record = json.loads((tmp_path / "improved" / "history.json").read_text())
    assert made["mllm_calls"] < 0.6 * len(keys_of(fits / "answers"))
    assert made["score"]["stage"] == "choice"
    assert (record["images"], record["held_out"]) == (17, 7)
    stages = {stage for each in record["rounds"] for stage in each["stages"]}
    assert "mine" not in stages
    assert "part_1_compare" in stages


def start(archive: Path, out: Path) -> subprocess.Popen[str]:
    """Start the same fit by the command line, in a process group of its own."""
    flags = [f"--{name}={value}" for name, value in SEARCH.items()]
    where = ["--images", str(archive / "images"), "--classes", str(archive / "classes.txt")]
    command = ["fit", "autosep", *where, "--out", str(out), *flags, "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "ray_jobs", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "RAY_ADDRESS": "local"},
    )


@pytest.mark.extended
@pytest.mark.timeout(600)  # it starts Ray and an engine twice, each in a process of its own
def test_a_killed_search_goes_on_and_repeats_no_question(
    siblings: Path, fits: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    job = start(siblings, out)
    deadline = time.time() + 300
    while not list((out / "stages").glob("round_2_*/*.parquet")):
        if job.poll() is not None or time.time() > deadline:
            pytest.fail(f"no second round: {job.communicate()}")
        time.sleep(0.02)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    time.sleep(3)  # workers notice, and finish what they are writing
    answered = keys_of(tmp_path / "answers")
    assert len(answered) > 2 * SAMPLE
    job = start(siblings, out)
    result, said = job.communicate(timeout=300)
    assert job.returncode == 0, said
    made = json.loads(result)
    keys = keys_of(tmp_path / "answers")
    assert len(keys) == len(set(keys)), "no question was answered twice"
    assert set(answered) <= set(keys)
    assert history(out) == history(fits / "learned")
    assert made["prompt"] == json.loads((fits / "learned" / "prompt.json").read_text())["prompt"]
    assert pads.dataset(str(out / "manifest")).count_rows() == SAMPLE
