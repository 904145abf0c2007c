"""NUS-WIDE: several labels an image, of 81 concepts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ray_jobs.datasets.base import Dataset, DatasetClass, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.rows import chosen_names, make_table, no_split
from ray_jobs.datasets.synonyms import NUS

_TITLE = "NUS-WIDE"
_LABELS = ("TrainTestLabels", "Groundtruth/TrainTestLabels")
_CONCEPTS = ("Concepts81.txt", "ConceptsList/Concepts81.txt")


def read_nus(root: Path, wanted: Wanted) -> Table:
    """NUS-WIDE: a list of images, and a list of zeros and ones in its order for each concept.

    Images without any concept stay, without a label.
    """
    folder = DatasetFolder.find(
        root, _TITLE, ("NUSWIDE", "NUS-WIDE", "nus_wide", "nuswide"),
        ("ImageList", *_LABELS, *_CONCEPTS),
    )  # fmt: skip
    chosen_names(folder, wanted.names, ("official",))
    split = {"train": "Train", "test": "Test"}.get(wanted.split)
    if split is None:
        raise no_split(folder, wanted.split, "has train and test")
    listed = f"ImageList/{split}Imagelist.txt"
    images = folder.lines(listed)
    concepts = folder.lines(*_CONCEPTS)
    base = folder.one_of(*_LABELS, what="the folder of the labels")
    there = np.zeros((len(images), len(concepts)), dtype=np.bool_)
    for column, concept in enumerate(concepts):
        name = f"{base}/Labels_{concept}_{split}.txt"
        marks = folder.lines(name)
        if len(marks) != len(images):
            raise folder.wrong(
                name, f"has {len(marks):,} lines, and {listed} {len(images):,} images"
            )
        if not set(marks) <= {"0", "1"}:
            raise folder.wrong(name, "should hold 0 or 1 in each line")
        there[:, column] = np.array(marks) == "1"
    classes = [DatasetClass(each, each, NUS.get(each, ())) for each in concepts]
    pictures = folder.one_of("Flickr", "images", "Images", what="the folder of the images")
    rows = [
        (f"{pictures}/{image}".replace("\\", "/"), [concepts[at] for at in np.flatnonzero(row)])
        for image, row in zip(images, there, strict=True)
    ]
    return make_table(folder, rows, classes)


DATASETS = (
    Dataset(
        name="nus_wide",
        title=_TITLE,
        layout="ImageList/TestImagelist.txt, TrainTestLabels/Labels_airport_Test.txt (also in "
        "Groundtruth/), Concepts81.txt (also in ConceptsList/), Flickr/actor/0001_2124494179.jpg "
        "(the images are not in the official download)",
        licence="for research, no commercial use; images belong to those who took them",
        published="https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html",
        read=read_nus,
        class_count=81,
        splits=("train", "test"),
        golden={"official": {"train": 161789, "test": 107859}},
        multi_label=True,
        aliases=("nus", "nuswide"),
    ),
)
