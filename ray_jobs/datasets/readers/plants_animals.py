"""iNaturalist 2021 and VegFru."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from methods.errors import InputError
from ray_jobs.datasets.base import Dataset, DatasetClass, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.rows import chosen_names, make_table, named_classes, no_split

INATURALIST, INATURALIST_HOMES = "iNaturalist 2021", ("iNaturalist", "inaturalist", "inat2021")
VEGFRU, VEGFRU_HOMES = "VegFru", ("vegfru", "vegfru-dataset", "VegFru")
_HALVES = {"veg200": "veg", "fru92": "fru"}


def read_inaturalist(root: Path, wanted: Wanted) -> Table:
    """iNaturalist 2021: a folder a species, with names of eight parts, or COCO-like lists."""
    folder = DatasetFolder.find(
        root, INATURALIST, INATURALIST_HOMES, ("val", "train_mini", "val.json", "train")
    )
    common = chosen_names(folder, wanted.names, ("latin", "common")) == "common"
    split = {"test": "val"}.get(wanted.split, wanted.split)
    if split not in ("train", "train_mini", "val"):
        raise no_split(folder, wanted.split, "has train, train_mini and val, which is tested on")
    if folder.has(f"{split}.json"):
        return _listed(folder, f"{split}.json", common)
    kinds = folder.folders(folder.one_of(split, what="the folder of the images"))
    if common:
        raise InputError(f"--names common: {split}.json of {INATURALIST}, which has them, is not "
                         f"in {folder.path}")  # fmt: skip
    classes = [DatasetClass(kind, " ".join(kind.split("_")[-2:])) for kind in kinds]
    rows = [(path, [kind]) for kind in kinds for path in folder.pictures(f"{split}/{kind}")]
    return make_table(folder, rows, classes)


def _listed(folder: DatasetFolder, name: str, common: bool) -> Table:
    """What a COCO-like list says."""
    lists = folder.json(name)
    try:
        kinds: dict[int, Mapping[str, Any]] = {each["id"]: each for each in lists["categories"]}
        ids = {number: _folder_of(kind) for number, kind in kinds.items()}
        classes = [
            DatasetClass(
                ids[number],
                str((common and kind.get("common_name")) or kind["name"]),
                tuple(str(kind[other]) for other in (["name"] if common else ["common_name"])
                      if kind.get(other)),
            )
            for number, kind in sorted(kinds.items())
        ]  # fmt: skip
        files = {each["id"]: each["file_name"] for each in lists["images"]}
        rows = [
            (str(files[each["image_id"]]), [ids[each["category_id"]]])
            for each in lists["annotations"]
        ]
    except (KeyError, TypeError) as error:
        raise folder.wrong(
            name, "is of another shape, not {images, annotations, categories} that fit each other"
        ) from error
    return make_table(folder, rows, classes)


def _folder_of(kind: Mapping[str, Any]) -> str:
    return str(kind.get("image_dir_name") or f"{kind['id']:05d}_{kind['name']}")


def read_vegfru(root: Path, wanted: Wanted) -> Table:
    """VegFru: vegetables and fruits, each with its images and its lists."""
    folder = DatasetFolder.find(
        root, VEGFRU, VEGFRU_HOMES,
        ("veg200_lists", "fru92_lists", "veg200_images", "fru92_images"),
    )  # fmt: skip
    chosen_names(folder, wanted.names, ("folder",))
    if wanted.split not in ("train", "val", "test", "all"):
        raise no_split(folder, wanted.split, "has train, val, test and all")
    there = [half for half in _HALVES if folder.has(f"{half}_images")]
    if not there:
        folder.one_of(*(f"{half}_images" for half in _HALVES), what="the folders of the images")
    listed: list[tuple[str, str]] = []
    kinds: set[tuple[str, str]] = set()
    for half in there:
        kinds |= {(half, kind) for kind in folder.folders(f"{half}_images")}
        listed += _images(folder, half, wanted.split)
    kinds |= {(path.split("/")[0].removesuffix("_images"), kind) for path, kind in listed}
    ordered = sorted(kinds, key=lambda pair: (list(_HALVES).index(pair[0]), pair[1]))
    classes = named_classes({kind: kind.replace("_", " ") for _, kind in ordered})
    lacking = [f"{half}_images" for half in _HALVES if half not in there]
    notes = [f"{name} is not there: {VEGFRU} has 200 vegetables and 92 fruits" for name in lacking]
    rows = [(path, [classes[kind].id]) for path, kind in listed]
    return make_table(folder, rows, list(classes.values()), notes=notes)


def _images(folder: DatasetFolder, half: str, split: str) -> list[tuple[str, str]]:
    """Paths below the root, with the folder that is their class."""
    images = f"{half}_images"
    if split == "all":
        kinds = folder.folders(images)
        return [(path, kind) for kind in kinds for path in folder.pictures(f"{images}/{kind}")]
    name = f"{half}_lists/{_HALVES[half]}_{split}.txt"
    found = []
    for line in folder.lines(name):
        path, _, number = line.replace("\\", "/").rpartition(" ")
        parts = (path if number.isdigit() else f"{path} {number}".strip()).split("/")
        if len(parts) < 2:
            raise folder.wrong(name, f"has a line that is not CLASS/IMAGE NUMBER: {line!r}")
        found.append((f"{images}/{parts[-2]}/{parts[-1]}", parts[-2]))
    return found


DATASETS = (
    Dataset(
        name="inaturalist2021",
        title=INATURALIST,
        layout="{train_mini,val}/00000_Animalia_..._Lumbricus_terrestris/*.jpg, with "
        "train_mini.json and val.json where common names are wanted",
        licence="for research and teaching, no commercial use; images belong to those who took "
        "them",
        published="https://github.com/visipedia/inat_comp/tree/master/2021",
        read=read_inaturalist,
        class_count=10000,
        splits=("train", "train_mini", "val", "test"),
        golden={"official": {"train_mini": 500000, "val": 100000, "test": 100000}},
        names=("latin", "common"),
        aliases=("inaturalist", "inat", "inat21", "inat2021"),
    ),
    Dataset(
        name="vegfru",
        title=VEGFRU,
        layout="veg200_images/aweto/*.jpg, fru92_images/, veg200_lists/veg_{train,val,test}.txt, "
        "fru92_lists/fru_{train,val,test}.txt",
        licence="for research, no commercial use; images belong to those who took them",
        published="https://github.com/ustc-vim/vegfru",
        read=read_vegfru,
        class_count=292,
        splits=("train", "val", "test", "all"),
        golden={"official": {"train": 29200, "val": 14600, "test": 116931, "all": 160731}},
        names=("folder",),
    ),
)
