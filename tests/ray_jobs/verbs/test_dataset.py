"""``onoma dataset``: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from methods.class_names import parse_classes
from methods.prompt_templates import parse_templates
from ray_jobs.cli import execute
from ray_jobs.runs.sources.lists import text_list
from tests.helpers import dataset_folders as layouts

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def onoma(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process; returns its code, its object, and what it said."""

    def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
        results = io.StringIO()
        code = execute([*map(str, arguments), "--json"], results)
        text = results.getvalue()
        return code, json.loads(text) if text else {}, capfd.readouterr().err

    return run


def truth_of(out: Path) -> dict[str, str]:
    with open(out / "truth.csv", newline="", encoding="utf-8") as file:
        return {row["path"]: row["label"] for row in csv.DictReader(file)}


def test_one_label_an_image(onoma: Run, tmp_path: Path) -> None:
    layouts.pets(tmp_path / "pets")
    code, result, said = onoma("dataset", "OxfordPets", "--root", tmp_path / "pets",
                               "--out", tmp_path / "out")  # fmt: skip
    assert code == 0
    assert (result["images"], result["classes"], result["expected"]) == (3, 3, 3669)
    assert "3 images, and Oxford-IIIT Pet has 3,669" in said
    assert "3 classes, and Oxford-IIIT Pet has 37" in said
    out = tmp_path / "out"
    rows = list(text_list(str(out / "images.txt")))
    assert [row.path for row in rows] == list(truth_of(out))
    assert all(Path(row.path).is_file() for row in rows)
    assert list(truth_of(out).values()) == ["abyssinian", "american bulldog", "russian blue"]
    assert (out / "classes.txt").read_text() == "abyssinian\namerican bulldog\nrussian blue\n"
    assert parse_templates((out / "prompts/templates.txt").read_text(), "") == (
        "a photo of a {}, a type of pet.",
    )
    assert "breed" in (out / "prompts/recognise.txt").read_text()


def test_several_labels_an_image_with_synonyms(onoma: Run, tmp_path: Path) -> None:
    layouts.coco(tmp_path / "COCO")
    out = tmp_path / "out"
    code, result, _ = onoma("dataset", "coco", "--root", tmp_path, "--out", out)
    assert (code, result["expected"]) == (0, 40504)
    assert list(truth_of(out).values()) == ["person|toothbrush", "person|motorcycle", ""]
    classes = parse_classes((out / "classes.txt").read_text(), "")
    assert classes.ids == ("person", "motorcycle", "toothbrush")
    assert classes.names == ("person", "motor bike", "toothbrush")
    assert "motorcycle: motorcycle, motor cycle" in (out / "prompts/synonyms.txt").read_text()


def test_two_classes_of_one_name(onoma: Run, tmp_path: Path) -> None:
    layouts.imagenet(tmp_path)
    out = tmp_path / "out"
    assert onoma("dataset", "imagenet", "--root", tmp_path, "--out", out)[0] == 0
    assert (out / "classes.txt").read_text().splitlines()[1:3] == [
        "n03773504\tmissile",
        "n04008634\tmissile",
    ]
    assert list(truth_of(out).values())[2:6] == ["n03773504"] * 2 + ["n04008634"] * 2


def test_base_and_novel_halves(onoma: Run, tmp_path: Path) -> None:
    layouts.imagenet(tmp_path)
    for half, labels in (
        ("base", {"n01440764", "n03773504"}),
        ("novel", {"n04008634", "n04355933"}),
    ):
        out = tmp_path / half
        code, result, _ = onoma("dataset", "imagenet", "--root", tmp_path, "--out", out,
                                "--classes", half)  # fmt: skip
        assert (code, result["expected"]) == (0, 25000)
        assert set(truth_of(out).values()) == labels
        assert len((out / "classes.txt").read_text().splitlines()) == 2


def test_halves_that_coop_does_not_make_are_ignored_and_said(onoma: Run, tmp_path: Path) -> None:
    layouts.birds(tmp_path)
    code, result, said = onoma("dataset", "cub", "--root", tmp_path, "--out", tmp_path / "out",
                               "--classes", "base")  # fmt: skip
    assert (code, result["classes"], result["half"]) == (0, 5, "all")
    assert "--classes base is ignored" in said


def test_a_list_below_out_is_relative_and_the_folder_may_be_the_data_sets(
    onoma: Run, tmp_path: Path
) -> None:
    layouts.aircraft(tmp_path)
    assert onoma("dataset", "aircraft", "--root", tmp_path, "--out", tmp_path)[0] == 0
    lines = (tmp_path / "images.txt").read_text().splitlines()
    assert lines == ["images/0034309.jpg", "images/0034958.jpg"]
    assert onoma("dataset", "aircraft", "--root", tmp_path, "--out", tmp_path)[0] == 0


def test_files_of_the_data_set_are_left_alone(onoma: Run, tmp_path: Path) -> None:
    layouts.birds(tmp_path)
    before = (tmp_path / "images.txt").read_bytes()
    code, _, said = onoma("dataset", "cub200", "--root", tmp_path, "--out", tmp_path)
    assert code == 2
    assert "images.txt that onoma dataset did not write" in said
    assert (tmp_path / "images.txt").read_bytes() == before


def test_another_data_set_in_the_same_folder_leaves_nothing_of_the_first(
    onoma: Run, tmp_path: Path
) -> None:
    layouts.pets(tmp_path / "pets")
    layouts.birds(tmp_path / "birds")
    out = tmp_path / "out"
    assert onoma("dataset", "pets", "--root", tmp_path / "pets", "--out", out)[0] == 0
    assert onoma("dataset", "cuckoo", "--root", tmp_path / "birds", "--out", out)[0] == 0
    names = {path.name for path in (out / "prompts").iterdir()}
    assert names == {"templates.txt", "describe.txt", "classify.txt", "vanilla.txt"}
    assert len(truth_of(out)) == 3


def test_arrays_become_images(onoma: Run, tmp_path: Path) -> None:
    layouts.cifar10(tmp_path)
    out = tmp_path / "out"
    assert onoma("dataset", "cifar10", "--root", tmp_path, "--out", out)[0] == 0
    lines = (out / "images.txt").read_text().splitlines()
    assert lines == [f"images/test/{n:05d}.png" for n in range(3)]
    image = np.asarray(Image.open(out / lines[2]))
    assert (image[0, 0].tolist(), image[1, 1].tolist()) == ([21, 0, 200], [0, 0, 200])


def test_missing_images_are_named_and_left_out(onoma: Run, tmp_path: Path) -> None:
    items = [(f"class{n % 2}/{n:02d}.jpg", n % 2, f"class{n % 2}") for n in range(15)]
    layouts.coop(tmp_path, "split_zhou_DescribableTextures.json", "images/", items)
    for path, _, _ in items[:12]:
        (tmp_path / "images" / path).unlink()
    code, result, said = onoma("dataset", "dtd", "--root", tmp_path, "--out", tmp_path / "out")
    assert (code, result["images"], result["missing"]) == (0, 3, 12)
    assert result["missing_images"] == [f"images/{path}" for path, _, _ in items[:10]]
    assert "12 of 15 images that its lists name are not there" in said
    assert "images/class1/09.jpg, ..." in said


def test_few_images_of_each_class(onoma: Run, tmp_path: Path) -> None:
    layouts.vegfru(tmp_path)
    out = tmp_path / "out"
    arguments = ["dataset", "greens", "--root", tmp_path, "--out", out, "--split", "train"]
    code, result, _ = onoma(*arguments, "--per-class", "1", "--seed", "4")
    assert (code, result["images"]) == (0, 3)
    first = truth_of(out)
    assert onoma(*arguments, "--per-class", "1", "--seed", "4")[0] == 0
    assert truth_of(out) == first


def test_the_list_of_data_sets_needs_no_folder(onoma: Run) -> None:
    code, result, _ = onoma("dataset")
    assert code == 0
    assert len(result["datasets"]) == 33
    for each in result["datasets"]:
        assert each["layout"]
        assert each["licence"]
        assert each["published"].startswith("http")
    code, result, _ = onoma("dataset", "dtd")
    assert [each["name"] for each in result["datasets"]] == ["dtd"]


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda root: layouts.put(root, name, content)


def no_images(name: str) -> Callable[[Path], None]:
    def away(root: Path) -> None:
        (root / name).rename(root / "elsewhere")

    return away


WRONG = [
    ("pets", layouts.pets, remove("annotations/test.txt"), r"annotations/test\.txt is missing"),
    ("pets", layouts.pets, no_images("images"), "none of the 3 images .* such as images/Abyss"),
    ("pets", layouts.pets, write("annotations/test.txt", "Abyssinian_1"), "not NAME CLASS"),
    ("cars", layouts.cars, remove("devkit/cars_meta.mat"), r"cars_meta\.mat is missing"),
    ("cars", layouts.cars, write("devkit/cars_meta.mat", b"MATLAB 5.0"), "no MATLAB file"),
    ("cars", layouts.cars, lambda root: layouts.put_mat(root, "devkit/cars_meta.mat", names=1),
     "holds no 'class_names' but names"),
    ("cars", layouts.cars, lambda root: layouts.put_mat(
        root, "devkit/cars_meta.mat", class_names=np.zeros((3, 4))), "is of another shape"),
    ("cars", layouts.cars, lambda root: layouts.put_mat(
        root, "cars_test_annos_withlabels.mat", annotations=layouts.structs([{"fname": "x.jpg"}])),
     "has no field 'class'"),
    ("cars", layouts.cars, lambda root: layouts.put_mat(
        root, "cars_test_annos_withlabels.mat",
        annotations=layouts.structs([{"fname": "x.jpg", "class": np.ones(3)}])),
     r"another shape: 'annotations\.class'"),
    ("cars", layouts.cars, lambda root: layouts.put_mat(
        root, "cars_test_annos_withlabels.mat",
        annotations=layouts.structs([{"fname": "x.jpg", "class": 9}])), "the class 9 of 3"),
    ("flowers", layouts.flowers, remove("cat_to_name.json"), r"cat_to_name\.json is missing"),
    ("flowers", layouts.flowers, lambda root: layouts.put_mat(
        root, "imagelabels.mat", labels=np.ones((3, 3))), "another shape: 'labels'"),
    ("dogs", layouts.dogs, lambda root: layouts.put_mat(
        root, "test_list.mat", file_list=layouts.cells(["a/b.jpg"]), labels=np.ones((4, 1))),
     "4 labels for 1 images"),
    ("cub", layouts.birds, remove("train_test_split.txt"), r"train_test_split\.txt is missing"),
    ("cub", layouts.birds, write("image_class_labels.txt", "1 1\n"), "lacks the image 2"),
    ("coco", layouts.coco, write("annotations/instances_val2014.json", "{}"), "another shape"),
    ("coco", layouts.coco, write("annotations/instances_val2014.json", "{"), "is not JSON"),
    ("voc", lambda root: layouts.voc(root, lists=False),
     write("VOCdevkit/VOC2007/Annotations/000001.xml", "<annotation>"), "is not XML"),
    ("nus", layouts.nus, no_images("Flickr"), "Flickr or images or Images is missing"),
    ("nus", layouts.nus, remove("TrainTestLabels/Labels_zebra_Test.txt"), "Labels_zebra_Test"),
    ("imagenet", layouts.imagenet, remove("classnames.txt"), r"classnames\.txt or LOC_synset"),
    ("imagenet", layouts.imagenet, write("classnames.txt", "n01440764 tench\n"), "has no name"),
    ("eurosat", layouts.eurosat, lambda root: None, r"split_zhou_EuroSAT\.json is not in"),
    ("dtd", layouts.dtd, write("split_zhou_DescribableTextures.json", '{"train": [[1]]}'),
     "should be a list of"),
    ("dtd", layouts.dtd, write("labels/test1.txt", "banded/../../../etc/x.jpg"), "outside of it"),
    ("dtd", layouts.dtd, write("labels/test1.txt", b"\xff\xfe\x00"), "is not UTF-8 text"),
    ("cifar10", layouts.cifar10, write("cifar-10-batches-py/test_batch", b"cos\nsystem\n."),
     r"names os\.system"),
    ("vegfru", layouts.vegfru, remove("veg200_lists/veg_test.txt"), r"veg_test\.txt is missing"),
    ("greens", layouts.vegfru, no_images("veg200_images/leek"), None),
    ("allium", layouts.vegfru, no_images("veg200_images/leek"), "leek is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "harm", "sentence"), WRONG)
def test_what_is_wrong_is_one_sentence(
    name: str,
    make: Callable[[Path], None],
    harm: Callable[[Path], None],
    sentence: str | None,
    onoma: Run,
    tmp_path: Path,
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    make(root)
    harm(root)
    code, result, said = onoma("dataset", name, "--root", root, "--out", tmp_path / "out")
    if sentence is None:
        assert code == 0
        return
    assert (code, result) == (2, {})
    errors = [line for line in said.splitlines() if line.startswith("onoma: ")]
    assert len(errors) == len(said.splitlines()) == 1
    assert re.search(sentence, errors[0]), errors[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dtd", "--root", "nowhere", "--out", "o"], "is not there"),
        (["dtd", "--root", ".", "--out", "o"], "does not hold Describable Textures"),
        (["dtd", "--out", "o"], "--root is needed"),
        (["dtd", "--root", "."], "--out is needed"),
        (["dtd", "--root", "s3://bucket/dtd", "--out", "o"], "a folder of this machine"),
        (["dtd", "--root", ".", "--out", "o", "--split", "tests"], "did you mean test"),
        (["cub", "--root", ".", "--out", "o", "--protocol", "coop"], "no split file"),
        (["--root", "."], "is for one data set"),
        (["nothing"], "no data set"),
    ],
)
def test_wrong_use(
    arguments: list[str],
    sentence: str,
    onoma: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = onoma("dataset", *arguments)
    assert code == 2
    assert sentence in said
    assert len(said.splitlines()) == 1


def test_names_that_a_data_set_has_not(onoma: Run, tmp_path: Path) -> None:
    layouts.dtd(tmp_path)
    code, _, said = onoma("dataset", "dtd", "--root", tmp_path, "--out", tmp_path / "o",
                          "--names", "finer")  # fmt: skip
    assert code == 2
    assert "--names finer: Describable Textures (DTD) has coop" in said
