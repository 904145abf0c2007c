"""Real architectures, tiny: Onoma puts in and gets out what plain ``LLM.chat`` does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.labels.table import ANSWER_LABELS_SCHEMA
from methods.errors import ANSWER_CODES
from ray_jobs.cli import execute
from tests.helpers.run_files import record_of, rows_by_path
from tests.zoo.asking import Agreement
from tests.zoo.models import ZOO, folder_of
from tests.zoo.pictures import pictures, write_pictures

ROOT = Path(__file__).parents[2]
FAST = ("paligemma", "qwen2.5-vl")
"""One with a single size and no chat template, one that takes any size; they share a process and
run by default. One that cuts tiles is among the others."""
CLASSES = ("temple", "flower", "valley", "coast", "desert", "sky")

MODELS = [pytest.param(name, marks=pytest.mark.zoo(always=name in FAST)) for name in ZOO]


@pytest.fixture(scope="session")
def zoo_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where folders of models are, each written when it is first wanted."""
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="session")
def asked(zoo_folders: Path) -> dict[str, Agreement]:
    """What was found so far, by model."""
    return {}


def ask(name: str, cache: Path, asked: dict[str, Agreement]) -> Agreement:
    """Ask a model in a process of its own, and with a fast one the others."""
    if name not in asked:
        command = [sys.executable, "-m", "tests.zoo.asking", str(cache)]
        done = subprocess.run(
            [*command, *(FAST if name in FAST else [name])],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        asked |= {each["name"]: Agreement(**each) for each in map(json.loads, lines)}
        assert name in asked, done.stderr[-3000:]
    return asked[name]


@pytest.mark.engine
@pytest.mark.parametrize("name", MODELS)
def test_prompts_pictures_and_answers_are_those_of_plain_vllm(
    name: str, zoo_folders: Path, asked: dict[str, Agreement]
) -> None:
    found = ask(name, zoo_folders, asked)
    count = len(pictures())
    assert (found.pictures, found.ids, found.tensors, found.answers) == (count,) * 4
    assert found.different > count // 3, "answers that do not depend on pictures prove nothing"
    assert min(found.tokens) > 1


@pytest.mark.zoo
@pytest.mark.parametrize("name", ZOO)
def test_slac_ends_with_a_row_for_every_picture(
    name: str, zoo_folders: Path, ray_session: Any, tmp_path: Path, capsys: Any
) -> None:
    """What the model says is noise; what becomes of it is a class or an error of the answer."""
    images, classes, out = tmp_path / "images", tmp_path / "classes.txt", tmp_path / "run"
    write_pictures(images)
    classes.write_text("".join(f"{each}\n" for each in CLASSES))
    command = ["label", "slac", "--images", str(images), "--classes", str(classes)]
    command += ["--mllm", str(folder_of(name, zoo_folders)), "--out", str(out)]
    command += ["--max-tokens", "32", "--clip", "fieldguide"]  # whatever it makes of these classes
    for argument, value in ZOO[name].engine.items():
        command += ["--mllm-engine", f"{argument}={json.dumps(value).strip(chr(34))}"]
    assert execute(command, sys.stderr) == 0, capsys.readouterr().err
    rows = rows_by_path(out, ANSWER_LABELS_SCHEMA)
    assert sorted(rows) == sorted(pictures())
    errors = Counter(row["error"] for row in rows.values() if row["error"] is not None)
    assert set(errors) <= set(ANSWER_CODES)
    record = record_of(out)
    assert (record["state"], record["errors"]) == ("finished", dict(sorted(errors.items())))
    assert record["labelled"] + errors.total() == len(rows)
    assert record["prompt_tokens"] > 100 * len(rows)
    for row in rows.values():
        assert row["label"] in CLASSES if row["error"] is None else row["label"] is None
