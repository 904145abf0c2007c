"""COCO 2014: several labels an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray_jobs.datasets.base import Dataset, DatasetClass, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.rows import chosen_names, make_table, no_split
from ray_jobs.datasets.synonyms import COCO, COCO_SPOKEN

_TITLE = "COCO 2014"


def read_coco(root: Path, wanted: Wanted) -> Table:
    """COCO 2014: the classes of an image's boxes.

    As TaI-DPT has them: on ``val`` crowds count and images without a box stay, without a label; on
    ``train``, as its partial-label loader does, crowds and boxes under a pixel wide or high do not.
    """
    folder = DatasetFolder.find(
        root, _TITLE, ("COCO", "coco", "coco2014", "MSCOCO"),
        ("annotations", "instances_val2014.json", "val2014"),
    )  # fmt: skip
    ours = chosen_names(folder, wanted.names, ("tai", "official")) == "tai"
    split = {"test": "val"}.get(wanted.split, wanted.split)
    if split not in ("train", "val"):
        raise no_split(folder, wanted.split, "has train and val, which the papers test on")
    name = folder.one_of(f"annotations/instances_{split}2014.json", f"instances_{split}2014.json")
    lists = folder.json(name)
    try:
        kinds = {each["id"]: str(each["name"]) for each in lists["categories"]}
        files = {each["id"]: str(each["file_name"]) for each in lists["images"]}
        labels: dict[Any, set[str]] = {number: set() for number in files}
        for each in lists["annotations"]:
            if split == "val" or _trained_on(each):
                labels[each["image_id"]].add(kinds[each["category_id"]])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise folder.wrong(
            name, "is of another shape, not {images, annotations, categories} that fit each other"
        ) from error
    classes = [
        DatasetClass(kind, COCO_SPOKEN.get(kind, kind) if ours else kind, COCO.get(kind, ()))
        for kind in kinds.values()
    ]
    base = "" if not folder.has(f"{split}2014") else f"{split}2014/"
    rows = [(f"{base}{path}", sorted(labels[number])) for number, path in files.items()]
    return make_table(folder, rows, classes)


def _trained_on(annotation: dict[str, Any]) -> bool:
    _, _, width, height = annotation["bbox"]
    return not annotation.get("iscrowd") and width >= 1 and height >= 1


DATASETS = (
    Dataset(
        name="coco2014",
        title=_TITLE,
        layout="annotations/instances_{train,val}2014.json, val2014/COCO_val2014_000000000042.jpg",
        licence="annotations CC BY 4.0; images belong to those who took them",
        published="https://cocodataset.org/#download",
        read=read_coco,
        class_count=80,
        splits=("train", "val", "test"),
        golden={"official": {"train": 82783, "val": 40504, "test": 40504}},
        names=("tai", "official"),
        multi_label=True,
        aliases=("coco", "mscoco"),
    ),
)
