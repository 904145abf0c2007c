"""The command line: wrong use is one sentence and exit 2, before Ray or a model starts."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import fieldguide
from actors.classifier_store import load_classifier, save_classifier
from methods.classifier import Classifier
from ray_jobs.cli import DONE, FAILED, WRONG_USAGE, execute
from ray_jobs.commands import COMMANDS, Command
from ray_jobs.config.names import RENAMED, flag_of
from ray_jobs.pipelines.registry import METHODS
from ray_jobs.runs.folder import FORMAT


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting Ray or loading CLIP fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model or Ray was started")

    for target in ("ray_jobs.passes.label_job.start_ray", "ray_jobs.pipelines.zero_shot.start_ray"):
        monkeypatch.setattr(target, refuse)
    monkeypatch.setattr("actors.clip.encoder.ClipEncoder.__init__", refuse)


def says(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run wrong use; return its one sentence, which follows notices at most."""
    results = io.StringIO()
    code = execute(arguments, results)
    error = capsys.readouterr().err
    assert code == WRONG_USAGE, error
    assert results.getvalue() == ""
    assert "Traceback" not in error
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
    assert "no verb 'lable' (did you mean label?); the verbs are demo, " in says(["lable"], capsys)
    methods = ", ".join(method.name for method in METHODS if method.label)
    sentence = says(["label", "zeroshot"], capsys)
    assert f"no method 'zeroshot' (did you mean zero_shot?); there are {methods}" in sentence
    assert f"no method 'x'; there are {methods}" in says(["label", "x"], capsys)
    assert "say which method" in says(["fit", "--out", "x"], capsys)
    assert "--images is needed; --out is needed" in says(["manifest"], capsys)
    sentence = says(["demo", "--sed=1"], capsys)
    assert re.search(r"--sed is not a setting of .* demo \(did you mean --seed\?\); ", sentence)
    assert sentence.endswith(" demo --help lists what there is")
    sentence = says(["demo", "--methods", "tlac", "near", "--count", "3"], capsys)
    assert (
        "unrecognized arguments: near; several values of --methods are joined by commas" in sentence
    )
    assert "commas" not in says(["demo", "--count", "3", "stray", "near"], capsys)


def wrong_uses(command: Command) -> Iterator[tuple[list[str], str]]:
    """Wrong use of a command: what follows its name, and what the sentence must say."""
    yield ["--no-such-setting", "1"], "--no-such-setting is not a setting of "
    yield ["--seed", "many"], "--seed 'many': input should be a valid integer"
    yield ["--seed"], "--seed: expected one argument"
    fields = command.config.model_fields
    for field, info in fields.items():
        if info.is_required():
            yield [], f"{flag_of(field)} is needed"
    for old, new in RENAMED.items():
        if new in fields:
            yield [flag_of(old), "1"], f"{flag_of(old)} is now {flag_of(new)}"
            yield [f"{flag_of(old)}=1"], f"{flag_of(old)} is now {flag_of(new)}"


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_use_of_every_command(capsys: pytest.CaptureFixture[str], name: str) -> None:
    for arguments, said in wrong_uses(COMMANDS[name]):
        assert said in says([*name.split(), *arguments], capsys)


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize("old", RENAMED)
def test_an_old_key_of_the_yaml_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"images: a\n{old.replace('_', '-')}: 1\n")
    name = "submit" if old == "driver_node" else "label slac"
    sentence = says([*name.split(), "--config", str(file)], capsys)
    assert sentence == f"onoma: {flag_of(old)} is now {flag_of(RENAMED[old])}"


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
    (other / "run.json").write_text(json.dumps({"format": FORMAT, "identity": {"method": "near"}}))
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
    weights = copy / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    command = ["label", "--classifier", classifier_folder, "--clip", str(copy)]
    command += ["--images", str(birds / "images"), "--out", str(tmp_path / "run")]
    assert "has other weights; leave --clip" in says(command, capsys)
    assert load_classifier(classifier_folder).labels


def printed(arguments: list[str]) -> str:
    """What a command that answers at once prints."""
    results = io.StringIO()
    assert execute(arguments, results) == DONE
    return results.getvalue()


def test_help_and_overview() -> None:
    overview = printed(["--help"])
    assert "fieldguide draw" in overview
    assert all(name.partition(" ")[0] in overview for name in COMMANDS)


@pytest.mark.parametrize("verb", ["fit", "label", "plan"])
def test_help_of_a_verb_lists_its_methods(verb: str) -> None:
    listed = printed([verb, "--help"])
    rows = {name.split()[1]: row for name, row in COMMANDS.items() if name.startswith(f"{verb} ")}
    for method, row in rows.items():
        assert f"\n  {method} " in listed
        assert row.summary.partition(",")[0] in " ".join(listed.split())
    assert max(map(len, listed.splitlines())) <= 100


def test_the_version_is_that_of_the_package() -> None:
    assert printed(["--version"]) == f"onoma {version('onoma')}\n"


def test_progress_is_told_and_libraries_only_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def log(_: object) -> dict[str, object]:
        logging.getLogger("onoma.ray_jobs.some.module").info("half is done")
        logging.getLogger("a.library").info("a detail")
        logging.getLogger("a.library").warning("a warning")
        raise RuntimeError("it broke")

    monkeypatch.setattr("ray_jobs.verbs.draw.draw", log)
    command = ["fieldguide", "draw", "--out", str(tmp_path / "a")]
    assert execute(command, io.StringIO()) == FAILED
    said = capsys.readouterr().err
    why = "onoma: failed: RuntimeError: it broke; run the same command again to resume"
    assert said.splitlines() == ["onoma: half is done", "a: a warning", why]
    assert execute([*command, "--verbose"], io.StringIO()) == FAILED
    said = capsys.readouterr().err
    assert "\na: a detail\n" in said
    assert "\nTraceback (most recent call last):\n" in said
    assert said.splitlines()[-1] == why
    assert not logging.getLogger("onoma").isEnabledFor(logging.INFO), "as it was before"


@pytest.mark.slow
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


HEAVY = ("ray", "torch", "numpy", "pyarrow", "PIL", "open_clip", "transformers", "vllm", "scipy")


def imported_by(script: str) -> set[str]:
    """Which packages that take long to import a script has imported, in a process of its own."""
    script += f"\nimport sys; print(*(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.slow
def test_a_reader_that_has_had_enough_and_a_full_disk_are_no_tracebacks() -> None:
    command = [sys.executable, "-m", "ray_jobs", "dataset"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        listing.stdout.close()
        _, said = listing.communicate()
    assert (listing.returncode, said) == (1, b"")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"onoma: standard output cannot be written: No space left on device\n"


@pytest.mark.slow
def test_help_and_wrong_use_import_nothing_slow() -> None:
    uses = [["--help"], ["--version"], [], ["lable"], ["label", "zeroshot"], ["label", "--help"]]
    uses += [[*name.split(), "--no-such-setting"] for name in COMMANDS]
    uses += [[*name.split(), "--seed", "many"] for name in COMMANDS]
    uses += [["label", "slac", "--help"], ["label", "slac", "--mllm-context", "3"]]
    script = f"""
import os
from ray_jobs.cli import execute
kept = os.dup(1)
for arguments in {uses!r}:
    assert execute(arguments, open(os.devnull, "w")) in (0, 2), arguments
os.dup2(kept, 1)  # where --help prints is where results go
"""
    assert imported_by(script) == set()


@pytest.mark.parametrize(
    ("images", "classes", "sentence"),
    [
        ("no-such-folder", "classes.txt", "--images no-such-folder: no such folder or file"),
        ("images", "no-such-file", "--classes no-such-file: no such file"),
    ],
)
def test_a_path_that_is_not_there_is_told_before_ray_is_imported(
    images: str, classes: str, sentence: str, birds: Path, tmp_path: Path
) -> None:
    words = ["--images", images, "--classes", classes, "--out", str(tmp_path / "run")]
    script = f"""
import contextlib, io, os
from ray_jobs.cli import execute
os.chdir({str(birds)!r})
with contextlib.redirect_stderr(io.StringIO()) as said:
    assert execute(["label", "slac", *{words!r}], io.StringIO()) == 2
assert said.getvalue() == {f"onoma: {sentence}" + chr(10)!r}, said.getvalue()
"""
    assert imported_by(script) == {"numpy", "pyarrow"}


def test_a_config_class_is_imported_when_it_is_asked_for() -> None:
    script = "from ray_jobs.config import LabelSlacConfig\nimport sys\n"
    script += "assert 'ray_jobs.config.data_free' not in sys.modules"
    assert imported_by(script) == set()


@pytest.mark.slow
def test_clip_does_without_vllm() -> None:
    script = """
from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
ClipEncoder(resolve_clip("fieldguide"), device="cpu")
"""
    assert "vllm" not in imported_by(script)


@pytest.mark.parametrize(
    ("started", "said"),
    [
        ("/venv/bin/onoma", "onoma"),
        ("/here/onoma/__main__.py", "python -m onoma"),
        ("/here/ray_jobs/__main__.py", "python -m ray_jobs"),
    ],
)
def test_usage_names_the_program_as_it_was_started(
    started: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [started])
    for words in (["--help"], ["label", "--help"], ["label", "slac", "--help"]):
        results = io.StringIO()
        assert execute(words, results) == 0
        assert f"usage: {said} " in results.getvalue()
