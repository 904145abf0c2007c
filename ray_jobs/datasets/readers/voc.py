"""PASCAL VOC 2007: several labels an image."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ray_jobs.datasets.base import Dataset, DatasetClass, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.rows import chosen_names, make_table, no_split
from ray_jobs.datasets.synonyms import VOC

_TITLE = "PASCAL VOC 2007"
_CLASSES: Final = tuple(VOC)
_SPLITS = ("train", "val", "trainval", "test")


def read_voc(root: Path, wanted: Wanted) -> Table:
    """VOC 2007: a class is there where its list says 1; difficult ones (0) are not."""
    folder = DatasetFolder.find(
        root, _TITLE, ("VOC2007", "VOCdevkit/VOC2007", "voc2007/VOCdevkit/VOC2007"),
        ("ImageSets", "JPEGImages"),
    )  # fmt: skip
    chosen_names(folder, wanted.names, ("official",))
    if wanted.split not in _SPLITS:
        raise no_split(folder, wanted.split, f"has {', '.join(_SPLITS)}")
    main = "ImageSets/Main"
    images = [line.split()[0] for line in folder.lines(f"{main}/{wanted.split}.txt")]
    labels: dict[str, list[str]] = {image: [] for image in images}
    lists = [kind for kind in _CLASSES if folder.has(f"{main}/{kind}_{wanted.split}.txt")]
    if not lists and not folder.has("Annotations"):
        folder.one_of(f"{main}/{_CLASSES[0]}_{wanted.split}.txt", "Annotations")
    for kind in lists or ():
        name = f"{main}/{kind}_{wanted.split}.txt"
        for line in folder.lines(name):
            words = line.split()
            if len(words) != 2 or words[1] not in ("1", "0", "-1") or words[0] not in labels:
                raise folder.wrong(name, f"has a line that is not IMAGE 1|0|-1: {line!r}")
            if words[1] == "1":
                labels[words[0]].append(kind)
    without = [kind for kind in _CLASSES if kind not in lists]
    if without and folder.has("Annotations"):
        for image in images:
            drawn = _drawn(folder, image)
            labels[image] += [each for each in without if each in drawn]
    elif without:
        folder.one_of(f"{main}/{without[0]}_{wanted.split}.txt")
    classes = [DatasetClass(kind, kind, VOC[kind]) for kind in _CLASSES]
    rows = [(f"JPEGImages/{image}.jpg", labels[image]) for image in images]
    return make_table(folder, rows, classes)


def _drawn(folder: DatasetFolder, image: str) -> set[str]:
    """The classes of an image's boxes that are not difficult."""
    name = f"Annotations/{image}.xml"
    found = set()
    for each in folder.xml(name).iter("object"):
        kind = (each.findtext("name") or "").strip()
        if kind not in VOC:
            raise folder.wrong(name, f"names the class {kind!r}, which VOC 2007 has not")
        if (each.findtext("difficult") or "0").strip() != "1":
            found.add(kind)
    return found


DATASETS = (
    Dataset(
        name="voc2007",
        title=_TITLE,
        layout="VOCdevkit/VOC2007/{JPEGImages,Annotations,ImageSets/Main}, with "
        "ImageSets/Main/{test,aeroplane_test}.txt",
        licence="images belong to those who took them (flickr)",
        published="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
        read=read_voc,
        class_count=20,
        splits=_SPLITS,
        golden={"official": {"train": 2501, "val": 2510, "trainval": 5011, "test": 4952}},
        multi_label=True,
        aliases=("voc", "voc07", "pascal_voc_2007"),
    ),
)
