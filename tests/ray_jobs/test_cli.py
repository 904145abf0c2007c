"""The command line: wrong use is one sentence and exit 2, before Ray or a model starts."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fieldguide
from actors.classifier_store import load_classifier, save_classifier
from methods.classifier import Classifier
from ray_jobs.cli import DONE, WRONG_USAGE, execute


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting Ray or loading CLIP fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model or Ray was started")

    for target in ("ray_jobs.passes.label_job.start_ray", "ray_jobs.pipelines.zero_shot.start_ray"):
        monkeypatch.setattr(target, refuse)
    monkeypatch.setattr("actors.clip.encoder.ClipEncoder.__init__", refuse)


def says(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run wrong use; return its one sentence."""
    results = io.StringIO()
    code = execute(arguments, results)
    error = capsys.readouterr().err
    assert code == WRONG_USAGE, error
    assert results.getvalue() == ""
    sentence = error.strip().splitlines()[-1]
    assert sentence.startswith("onoma: ")
    return sentence


def label(birds: Path, out: Path, **changes: str) -> list[str]:
    """A good `label zero_shot` command, with changes; an empty value leaves the flag out."""
    values = {"images": str(birds / "images"), "classes": str(birds / "classes.txt")}
    values = {**values, "out": str(out), **changes}
    flags = [part for key, value in values.items() if value for part in (f"--{key}", value)]
    return ["label", "zero_shot", *flags]


@pytest.mark.usefixtures("no_ray")
def test_wrong_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no verb 'lable'" in says(["lable"], capsys)
    methods = "zero_shot, slac, tlac, what_do_you_see, autosep, mllm_names, classifier"
    assert f"no method 'zeroshot'; there are {methods}" in says(["label", "zeroshot"], capsys)
    assert "say which method" in says(["fit", "--out", "x"], capsys)
    assert "--images is needed; --out is needed" in says(["manifest"], capsys)


@pytest.mark.usefixtures("no_ray")
def test_wrong_inputs(birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice.txt").write_text("a\nb\na\n")
    (tmp_path / "gap.txt").write_text("a\n\nb\n")
    for changes, sentence in [
        ({"images": "/no/such/folder"}, "no such folder or file"),
        ({"images": str(tmp_path / "empty")}, "no images there"),
        ({"classes": ""}, "--classes is needed"),
        ({"classes": "/no/classes.txt"}, "no such file"),
        ({"classes": str(tmp_path / "twice.txt")}, "names 'a' twice"),
        ({"classes": str(tmp_path / "gap.txt")}, "line 2 is empty"),
        ({"clip": "no-such-model"}, "neither a folder nor an open_clip model"),
        ({"templates": "/no/file"}, "neither simple nor imagenet"),
        ({"clip-gpus": "-1"}, "--clip-gpus"),
    ]:
        assert sentence in says(label(birds, out, **changes), capsys)
        shutil.rmtree(out, ignore_errors=True)


@pytest.mark.usefixtures("no_ray")
def test_output_folders_that_cannot_be_used(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.doc").write_text("x")
    assert "holds other things" in says(label(birds, other), capsys)
    assert "is a file" in says(label(birds, other / "thesis.doc"), capsys)
    (other / "run.json").write_text("{")
    assert "run.json is corrupt" in says(label(birds, other), capsys)
    (other / "run.json").write_text(json.dumps({"identity": {"method": "near"}}))
    assert "belongs to another run, which differs in" in says(label(birds, other), capsys)
    assert "cannot be written" in says(label(birds, Path("/proc/run")), capsys)


@pytest.mark.usefixtures("no_ray")
def test_classifiers_that_cannot_be_used(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "classifier"
    command = ["label", "--classifier", str(folder), "--images", str(birds / "images")]
    command += ["--out", str(tmp_path / "run")]
    assert "no such folder" in says(command, capsys)
    folder.mkdir()
    assert "holds no classifier.json" in says(command, capsys)
    save_classifier(
        Classifier(
            labels=("a", "b"),
            matrix=np.eye(2, 512, dtype=np.float32),
            clip={"name": "fieldguide", "fingerprint": "another", "embed_dim": 512},
            method="zero_shot",
            logit_scale=1.0,
        ),
        str(folder),
    )
    assert "made for the CLIP model fieldguide (512 wide)" in says(command, capsys)
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    assert "is corrupt: its hash" in says(command, capsys)


def test_another_clip_than_the_classifier_s(
    birds: Path, classifier_folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "clip"
    shutil.copytree(fieldguide.CLIP_FOLDER, copy)
    config = copy / "open_clip_config.json"
    config.write_text(config.read_text() + "\n")
    command = ["label", "--classifier", classifier_folder, "--clip", str(copy)]
    command += ["--images", str(birds / "images"), "--out", str(tmp_path / "run")]
    assert "has other weights; leave --clip" in says(command, capsys)
    assert load_classifier(classifier_folder).labels


def test_help_and_overview(capsys: pytest.CaptureFixture[str]) -> None:
    results = io.StringIO()
    assert execute(["--help"], results) == DONE
    assert "fieldguide draw" in results.getvalue()


def test_standard_output_carries_one_json_object(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ray_jobs", "fieldguide", "draw", "--count", "2", "--json"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "a")], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["images"] == 2
    assert len(done.stdout.splitlines()) == 1
    again = subprocess.run([*command, "--out", str(tmp_path / "a")], capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    assert os.listdir(tmp_path / "a" / "images")


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import ray_jobs.commands", ("torch", "open_clip", "transformers", "vllm", "ray.data")),
        (
            "from actors.clip.encoder import ClipEncoder\n"
            "from actors.clip.model import resolve_clip\n"
            "ClipEncoder(resolve_clip('fieldguide'), device='cpu')",
            ("vllm",),
        ),
    ],
)
def test_nothing_slow_is_imported_for_nothing(statement: str, absent: tuple[str, ...]) -> None:
    script = f"{statement}\nimport sys\nprint([n for n in {absent!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
