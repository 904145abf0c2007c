"""Jobs from Python: the page, the script and the notebook run, and agree with the command line."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import ray

import onoma
from methods.errors import RowError
from ray_jobs.passes.session import Capacity
from tests.helpers.python_blocks import blocks_of, run_block

ROOT = Path(__file__).parent.parent.parent
REAL_CLIP = {"ViT-L-14/openai": "fieldguide"}


@pytest.fixture
def desk(birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with what the page names: photos, names, a truth, one image."""
    (tmp_path / "photos").mkdir()
    pictures = sorted(each for each in (birds / "images").rglob("*") if each.is_file())
    for each in pictures[:12]:
        shutil.copy(each, tmp_path / "photos")
    shutil.copy(pictures[0], tmp_path / f"bird{pictures[0].suffix}")
    shutil.copy(birds / "classes.txt", tmp_path / "names.txt")
    truth = dict(line.split(",", 1) for line in (birds / "truth.csv").read_text().splitlines())
    lines = [f"{name.rpartition('/')[2]},{label}" for name, label in truth.items()]
    kept = {each.name for each in (tmp_path / "photos").iterdir()} | {"path"}
    rows = [line for line in lines if line.partition(",")[0] in kept]
    (tmp_path / "truth.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_runs_and_all_ways_agree(ray_session: Capacity, desk: Path) -> None:
    (bird,) = desk.glob("bird.*")
    instead = {**REAL_CLIP, "bird.jpg": bird.name}
    names: dict[str, Any] = {}
    blocks = [each for each in blocks_of(ROOT / "docs" / "python.md") if "onoma.client" not in each]
    assert len(blocks) == 6
    for block in blocks:
        run_block(block, "docs/python.md", names, instead)

    (short,) = (each for each in blocks_of(ROOT / "README.md") if "onoma.label" in each)
    run_block(short, "README.md", names, instead)  # the same run: it is found finished

    run = names["run"]
    assert run.finished
    assert run.ledger.rows == names["table"].num_rows == len(names["frame"]) == 12
    assert names["rows"].count() == 12
    assert names["metrics"]["accuracy"] > 0.2
    by_path = {row["path"]: row for row in run.labels().to_pylist()}

    # the classifier without Ray, and in a pipeline of one's own, say what the run says
    classifier = names["classifier"]
    paths = [Path("photos") / path for path in by_path]
    assert names["labels"][0] == classifier([bird])[0][0]
    labels, scores = classifier(paths)
    assert labels == [row["label"] for row in by_path.values()]
    assert scores == pytest.approx([row["score"] for row in by_path.values()], abs=1e-3)
    rows = names["labelled"].take_all()
    assert {row["collection"] for row in rows} == {"birds"}
    assert {row["year"] for row in rows} == {1923}
    found = {Path(row["image"]).name: row["onoma_label"] for row in rows}
    assert found == {path: row["label"] for path, row in by_path.items()}

    # a bad image is told, and the others are labelled
    with pytest.raises(RowError, match=r"images\[1\]: ") as caught:
        classifier([paths[0], b"a letter"])
    assert caught.value.code == "not_an_image"
    labels, scores = classifier([b"a letter", paths[0]], errors="none")
    assert labels == [None, by_path[paths[0].name]["label"]]
    assert scores[0] is None
    with pytest.raises(onoma.InputError, match=r"give a list of images"):
        classifier(str(paths[0]))

    # called again it is found finished, by other settings refused
    settings: dict[str, Any] = {"method": "zero_shot", "out": run, "clip": "fieldguide"}
    again = onoma.label("photos", classes=Path("names.txt"), **settings)
    assert again.record == run.record
    with pytest.raises(onoma.InputError, match="belongs to another run"):
        onoma.label("photos", classes=["crow", "tern"], **settings)
    with pytest.raises(onoma.InputError, match=r"no column 'lable'; there are image_id, path"):
        run.labels(["lable"])

    # stages in this process: in batches of PyArrow, and features of unit length
    label = onoma.stages.Label(run)
    table = pa.table({"image": [str(paths[0]), "nowhere.jpg"], "id": [7, 8]})
    told = label(table).to_pylist()
    assert [row["id"] for row in told] == [7, 8]
    assert [row["error"] for row in told] == [None, "missing"]
    assert told[0]["label"] == by_path[paths[0].name]["label"]
    embedded = onoma.stages.Embed("fieldguide")({"image": np.array([str(paths[0]), "no.jpg"])})
    assert np.linalg.norm(embedded["embedding"][0]) == pytest.approx(1, abs=1e-3)
    assert list(embedded["error"]) == [None, "missing"]


@pytest.mark.extended
def test_the_script_and_the_notebook_run(
    ray_session: Capacity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = runpy.run_path(str(ROOT / "examples" / "label_photos.py"))
    told = script["main"](tmp_path / "script", count=24)
    assert told["accuracy"] > 0.2
    assert len(told["labels"]) == 3

    names: dict[str, Any] = {}
    for cell in blocks_of(ROOT / "examples" / "own_pipeline.ipynb"):
        run_block(cell, "examples/own_pipeline.ipynb", names)
    assert names["labelled"].count() == 60
    assert set(names["labelled"].schema().names) >= {"scan", "box", "label", "score", "error"}
    assert len(names["by_box"]) == 3
    assert set(names["labels"]) <= set(names["classifier"].labels)
    assert ray.is_initialized()
