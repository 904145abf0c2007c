"""Exports open in the packages they are for, or keep to what their importers document."""

from __future__ import annotations

import csv
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from PIL import Image

from methods.errors import InputError
from ray_jobs.config import ExportConfig, ReviewConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.truth import read_truth
from ray_jobs.verbs.export import WRITERS, run
from ray_jobs.verbs.export.folders import safe_name, safe_names
from ray_jobs.verbs.review import run as review
from ray_jobs.verbs.review.sample import draw_sample
from tests.helpers.evaluated_runs import many, one, write_run
from tests.helpers.run_files import csv_rows
from tests.helpers.scored_runs import CLASSES, pictured_run, scored_run

IMAGES = 48  # of the drawn archive; the run has an error in one


def export(folder: str, to: str, out: Path, **settings: Any) -> dict[str, Any]:
    return run(ExportConfig(run=folder, to=to, out=str(out), **settings))


@pytest.fixture(scope="module")
def pictured(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("exported") / "run"
    return pictured_run(folder, str(birds / "images"), birds / "truth.csv")


@pytest.fixture(scope="module")
def of_tar(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same over a tar, whose members are no files."""
    folder = tmp_path_factory.mktemp("exported")
    with tarfile.open(folder / "birds.tar", "w") as tar:
        tar.add(birds / "images", "images")
    return pictured_run(folder / "run", str(folder / "birds.tar"), birds / "truth.csv")


@pytest.fixture(params=["pictured", "of_tar"])
def either(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def labels_of(folder: str) -> dict[str, str | None]:
    return {
        row["path"]: row["labels"][0] if row["labels"] else None
        for batch in RunReader(folder).batches(["path", "labels"])
        for row in batch.to_pylist()
    }


def test_csv_is_a_truth_file_with_more_columns(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run", images=30, errors=2)
    out = tmp_path / "deep" / "labels.csv"
    told = export(folder, "csv", out)
    assert told["images"] == told["written"] == 32
    assert told["left_out"] == {}
    rows = csv_rows(out)
    assert {row["path"]: row["label"] or None for row in rows} == labels_of(folder)
    assert Counter(row["error"] for row in rows) == {"": 30, "truncated": 2}
    assert {row["model"] for row in rows} == {"clip tiny"}
    assert {row["version"] for row in rows} == {"0.2.0"}
    assert len(read_truth(str(out)).image_ids) == 32


def test_jsonl_has_numbers_of_64_bits_and_lists_of_several_labels(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [many("ä\n.jpg", ["x", "y"], x=0.5, y=0.25)])
    export(folder, "jsonl", tmp_path / "labels.jsonl")
    [line] = (tmp_path / "labels.jsonl").read_text("utf-8").splitlines()
    row = json.loads(line)
    assert (row["path"], row["labels"], row["scores"]) == ("ä\n.jpg", ["x", "y"], [0.5, 0.25])
    assert row["image_id"] == next(RunReader(folder).batches(["image_id"]))["image_id"][0].as_py()
    export(folder, "csv", tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as lines:
        assert [row["label"] for row in csv.DictReader(lines)] == ["x|y"]


def test_webdataset_reads_its_tars(either: str, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    told = export(either, "webdataset", tmp_path / "out")
    assert told["written"] == IMAGES - 1
    assert told["left_out"] == {"truncated": 1}
    shards = sorted(map(str, (tmp_path / "out").glob("*.tar")))
    found = list(
        webdataset.WebDataset(shards, shardshuffle=False)
        .decode("pil")
        .to_tuple("png;jpg", "cls", "json")
    )
    classes = (tmp_path / "out" / "classes.txt").read_text().splitlines()
    labels = {path: label for path, label in labels_of(either).items() if label}
    assert {facts["path"]: classes[number] for _, number, facts in found} == labels
    assert all(image.size[0] > 8 for image, _, _ in found)


def test_datasets_loads_images_and_class_labels(
    either: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    told = export(either, "hf", tmp_path / "out")
    assert told["written"] == IMAGES
    found = datasets.load_dataset(
        str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    names = found.features["label"].names
    got = {row["path"]: None if row["label"] is None else names[row["label"]] for row in found}
    assert got == labels_of(either)
    errors = [row for row in found if row["error"]]
    assert [(row["image"], row["label"]) for row in errors] == [(None, None)]
    assert isinstance(found[0]["image"], Image.Image)


def test_datasets_loads_several_labels(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [many("a.jpg", ["x", "y"], x=0.5, y=0.25), many("b.jpg", None, "missing")]
    export(write_run(tmp_path / "run", rows), "hf", tmp_path / "out")
    found = datasets.load_dataset(
        str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [row["labels"] for row in found] == [[0, 1], []]
    assert [row["scores"] for row in found] == [[0.5, 0.25], []]


def test_fiftyone_s_importer_finds_every_image(either: str, tmp_path: Path) -> None:
    """As documented: ``classes``, ``labels`` by key, and paths by key in ``data.json``."""
    told = export(either, "fiftyone", tmp_path / "out")
    content = json.loads((tmp_path / "out" / "labels.json").read_text())
    data = json.loads((tmp_path / "out" / "data.json").read_text())
    assert told["written"] == len(content["labels"]) == len(data) == IMAGES - 1
    assert content["labels"].keys() == data.keys()
    for key, label in content["labels"].items():
        assert label["label"] in content["classes"]
        assert 0 <= label["confidence"] <= 1
        assert Image.open(data[key]).size[0] > 8


def test_label_studio_s_tasks_go_out_and_come_back(either: str, tmp_path: Path) -> None:
    told = export(either, "label-studio", tmp_path / "out", sample=12)
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert told["written"] == told["images"] == len(tasks) == 12
    interface = ElementTree.parse(tmp_path / "out" / "interface.xml")
    [choices] = interface.iter("Choices")
    offered = [choice.get("value") for choice in choices]
    for task in tasks:
        address = task["data"]["image"]
        place = "/" + unquote(address.removeprefix("/data/local-files/?d="))
        assert Image.open(place).size[0] > 8
        [prediction] = task["predictions"]
        assert 0 <= prediction["score"] <= 1
        [result] = prediction["result"]
        assert (result["from_name"], result["to_name"]) == (choices.get("name"), "image")
        assert result["value"]["choices"][0] in offered
        task["annotations"] = [{"completed_by": 7, "result": [result]}]
    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps(tasks))
    file = str(tmp_path / "reviewed.csv")
    found = review(ReviewConfig(run=either, reviewed=file, **{"import": str(corrected)}))
    assert (found["answers"], found["not_drawn"], found["accuracy"]) == (12, 0, 1.0)
    assert found["reviewers"] == {"7": 12}


def test_a_sample_is_what_a_review_shows_first(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run")
    told = export(folder, "csv", tmp_path / "some.csv", sample=50, seed=3)
    assert told["images"] == 50
    shown = {row["path"] for row in csv_rows(tmp_path / "some.csv")}
    for own in draw_sample(RunReader(folder), 3).order:
        hits = [image.path in shown for image in own]
        assert hits == sorted(hits, reverse=True)
        assert sum(hits) >= min(2, len(own))


def test_coco_has_categories_and_annotations_of_whole_images(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run", images=30, errors=2)
    told = export(folder, "coco", tmp_path / "coco.json")
    assert (told["written"], told["annotations"]) == (32, 30)
    content = json.loads((tmp_path / "coco.json").read_text())
    names = {each["id"]: each["name"] for each in content["categories"]}
    images = {each["id"]: each for each in content["images"]}
    assert len(images) == 32
    assert list(names.values()) == CLASSES
    got = {
        images[each["image_id"]]["file_name"]: names[each["category_id"]]
        for each in content["annotations"]
    }
    assert got == {path: label for path, label in labels_of(folder).items() if label}
    assert sum("error" in each for each in images.values()) == 2


@pytest.mark.parametrize("copy", [False, True])
def test_a_folder_a_class_holds_its_images(either: str, tmp_path: Path, copy: bool) -> None:
    told = export(either, "folder", tmp_path / "out", copy_images=copy)
    assert told["written"] == IMAGES - 1
    assert told["left_out"] == {"truncated": 1}
    folders = {row["folder"]: row["label"] for row in csv_rows(tmp_path / "out" / "classes.csv")}
    files = [file for file in (tmp_path / "out").rglob("*") if not file.is_dir()]
    pictures = [file for file in files if file.name != "classes.csv"]
    found = Counter(folders[file.parent.name] for file in pictures)
    assert found == Counter(label for label in labels_of(either).values() if label)
    assert all(Image.open(file).size[0] > 8 for file in pictures)
    if copy:
        assert not any(file.is_symlink() for file in pictures)


def test_files_of_one_name_and_odd_classes_have_places_of_their_own(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "x.png")
    rows = [
        {**one(f"{folder}/x.png", label), "uri": str(tmp_path / folder / "x.png")}
        for folder, label in (("a", "../up"), ("b", "../up"))
    ]
    told = export(write_run(tmp_path / "run", rows), "folder", tmp_path / "out")
    assert told["written"] == 2
    assert len(list((tmp_path / "out" / "_._up").iterdir())) == 2
    assert not (tmp_path / "up").exists()


def test_names_are_safe_and_apart() -> None:
    odd = [
        "a/b",
        "a\\b",
        "A_B",
        "",
        ".",
        "..",
        "con",
        "x" * 300,
        "tern. ",
        "é" * 200,
        "classes.csv",
    ]
    found = safe_names(odd)
    values = list(found.values())
    assert len({value.casefold() for value in values}) == len(odd)
    for value in values:
        assert value
        assert "/" not in value
        assert not value.startswith(".")
        assert len(value.encode()) < 200
    assert safe_name("photo of a tern.jpeg") == "photo of a tern.jpeg"
    assert safe_name("y" * 300 + ".jpeg").endswith("y.jpeg")


@pytest.mark.parametrize("to", WRITERS)
def test_an_output_that_exists_is_left_alone(tmp_path: Path, to: str) -> None:
    folder, _ = scored_run(tmp_path / "run", images=5)
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(InputError, match="out exists; give a path where nothing is"):
        export(folder, to, out)
    assert out.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run", images=5)
    with pytest.raises(InputError, match="give a local path"):
        run(ExportConfig(run=folder, to="csv", out="s3://bucket/x.csv"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export(folder, "csv", tmp_path / "file" / "x.csv")


def test_an_unknown_format_names_those_there_are() -> None:
    from ray_jobs.config import parse

    with pytest.raises(InputError, match=r"--to 'xml'.*'csv', 'jsonl'"):
        parse(ExportConfig, ["--run", "r", "--to", "xml", "--out", "o"], "onoma export")


def test_archives_whose_images_are_gone_are_counted(tmp_path: Path) -> None:
    folder, _ = scored_run(tmp_path / "run", images=6, errors=1)
    for to in ("webdataset", "folder"):
        settings = {"copy_images": True} if to == "folder" else {}
        told = export(folder, to, tmp_path / to, **settings)
        assert told["written"] == 0
        assert told["left_out"] == {"missing": 6, "truncated": 1}
