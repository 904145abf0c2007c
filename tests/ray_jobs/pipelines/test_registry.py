"""The registry of methods: every row can be loaded, and a method more is one row more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pytest

from actors.labels.table import LABELS_SCHEMA, MULTI_LABELS_SCHEMA
from ray_jobs.config import VerbConfig, method_of
from ray_jobs.pipelines.base import FitMethod, LabelMethod
from ray_jobs.pipelines.registry import METHODS, Method, find, label_method_of_run, load

ROOT = Path(__file__).parents[3]
COMMAND_LINE = """
import sys
from examples.direct.row import ROW
from ray_jobs.pipelines import registry

registry.METHODS = (*registry.METHODS, ROW)
from ray_jobs.cli import main

sys.exit(main())
"""
DUMMY = """
def answer(text, images):
    names = [line.strip("- ") for line in text.splitlines() if line.strip()][1:]
    return names[int(images[0].sum()) % len(names)] if images[0].mean() > 1 else "cannot tell"
"""


def named(method: Method) -> str:
    """The name of a parametrised method."""
    return method.name


@pytest.mark.parametrize("method", [m for m in METHODS if m.label], ids=named)
def test_labelling_methods_are_as_their_row_says(method: Method) -> None:
    loaded = load(method.label)
    assert isinstance(loaded, LabelMethod)
    assert loaded.name == method.name == method_of(load(method.label_settings))
    base = MULTI_LABELS_SCHEMA if "labels" in loaded.columns.names else LABELS_SCHEMA
    assert set(base.names) <= set(loaded.columns.names)
    assert set(loaded.responses) <= set(loaded.columns.names)
    for counter in loaded.counters:
        assert set(counter.columns.values()) <= set(loaded.columns.names)
        assert counter.row.format(name="n", value="v")
    for part in set(loaded.parts) - {"fused"}:
        assert loaded.columns.field(f"{part}_label").type == pa.string()


@pytest.mark.parametrize("method", [m for m in METHODS if m.fit], ids=named)
def test_learning_methods_are_as_their_row_says(method: Method) -> None:
    settings = load(method.fit_settings)
    assert issubclass(settings, VerbConfig)
    assert method_of(settings) == method.name
    module = sys.modules[load(method.fit).__module__]
    contract = getattr(module, "FIT", None)
    assert contract is None or (isinstance(contract, FitMethod) and contract.name == method.name)


def test_what_labels_with_a_fit_takes_its_folder() -> None:
    classifier = find("classifier")
    assert classifier is not None
    for method in METHODS:
        if method.takes_fit:
            settings = load(method.label_settings or classifier.label_settings)
            assert method.takes_fit in settings.model_fields, method.name


def test_a_run_tells_which_method_labelled_it() -> None:
    by_near = {"method": "near", "labelled_by": "classifier"}
    assert label_method_of_run(by_near) is load("ray_jobs.pipelines.classifier:METHOD")
    assert label_method_of_run({"method": "of another time"}) is None


@pytest.mark.slow
def test_a_method_more_is_five_files(birds: Path, tmp_path: Path) -> None:
    """On the command line, with no edit of any module of ours."""
    (tmp_path / "model.py").write_text(DUMMY)
    (tmp_path / "images").mkdir()
    for number, image in enumerate(sorted((birds / "images").rglob("*.*"))[:6]):
        (tmp_path / "images" / f"{number}{image.suffix}").write_bytes(image.read_bytes())
    (tmp_path / "images" / "broken.jpg").write_bytes(b"no image")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "RAY_ADDRESS": "local", "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-c", COMMAND_LINE, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=200,
        )

    assert "direct" in run("label", "--help").stdout
    out = tmp_path / "run"
    settings = ["--images", str(tmp_path / "images"), "--classes", str(birds / "classes.txt")]
    done = run("label", "direct", *settings, "--mllm", "dummy:model.py", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "direct: finished" in done.stdout
    record = json.loads((out / "run.json").read_text())
    assert (record["images"], record["labelled"], record["mllm_calls"]) == (7, 6, 6)
    assert record["errors"] == {"not_an_image": 1}
    labels = pads.dataset(out / "labels").to_table()
    classes = (birds / "classes.txt").read_text().splitlines()
    answered = labels.filter(pa.compute.is_valid(labels.column("label")))
    assert set(answered.column("label").to_pylist()) <= set(classes)
    assert answered.column("answer").to_pylist() == answered.column("label").to_pylist()
    page = run("report", str(out))
    assert page.returncode == 0, page.stderr
    assert "answer:" in (out / "report.html").read_text()
