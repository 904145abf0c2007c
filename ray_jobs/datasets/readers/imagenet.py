"""ImageNet and its four relatives: folders named by WordNet's numbers, names in a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from methods.errors import InputError
from ray_jobs.datasets.base import Dataset, DatasetClass, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.mat import MatFile, MatRecord
from ray_jobs.datasets.rows import chosen_names, make_table, no_split

_WNID = re.compile(r"n\d{8}")
_COUNT = 1000
_NAMES = ("coop", "wordnet")
_NAME_FILE = "classnames.txt"
_SYNSETS = "LOC_synset_mapping.txt"
_DEVKIT = ("", "ILSVRC2012_devkit_t12/data/", "devkit/data/", "data/")
_PARENTS = ("", "images/", "ILSVRC/Data/CLS-LOC/", "Data/CLS-LOC/")


def read_imagenet(root: Path, wanted: Wanted) -> Table:
    """ImageNet, its validation images in folders of classes, or flat with the devkit's list."""
    folder = DatasetFolder.find(
        root, "ImageNet", ("imagenet", "ImageNet", "ILSVRC2012"),
        ("images/val", "images/train", "val", "train", "ILSVRC", _NAME_FILE),
    )  # fmt: skip
    asked = chosen_names(folder, wanted.names, _NAMES)
    split = {"test": "val", "val": "val", "train": "train"}.get(wanted.split)
    if split is None:
        raise no_split(folder, wanted.split, "has train and val, which the papers test on")
    places = [f"{parent}{split}" for parent in _PARENTS]
    base = folder.one_of(*places, what="the folder of the images")
    kinds = [each for each in folder.folders(base) if _WNID.fullmatch(each)]
    rows: list[tuple[str, Sequence[str]]]
    if kinds:
        rows = [(path, [kind]) for kind in kinds for path in folder.pictures(f"{base}/{kind}")]
    else:
        rows = _flat(folder, base)
    used = {ids[0] for _, ids in rows} | set(kinds)
    return make_table(folder, rows, _classes(folder, sorted(used), asked))


def _flat(folder: DatasetFolder, base: str) -> list[tuple[str, Sequence[str]]]:
    """The validation images in one folder, with the list of Kaggle's copy or of the devkit."""
    if folder.has("LOC_val_solution.csv"):
        text = "\n".join(folder.lines("LOC_val_solution.csv"))
        rows = list(csv.reader(io.StringIO(text)))[1:]
        if odd := next((row for row in rows if len(row) != 2 or not row[1].strip()), None):
            raise folder.wrong(
                "LOC_val_solution.csv", f"has a row that is not IMAGE,CLASS ...: {odd}"
            )
        return [(f"{base}/{image}.JPEG", [found.split()[0]]) for image, found in rows]
    listed = folder.one_of(
        *(f"{place}ILSVRC2012_validation_ground_truth.txt" for place in _DEVKIT),
        what="the list of the flat folder's classes",
    )
    wnids = {r.numbers["ILSVRC2012_ID"]: r.texts["WNID"] for r in _synsets(folder)}
    found: list[tuple[str, Sequence[str]]] = []
    for number, line in enumerate(folder.lines(listed), 1):
        if not line.isdigit() or int(line) not in wnids:
            raise folder.wrong(listed, f"line {number} is no class of meta.mat: {line!r}")
        found.append((f"{base}/ILSVRC2012_val_{number:08d}.JPEG", [wnids[int(line)]]))
    return found


def read_v2(root: Path, wanted: Wanted) -> Table:
    """ImageNet-V2: folders of numbers, which count the lines of the file of names."""
    title = "ImageNet-V2"
    data = "imagenetv2-matched-frequency-format-val"
    folder = DatasetFolder.find(root, title, ("imagenetv2", "ImageNetV2"), (data, "0"))
    asked = chosen_names(folder, wanted.names, _NAMES)
    _only_test(folder, wanted)
    base = data if folder.has(data) else "."
    kinds = sorted((k for k in folder.folders(base) if k.isdigit()), key=int)
    if not kinds:
        raise InputError(f"--root {folder.path}: {base} holds no folders 0 to 999 of {title}")
    classes = _classes(folder, None, asked)
    if int(kinds[-1]) >= len(classes):
        raise folder.wrong(_NAME_FILE, f"has {len(classes)} names, and there is a {kinds[-1]}")
    below = "" if base == "." else f"{base}/"
    rows = [(p, [classes[int(k)].id]) for k in kinds for p in folder.pictures(f"{below}{k}")]
    return make_table(folder, rows, classes)


def read_sketch(root: Path, wanted: Wanted) -> Table:
    """ImageNet-Sketch."""
    homes = ("imagenet-sketch", "ImageNet-Sketch", "imagenet_sketch")
    return _variant(root, wanted, "ImageNet-Sketch", homes, ("images", "sketch"))


def read_a(root: Path, wanted: Wanted) -> Table:
    """ImageNet-A: 200 classes."""
    homes = ("imagenet-adversarial", "ImageNet-A")
    return _variant(root, wanted, "ImageNet-A", homes, ("imagenet-a",))


def read_r(root: Path, wanted: Wanted) -> Table:
    """ImageNet-R: 200 classes."""
    homes = ("imagenet-rendition", "ImageNet-R")
    return _variant(root, wanted, "ImageNet-R", homes, ("imagenet-r",))


def _variant(
    root: Path, wanted: Wanted, title: str, homes: Sequence[str], data: Sequence[str]
) -> Table:
    """Folders of WordNet numbers; classes are those that have a folder, as with CoOp."""
    folder = DatasetFolder.find(root, title, (*homes, *data), (*data, _NAME_FILE))
    asked = chosen_names(folder, wanted.names, _NAMES)
    _only_test(folder, wanted)
    here = any(_WNID.fullmatch(each) for each in folder.folders("."))
    below = "" if here else folder.one_of(*data, what="the folder of the images") + "/"
    kinds = [each for each in folder.folders(below or ".") if _WNID.fullmatch(each)]
    rows = [(path, [kind]) for kind in kinds for path in folder.pictures(f"{below}{kind}")]
    named = {each.id: each for each in _classes(folder, kinds, asked)}
    return make_table(folder, rows, [named[kind] for kind in kinds])


def _only_test(folder: DatasetFolder, wanted: Wanted) -> None:
    if wanted.split != "test":
        raise no_split(folder, wanted.split, "has test alone")


def _synsets(folder: DatasetFolder) -> list[MatRecord]:
    mat = MatFile(folder, *(f"{place}meta.mat" for place in _DEVKIT))
    return mat.records("synsets", ("WNID", "words"), ("ILSVRC2012_ID",))


def _classes(folder: DatasetFolder, used: Sequence[str] | None, asked: str) -> list[DatasetClass]:
    """The classes in the order of WordNet's numbers, which are their ids: two names are twice.

    Args:
        folder: of the data set, or with it the file of names beside it.
        used: numbers that need a name; None where the file of names says which there are.
        asked: whose names: ``coop`` are CLIP's, as in `classnames.txt`; ``wordnet`` the synsets'.
    """
    names, others = _names(folder, used, asked)
    lacking = [each for each in used or () if each not in names]
    if lacking:
        raise InputError(
            f"the class {lacking[0]} of {folder.title} below {folder.path} has no name: "
            f"{_NAME_FILE} lacks it"
        )
    return [DatasetClass(wnid, names[wnid], others.get(wnid, ())) for wnid in sorted(names)]


def _names(
    folder: DatasetFolder, used: Sequence[str] | None, asked: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    names: dict[str, str] = {}
    if asked == "coop" and folder.has(_NAME_FILE):
        for line in folder.lines(_NAME_FILE):
            wnid, _, name = line.partition(" ")
            if not _WNID.fullmatch(wnid) or not name.strip():
                raise folder.wrong(_NAME_FILE, f"has a line that is not WNID NAME: {line!r}")
            names[wnid] = name.strip()
        return names, {}
    if asked == "coop" and used is not None and len(used) == _COUNT:
        from open_clip import IMAGENET_CLASSNAMES

        return dict(zip(used, IMAGENET_CLASSNAMES, strict=True)), {}
    others: dict[str, tuple[str, ...]] = {}
    for wnid, words in _wordnet(folder):
        first, *rest = [word.strip() for word in words.split(",") if word.strip()]
        names[wnid], others[wnid] = first, tuple(rest)
    return names, others


def _wordnet(folder: DatasetFolder) -> list[tuple[str, str]]:
    if folder.has(_SYNSETS):
        pairs = [line.partition(" ") for line in folder.lines(_SYNSETS)]
        return [(wnid, words) for wnid, _, words in pairs if words]
    if not any(folder.has(f"{place}meta.mat") for place in _DEVKIT):
        folder.one_of(_NAME_FILE, _SYNSETS, "meta.mat", what="the names of the classes")
    leaves = [each for each in _synsets(folder) if each.numbers["ILSVRC2012_ID"] <= _COUNT]
    return [(each.texts["WNID"], each.texts["words"]) for each in leaves]


_GENERAL = (
    "What is the main object in this picture? Answer in one sentence that names its exact kind."
)
_TERMS = "for research and teaching, no commercial use; images belong to those who took them"


DATASETS = (
    Dataset(
        name="imagenet",
        title="ImageNet (ILSVRC 2012)",
        layout="images/{train,val}/n01440764/*.JPEG and classnames.txt (n01440764 tench); or val/ "
        "flat with ILSVRC2012_validation_ground_truth.txt and meta.mat of the devkit, or with "
        "Kaggle's LOC_val_solution.csv and LOC_synset_mapping.txt",
        licence=_TERMS,
        published="https://www.image-net.org/download.php",
        read=read_imagenet,
        class_count=1000,
        splits=("train", "val", "test"),
        golden={"official": {"train": 1281167, "val": 50000, "test": 50000}},
        halves={"base": 25000, "novel": 25000},
        base_novel=True,
        names=_NAMES,
        recognise=_GENERAL,
        aliases=("imagenet1k", "ilsvrc2012"),
    ),
    Dataset(
        name="imagenetv2",
        title="ImageNet-V2",
        layout="imagenetv2-matched-frequency-format-val/{0..999}/*.jpeg, classnames.txt",
        licence="MIT for the code; images belong to those who took them",
        published="https://github.com/modestyachts/ImageNetV2",
        read=read_v2,
        class_count=1000,
        splits=("test",),
        golden={"official": {"test": 10000}},
        names=_NAMES,
        recognise=_GENERAL,
        aliases=("imagenet_v2",),
    ),
    Dataset(
        name="imagenet_sketch",
        title="ImageNet-Sketch",
        layout="images/n01440764/*.JPEG (also sketch/), classnames.txt",
        licence="MIT for the code; images belong to those who drew them",
        published="https://github.com/HaohanWang/ImageNet-Sketch",
        read=read_sketch,
        class_count=1000,
        splits=("test",),
        golden={"official": {"test": 50889}},
        names=_NAMES,
        recognise="This is a sketch in black and white. What does it show? Answer in one sentence "
        "that names the exact kind of thing drawn.",
        aliases=("imagenet_s",),
    ),
    Dataset(
        name="imagenet_a",
        title="ImageNet-A",
        layout="imagenet-a/n01498041/*.jpg, classnames.txt",
        licence="MIT for the code; images belong to those who took them",
        published="https://github.com/hendrycks/natural-adv-examples",
        read=read_a,
        class_count=200,
        splits=("test",),
        golden={"official": {"test": 7500}},
        names=_NAMES,
        recognise=_GENERAL,
        aliases=("imagenet_adversarial",),
    ),
    Dataset(
        name="imagenet_r",
        title="ImageNet-R",
        layout="imagenet-r/n01443537/*.jpg, classnames.txt",
        licence="MIT for the code; images belong to those who made them",
        published="https://github.com/hendrycks/imagenet-r",
        read=read_r,
        class_count=200,
        splits=("test",),
        golden={"official": {"test": 30000}},
        names=_NAMES,
        recognise="This is a drawing, a toy, a sculpture or another rendition of something. What "
        "does it stand for? Answer in one sentence that names the exact kind.",
        aliases=("imagenet_rendition",),
    ),
)
