"""NeaR where things go wrong: broken images, useless answers, wrong use, a kill in training."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from actors.classifier_store import load_classifier
from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.session import Capacity
from ray_jobs.passes.train_progress import read_state
from ray_jobs.verbs.fit import fit as run_fit
from tests.helpers.broken_images import FILES, archive_of_files
from tests.helpers.misbehaving_endpoint import Endpoint, misbehaving_endpoint
from tests.helpers.run_files import csv_rows

REFUSAL = "say I cannot help with that."
GOOD = sum(code is None for _, code in FILES.values())


def fit(images: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Fit on some images of birds."""
    settings = {"images": str(images), "category": "bird", "unit": "species", **settings}
    return run_fit(FitNearConfig(out=str(out), **settings))


def asked(endpoint: Endpoint) -> list[int]:
    """How often each image was asked about."""
    contents = (body["messages"][0]["content"] for body in endpoint.bodies)
    return list(Counter(content[0]["image_url"]["url"] for content in contents).values())


@pytest.fixture(scope="module")
def broken(mllm: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of good and bad files, ``images``, and a fit on all of it, ``near``."""
    folder = tmp_path_factory.mktemp("broken")
    made = fit(archive_of_files(folder / "images"), folder / "near", sample=100, epochs=3)
    assert (made["images"], made["sample"]) == (len(FILES), len(FILES))
    assert GOOD <= made["mllm_calls"] <= 3 * GOOD, "of strange pictures some are asked about again"
    return folder


def test_broken_images_are_counted_by_code_and_never_asked_about(broken: Path) -> None:
    counts = load_classifier(str(broken / "near")).made["sample"]
    codes = Counter(code for _, code in FILES.values() if code)
    assert counts["errors"] == dict(sorted(codes.items()))
    assert counts["named"] + sum(counts["unnamed"].values()) == GOOD
    found = {row["path"]: row for row in csv_rows(broken / "near" / "sample.csv")}
    assert found.keys() == FILES.keys()
    for name, (_, code) in FILES.items():
        assert (found[name]["answer"] == "") or code is None
        assert (found[name]["problem"] == code) or code is None, name
        assert bool(found[name]["name"]) != bool(found[name]["problem"]), name


@pytest.mark.extended
def test_two_processes_learn_what_one_does(broken: Path) -> None:
    made = fit(broken / "images", broken / "two", sample=100, epochs=3, train_workers=2)
    assert made["mllm_calls"] == 2 * sum(made["unnamed"].values()) == 0
    one, two = load_classifier(str(broken / "near")), load_classifier(str(broken / "two"))
    assert one.labels == two.labels
    assert len(one.labels) > 1, "there is something to share out"
    assert np.allclose(one.matrix, two.matrix, atol=1e-4)
    epochs = [
        [json.loads(line) for line in (broken / fit / "epochs.jsonl").open()]
        for fit in ("near", "two")
    ]
    assert [each["epoch"] for each in epochs[1]] == [1, 2, 3]
    losses = [[each["loss"] for each in figures] for figures in epochs]
    assert np.allclose(losses[0], losses[1], atol=1e-3)


@pytest.mark.extended
def test_answers_of_a_second_attempt_are_used_and_one_name_for_all_is_said(
    ray_session: Capacity, birds: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = ["say kaldo dornet", REFUSAL, "say kaldo dornet", "500", "null", "say A bird."]
    with misbehaving_endpoint([*first, *first, *["say The **Kaldo-Dornet**"] * 99]) as endpoint:
        settings = {"mllm": endpoint.name, "mllm_retries": 0, "mllm_concurrency": 1}
        made = fit(birds / "images", tmp_path / "near", sample=12, epochs=2, **settings)
        again, temperatures = asked(endpoint), [body["temperature"] for body in endpoint.bodies]
    assert sorted(again) == [1] * 4 + [2] * 8, "what has a name is not asked about again"
    assert temperatures == [0] * 12 + [0.7] * 8
    assert (made["mllm_calls"], made["named"], made["unnamed"]) == (20, 12, {})
    assert load_classifier(str(tmp_path / "near")).labels == ("Kaldo-Dornet",)
    assert {row["name"] for row in csv_rows(tmp_path / "near" / "sample.csv")} == {"Kaldo-Dornet"}
    assert "all 12 named images have one name, 'Kaldo-Dornet'" in caplog.text


def command(birds: Path, out: Path, *more: str) -> list[str]:
    """A fit on the drawn archive as a user would start it."""
    arguments = ["fit", "near", "--images", str(birds / "images"), "--out", str(out)]
    return [*arguments, "--category", "bird", "--unit", "species", *more]


def complaint(said: str) -> str:
    """The last thing said, which is one line."""
    return said.strip().splitlines()[-1]


@pytest.mark.usefixtures("ray_session")
def test_a_model_that_names_nothing_is_one_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with misbehaving_endpoint([REFUSAL]) as endpoint:
        more = ["--sample", "6", "--mllm", endpoint.name, "--mllm-concurrency", "1"]
        arguments = command(birds, tmp_path / "near", *more, "--name-retries", "1")
        assert execute(arguments, sys.stderr) == WRONG_USAGE
        assert asked(endpoint) == [2] * 6
    said = complaint(capsys.readouterr().err)
    assert "none of the 6 images of the sample has a name (6 refusal); try another" in said


@pytest.mark.extended
@pytest.mark.usefixtures("ray_session")
def test_after_an_outage_the_same_command_asks_again(birds: Path, tmp_path: Path) -> None:
    with misbehaving_endpoint([*["500"] * 6, "say Kaldo dornet"]) as endpoint:
        more = ["--sample", "6", "--mllm", endpoint.name, "--mllm-retries", "0"]
        arguments = command(birds, tmp_path / "near", *more, "--name-retries", "0", "--epochs", "1")
        assert execute(arguments, sys.stderr) == WRONG_USAGE
        assert len(endpoint.bodies) == 6
        assert execute(arguments, sys.stderr) == DONE
        assert len(endpoint.bodies) == 12
    assert load_classifier(str(tmp_path / "near")).labels == ("Kaldo dornet",)


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--context", "1000"], "--context 1000: a context of 1000 tokens does not fit"),
        (["--train-workers", "99"], "--train-workers 99: the cluster has"),
    ],
)
def test_what_training_would_trip_over_is_told_before_anything_is_asked(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    message: str,
) -> None:
    arguments = command(birds, tmp_path / "near", "--sample", "6", *settings)
    assert execute(arguments, sys.stderr) == WRONG_USAGE
    assert message in complaint(capsys.readouterr().err)
    assert not (tmp_path / "answers").exists()


@pytest.mark.extended
@pytest.mark.usefixtures("ray_session")
def test_setting_aside_every_name_is_one_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.csv").write_text("key,name\nkaldo dornet,\nbrund tarrow,\n")
    with misbehaving_endpoint(["say Kaldo dornet", "say brund tarrow"]) as endpoint:
        more = ["--sample", "6", "--mllm", endpoint.name, "--names", str(tmp_path / "names.csv")]
        arguments = command(birds, tmp_path / "near", *more)
        assert execute(arguments, sys.stderr) == WRONG_USAGE
    said = complaint(capsys.readouterr().err)
    assert "names.csv: sets aside every name; keep at least one" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; a fit writes one, names.csv"),
        ("folder", "not a readable UTF-8 text file"),
        (b"\xff\xfek\0e\0y\0", "not a readable UTF-8 text file"),
        (b"answer,key,votes\na,a,1\n", "lacks the column name; its first line should be"),
        (b"", "lacks the column key and name"),
        (b"answer,key,name,votes\na,a\n", "line 2 of the table of names is too short"),
        (b"key,name\na,b\na,c\n", "calls 'a' both 'b' and 'c'; rows with one key need one name"),
    ],
    ids=["missing", "folder", "utf-16", "no-column", "empty", "short", "two-names"],
)
def test_a_table_of_names_that_cannot_be_used_is_one_sentence(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | str | None,
    message: str,
) -> None:
    file = tmp_path / "names.csv"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "folder":
        file.mkdir()
    arguments = command(birds, tmp_path / "near", "--names", str(file))
    assert execute(arguments, sys.stderr) == WRONG_USAGE
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert f"--names {file}: " in said
    assert message in said
    assert not (tmp_path / "near").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--context", "0"], "--context"),
        (["--context=-4"], "--context"),
        (["--context", " "], "--context"),
        (["--neighbours=-1"], "--neighbours"),
        (["--sample", "0"], "--sample"),
        (["--epochs", "0"], "--epochs"),
        (["--merge-similarity", "1.5"], "--merge-similarity"),
        (["--label-filter", "some"], "--label-filter"),
        (["--training", "magic"], "--training"),
        (["--train-workers", "0"], "--train-workers"),
        (["--unit", " "], "--unit"),
        (["--name-prompt", "/nowhere.txt"], "--name-prompt /nowhere.txt: no such file"),
        (["--mllm", "openai:"], "openai:MODEL@BASE_URL"),
        (["--clip", "./nowhere"], "no such folder"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_wrong_use_is_told_before_any_model_loads(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    message: str,
) -> None:
    arguments = command(birds, tmp_path / "near", *settings)
    assert execute(arguments, sys.stderr) == WRONG_USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "near").exists()


EPOCHS = 40


def epochs_of(out: Path) -> list[int]:
    """The epochs whose figures are there."""
    file = out / "epochs.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line)["epoch"] for line in lines]


def kept_epochs(out: Path) -> int:
    """How many epochs the checkpoint holds."""
    state, _ = read_state(str(out / "training"))
    return 0 if state is None else state["epoch"] + 1


def training_process() -> psutil.Process:
    """The process of the only training that runs."""
    (found,) = [
        each
        for each in psutil.Process().children(recursive=True)
        if each.name().startswith("ray::train_loop")
    ]
    return found


@pytest.mark.extended
def test_a_killed_training_goes_on_where_it_was(
    ray_session: Capacity, mllm: list[Any], birds: Path, tmp_path: Path
) -> None:
    out, settings = tmp_path / "near", {"sample": 40, "epochs": EPOCHS}
    kept, went_on_at = [], []

    def kill() -> None:
        deadline = time.time() + 200
        while not kept_epochs(out) and time.time() < deadline:
            time.sleep(0.02)
        training_process().kill()
        kept.append(kept_epochs(out))
        written = (out / "epochs.jsonl").stat().st_mtime_ns
        while (out / "epochs.jsonl").stat().st_mtime_ns == written and time.time() < deadline:
            time.sleep(0.005)
        went_on_at.append(len(epochs_of(out)))

    killer = threading.Thread(target=kill)
    killer.start()
    made = fit(birds / "images", out, checkpoint_seconds=0.3, **settings)
    killer.join()
    assert 1 <= kept[0] < EPOCHS
    assert went_on_at[0] > kept[0], "epochs that a checkpoint holds are not trained again"
    assert epochs_of(out) == list(range(1, EPOCHS + 1))
    assert made["mllm_calls"] == 40
    assert not (out / "training").exists()

    calm = fit(birds / "images", tmp_path / "calm", **settings)
    assert (calm["mllm_calls"], calm["answers_reused"]) == (0, 40)
    one, other = load_classifier(str(tmp_path / "calm")), load_classifier(str(out))
    assert one.labels == other.labels
    assert np.allclose(one.matrix, other.matrix, atol=1e-5)
