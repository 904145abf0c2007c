"""Caltech 101, Food-101 and UCF101: folders of classes and CoOp's splits."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from ray_jobs.datasets.base import Dataset, Table, Wanted
from ray_jobs.datasets.coop import CoopSplit, need_coop
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.names import action_folder
from ray_jobs.datasets.rows import chosen_names, make_table, named_classes, no_split

_CALTECH = CoopSplit("split_zhou_Caltech101.json", ("101_ObjectCategories",))
_FOOD = CoopSplit("split_zhou_Food101.json", ("images",))
_UCF = CoopSplit("split_zhou_UCF101.json", ("UCF-101-midframes",))

_LEFT_OUT: Final = {"BACKGROUND_Google", "Faces_easy"}
_RENAMED: Final = {
    "airplanes": "airplane",
    "Faces": "face",
    "Leopards": "leopard",
    "Motorbikes": "motorbike",
}


def read_caltech(root: Path, wanted: Wanted) -> Table:
    """Caltech 101: a folder a class, of which CoOp leaves two out and renames four."""
    folder = DatasetFolder.find(
        root, "Caltech 101", ("caltech-101", "caltech101", "Caltech101"),
        ("101_ObjectCategories", _CALTECH.file),
    )  # fmt: skip
    own = chosen_names(folder, wanted.names, ("coop", "folder")) == "folder"
    if wanted.split != "all":
        if not _CALTECH.wanted(folder, wanted.protocol):
            raise need_coop(folder, _CALTECH, wanted)
        return _CALTECH.read(
            folder, wanted, lambda name, path: PurePosixPath(path).parent.name if own else name
        )
    base = folder.one_of("101_ObjectCategories", what="the folder of the images")
    kinds = [each for each in folder.folders(base) if each not in _LEFT_OUT]
    classes = named_classes({each: each if own else _RENAMED.get(each, each) for each in kinds})
    rows = [(path, [classes[e].id]) for e in kinds for path in folder.pictures(f"{base}/{e}")]
    return make_table(folder, rows, list(classes.values()))


def read_food(root: Path, wanted: Wanted) -> Table:
    """Food-101: lists of ``class/number``, as text or JSON."""
    folder = DatasetFolder.find(
        root, "Food-101", ("food-101", "food101", "Food101"), ("meta", _FOOD.file)
    )
    chosen_names(folder, wanted.names, ("coop",))
    if _FOOD.wanted(folder, wanted.protocol):
        return _FOOD.read(folder, wanted)
    if wanted.split not in ("train", "test"):
        raise no_split(folder, wanted.split, f"has train and test, unless {_FOOD.file} is there")
    text, structured = (f"meta/{wanted.split}.{extension}" for extension in ("txt", "json"))
    if folder.one_of(text, structured) == text:
        stems = folder.lines(text)
    else:
        lists = folder.json(structured)
        if not isinstance(lists, dict) or not all(isinstance(v, list) for v in lists.values()):
            raise folder.wrong(structured, "is of another shape, not {class: [image, ...]}")
        stems = [str(stem) for own in lists.values() for stem in own]
    kinds = {stem.partition("/")[0] for stem in stems}
    if folder.has("meta/classes.txt"):
        kinds |= set(folder.lines("meta/classes.txt"))
    classes = named_classes({kind: kind for kind in sorted(kinds)})
    rows = [(f"images/{stem}.jpg", [classes[stem.partition("/")[0]].id]) for stem in stems]
    return make_table(folder, rows, list(classes.values()))


def read_ucf(root: Path, wanted: Wanted) -> Table:
    """UCF101 as middle frames of its clips."""
    folder = DatasetFolder.find(
        root, "UCF101", ("ucf101", "UCF101"), ("UCF-101-midframes", "ucfTrainTestlist", _UCF.file)
    )
    chosen_names(folder, wanted.names, ("coop",))
    if _UCF.wanted(folder, wanted.protocol):
        return _UCF.read(folder, wanted)
    if wanted.split not in ("train", "test"):
        raise no_split(folder, wanted.split, f"has train and test, unless {_UCF.file} is there")
    kinds: dict[str, str] = {}
    for line in folder.lines("ucfTrainTestlist/classInd.txt"):
        number, _, action = line.partition(" ")
        if not number.isdigit() or not action:
            raise folder.wrong("ucfTrainTestlist/classInd.txt", f"has the line {line!r}")
        kinds[action.strip()] = action_folder(action.strip())
    classes = named_classes(kinds)
    listed = f"ucfTrainTestlist/{wanted.split}list01.txt"
    rows = []
    for line in folder.lines(listed):
        action, _, clip = line.split()[0].partition("/")
        if action not in classes:
            raise folder.wrong(listed, f"names an action that classInd.txt lacks: {line!r}")
        stem = clip.rpartition(".")[0]
        path = f"UCF-101-midframes/{kinds[action]}/{stem}.jpg"
        rows.append((path, [classes[action].id]))
    return make_table(folder, rows, list(classes.values()))


DATASETS = (
    Dataset(
        name="caltech101",
        title="Caltech 101",
        layout="101_ObjectCategories/accordion/image_0001.jpg, and CoOp's splits "
        f"{_CALTECH.file}; without it, --split all",
        licence="CC BY 4.0",
        published="https://data.caltech.edu/records/mzrjq-6wc02",
        read=read_caltech,
        class_count=100,
        splits=("train", "val", "test", "all"),
        golden={"coop": {"train": 4128, "val": 1649, "test": 2465}, "official": {"all": 8242}},
        halves={"base": 1549, "novel": 916},
        base_novel=True,
        names=("coop", "folder"),
        recognise="Name the object in this photo. Answer with its name alone.",
        aliases=("caltech",),
    ),
    Dataset(
        name="food101",
        title="Food-101",
        layout="images/apple_pie/1005649.jpg, meta/{train,test}.{txt,json}, meta/classes.txt; with "
        f"CoOp's splits {_FOOD.file}",
        licence="no licence is given; images belong to those who took them",
        published="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
        read=read_food,
        class_count=101,
        golden={
            "coop": {"train": 50500, "val": 20200, "test": 30300},
            "official": {"train": 75750, "test": 25250},
        },
        halves={"base": 15300, "novel": 15000},
        base_novel=True,
        names=("coop",),
        template="a photo of {}, a type of food.",
        recognise="Which dish is served in this photo? Give the name of the dish in a sentence.",
        aliases=("food",),
    ),
    Dataset(
        name="ucf101",
        title="UCF101",
        layout="UCF-101-midframes/Apply_Eye_Makeup/v_ApplyEyeMakeup_g01_c01.jpg (CoOp's middle "
        "frames), ucfTrainTestlist/{classInd,trainlist01,testlist01}.txt; with CoOp's splits "
        f"{_UCF.file}",
        licence="no licence is given; for research",
        published="https://www.crcv.ucf.edu/data/UCF101.php",
        read=read_ucf,
        class_count=101,
        golden={
            "coop": {"train": 7639, "val": 1898, "test": 3783},
            "official": {"train": 9537, "test": 3783},
        },
        halves={"base": 1934, "novel": 1849},
        base_novel=True,
        names=("coop",),
        template="a photo of a person doing {}.",
        recognise="What is the person in this picture doing? Say in one sentence which activity or "
        "sport it is, and leave out who the person may be.",
        aliases=("ucf",),
    ),
)
