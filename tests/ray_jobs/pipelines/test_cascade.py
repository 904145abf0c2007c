"""`onoma label cascade`: wrong use, and a run that is killed and resumed within its budget."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pytest

from actors.clip.model import resolve_clip
from methods.errors import InputError
from ray_jobs.commands import COMMANDS
from ray_jobs.config import LabelCascadeConfig, parse
from ray_jobs.pipelines.cascade.inputs import resolve_inputs
from ray_jobs.pipelines.cascade.labelling import passes
from ray_jobs.pipelines.cascade.spending import ASK, planned_images
from ray_jobs.verbs.label import label
from ray_jobs.verbs.plan.forecast import PassForecast, Prices, forecast_job
from tests.helpers.stores import make_store, store_table, unit

MODEL = """
import time
from pathlib import Path

LOG = Path(__file__).parent / "calls.txt"


def answer(text, images):
    names = [line.partition(". ")[2] for line in text.splitlines() if ". " in line]
    with LOG.open("a") as log:
        log.write(f"{int(images[0].sum())}\\n")
    if LOG.with_name("slow").exists():
        time.sleep(0.5)
    return names[int(images[0].sum()) % len(names)]
"""
BUDGET = 24


def resolved(birds: Path, **changes: Any) -> Any:
    """Inputs of a good command, with changes; nothing starts."""
    given = {"images": "x", "out": "x", "classes": str(birds / "classes.txt"), "mllm": "fieldguide"}
    return resolve_inputs(LabelCascadeConfig(**{**given, **changes}))


@pytest.mark.parametrize("words", [["--budget", "0"], ["--budget=-5"], ["--budget", "much"]])
def test_a_budget_that_is_none_is_told(words: list[str]) -> None:
    good = ["--images", "a", "--out", "b", "--classes", "c"]
    with pytest.raises(InputError, match=r"^--budget '[^']+': .*a budget is "):
        parse(LabelCascadeConfig, [*good, *words], "onoma label cascade")
    assert parse(LabelCascadeConfig, [*good, "--budget", "2h"], "onoma").budget == "2h"
    assert LabelCascadeConfig(images="a", out="b", budget=5000).budget == "5000"  # of a YAML file


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"budget": "5", "threshold": 0.5}, "--budget and --threshold say the same in two ways"),
        ({"accuracy": 0.9}, "--accuracy is what a pilot picks a budget for; give --pilot"),
        ({"accuracy": 0.9, "pilot": 9, "budget": "5%"}, "--accuracy has a pilot pick the budget"),
        ({"budget": "2h", "pilot": 9}, "--budget 2h is turned into images by the forecast of"),
        ({"budget": "5", "pilot": 9}, "--pilot 9 takes 9 calls, and --budget 5 allows 5"),
        ({"learn": True, "threshold": 0.5}, "--learn asks about images at random, and --threshold"),
        ({"learn": True, "uncertainty": "gain"}, "at random, and --uncertainty asks about the unc"),
        ({"learn": True, "pilot": 9}, "at random, and --pilot without --budget asks about the unc"),
    ],
)
def test_settings_that_contradict_each_other(
    changes: dict[str, Any], sentence: str, birds: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        resolved(birds, **changes)


def test_answers_teach_unless_something_else_says_who_is_asked(birds: Path) -> None:
    assert resolved(birds).learns
    assert resolved(birds, pilot=9, budget="50%").learns
    for changes in ({"learn": False}, {"threshold": 0.5}, {"uncertainty": "gain"}, {"pilot": 9}):
        assert not resolved(birds, **changes).learns
    config = LabelCascadeConfig(images="x", out="x", classes=str(birds / "classes.txt"))
    inputs = resolve_inputs(config)
    names = [each.name for each in passes(config, inputs)]
    assert names == ["scores", "choose", "hold", "ask", "teach", "label"]
    assert "uncertainty" not in inputs.identity(config)
    plain = resolved(birds, learn=False).identity(config)
    assert (plain["uncertainty"], "learn" in plain) == ("gain", False), "as in earlier versions"
    plan = COMMANDS["plan cascade"].config(images="x", out="x", pilot=9, classes=config.classes)
    assert resolve_inputs(plan).learns, "the pilot of a plan is none of the job's"
    assert "teach" not in [each.name for each in passes(plan, resolve_inputs(plan))]


def test_one_class_is_none_to_choose_and_few_are_all_shown(
    birds: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "one.txt").write_text("wren\n")
    (tmp_path / "two.txt").write_text("wren\nrobin\n")
    with pytest.raises(InputError, match="cascade chooses among classes, and there is one, 'wren'"):
        resolved(birds, classes=str(tmp_path / "one.txt"))
    with caplog.at_level(logging.WARNING, "onoma"):
        assert resolved(birds, classes=str(tmp_path / "two.txt")).choices == 2
        assert not [each for each in caplog.messages if "--choices" in each]
        assert resolved(birds, classes=str(tmp_path / "two.txt"), choices=9).choices == 2
    assert "--choices 9: there are 2 classes, and all of them are shown" in caplog.messages


def test_hours_need_a_forecast(birds: Path, tmp_path: Path) -> None:
    config = LabelCascadeConfig(
        images="x", out=str(tmp_path / "run"), classes=str(birds / "classes.txt"), budget="2h"
    )
    with pytest.raises(InputError, match=r"--budget 2h: .* onoma plan cascade .*none beside --out"):
        passes(config, resolve_inputs(config))


def test_a_learned_prompt_takes_two_calls(birds: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt.json").write_text(json.dumps({"prompt": "Tell.", "category": "bird"}))
    inputs = resolved(birds, prompt=str(tmp_path), budget="7")
    assert [query.name for query in inputs.queries] == ["describe", "choose"]
    assert inputs.budget.images(48, inputs.calls_each) == 3
    assert "kind of bird" in inputs.choose.prompt.identity()["prompt"].replace("{category}", "bird")


def test_an_embedding_store_is_checked_and_takes_the_place_of_images(
    birds: Path, tmp_path: Path
) -> None:
    store = make_store(tmp_path / "store", store_table(unit(3, 128)))
    config = LabelCascadeConfig(
        images="x", out="x", classes=str(birds / "classes.txt"), mllm="fieldguide", embeddings=store
    )
    inputs = resolve_inputs(config)
    assert inputs.identity(config)["embeddings"] == "float32"
    assert "embeddings" not in resolved(birds).identity(config)
    names = [each.name for each in passes(config, inputs)]
    assert names == ["classifier", "scores", "choose", "hold", "ask", "teach", "label"]
    other = {**resolve_clip("fieldguide").record(), "fingerprint": "clip:other", "name": "other"}
    wrong = make_store(tmp_path / "wrong", store_table(unit(3, 128)), clip=other)
    with pytest.raises(InputError, match="holds features of the CLIP model other"):
        resolved(birds, embeddings=wrong)


def test_a_plan_is_of_the_images_that_the_budget_asks_about() -> None:
    work = {"rows": 100, "seconds": 4.0, "began": 10.0, "ended": 20.0, "processes": 1, "gpus": 2.0}
    record = {
        "images": 100,
        "timings": {"scores": 12.0, ASK: 12.0},
        "work": {"scores": {"clip": {**work, "gpus": 0.0}}, ASK: {"mllm": work}},
        "passes": {"scores": "images", ASK: "images"},
        "mllm_calls": 100, "answers_reused": 0, "prompt_tokens": 5000, "output_tokens": 500,
        "errors": {}, "cascade": {"share_below_threshold": 0.25},
    }  # fmt: skip

    def planned(**changes: Any) -> Any:
        kind = COMMANDS["plan cascade"].config
        config: Any = kind(images="a", out="b", classes="c", **changes)

        def size(each: PassForecast) -> int | None:
            return planned_images(config, record, each, 10_000)

        return forecast_job(record, 10_000, 2, Prices(), size)

    shared = planned(budget="30%")
    assert [round(each["seconds"]) for each in shared["passes"]] == [2 + 1000, 2 + 300]
    assert (shared["mllm_calls"], shared["prompt_tokens"]) == (3000, 150_000)
    assert planned()["mllm_calls"] == 2000  # 20 % by default
    assert planned(budget="123")["mllm_calls"] == 123
    assert planned(threshold=0.5)["mllm_calls"] == 2500
    # 10 images/s on two GPUs: an hour of both is two GPU-hours
    assert planned(budget="0.1h")["mllm_calls"] == 1800


def labels_of(run: Path) -> dict[int, dict[str, Any]]:
    """Rows by image, each once."""
    table = pads.dataset(str(run / "labels")).to_table().to_pylist()
    rows = {row["image_id"]: row for row in table}
    assert len(rows) == len(table)
    return rows


@pytest.mark.usefixtures("ray_session")
def test_a_killed_run_asks_about_the_same_images_within_its_budget(
    birds: Path, tmp_path: Path
) -> None:
    """The model counts what it is asked: the budget holds, with what a kill takes included."""
    settings: dict[str, Any] = {
        "images": str(birds / "images"),
        "classes": str(birds / "classes.txt"),
        "budget": str(BUDGET),
        "uncertainty": "gain",
        "mllm_batch": 2,
        "mllm_max_num_seqs": 1,
    }
    logs = []
    for name in ("calm", "killed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.py").write_text(MODEL)
        logs.append(tmp_path / name / "calls.txt")
    calm, killed = tmp_path / "calm" / "run", tmp_path / "killed" / "run"
    record = label(
        LabelCascadeConfig(
            **settings, mllm=f"dummy:{tmp_path / 'calm' / 'model.py'}", out=str(calm)
        )
    )
    asked = logs[0].read_text().split()
    assert len(asked) == BUDGET == record["mllm_calls"] == record["cascade"]["images_asked"]
    assert record["decided_by"] == {"clip": 48 - BUDGET, "head": 0, "mllm": BUDGET}

    (tmp_path / "killed" / "slow").touch()
    model = f"dummy:{tmp_path / 'killed' / 'model.py'}"
    flags = [word for key, value in settings.items() for word in (flag(key), str(value))]
    command = [sys.executable, "-m", "ray_jobs", "label", "cascade", *flags, "--mllm", model]
    job = subprocess.Popen(
        [*command, "--out", str(killed)],
        start_new_session=True,
        env={**os.environ, "RAY_ADDRESS": "local"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.time() + 300
    while not logs[1].exists() or len(logs[1].read_text().split()) < 10:
        assert job.poll() is None
        assert time.time() < deadline
        time.sleep(0.05)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    time.sleep(2)  # its Ray goes
    (tmp_path / "killed" / "slow").unlink()
    before = len(logs[1].read_text().split())
    assert before < BUDGET
    record = label(LabelCascadeConfig(**settings, mllm=model, out=str(killed)))
    calls = logs[1].read_text().split()
    lost = record["cascade"]["calls_lost"]  # the model had them, or they waited for it
    assert 0 < lost <= 8, "two calls of two images that each task has under way"
    assert set(calls) <= set(asked), "the images that the calm run asked about"
    assert len(calls) <= BUDGET
    assert record["cascade"]["images_asked"] == BUDGET - lost
    assert record["mllm_calls"] + record["answers_reused"] == BUDGET - lost
    rows, others = labels_of(killed), labels_of(calm)
    differ = [rows[each] for each in rows if rows[each] != others[each]]
    assert len(differ) == lost
    assert {row["decided_by"] for row in differ} == {"clip"}


def flag(name: str) -> str:
    """How the command line spells a setting."""
    return "--" + name.replace("_", "-")
