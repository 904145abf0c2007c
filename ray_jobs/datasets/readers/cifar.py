"""CIFAR-10 and CIFAR-100: arrays, which become PNG files when the data set is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.datasets.arrays import read_arrays
from ray_jobs.datasets.base import Dataset, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.rows import chosen_names, named_classes, no_split

_SIDE = 32


def read_cifar10(root: Path, wanted: Wanted) -> Table:
    """CIFAR-10 in its Python version."""
    folder = DatasetFolder.find(
        root, "CIFAR-10", ("cifar-10-batches-py", "cifar10/cifar-10-batches-py"),
        ("test_batch", "batches.meta"),
    )  # fmt: skip
    files = {"test": ["test_batch"], "train": [f"data_batch_{n}" for n in range(1, 6)]}
    return _read(folder, wanted, files, "batches.meta", "labels", "label_names")


def read_cifar100(root: Path, wanted: Wanted) -> Table:
    """CIFAR-100 in its Python version, by its fine labels."""
    folder = DatasetFolder.find(
        root, "CIFAR-100", ("cifar-100-python", "cifar100/cifar-100-python"), ("meta",)
    )
    files = {"test": ["test"], "train": ["train"]}
    return _read(folder, wanted, files, "meta", "fine_labels", "fine_label_names")


def _read(
    folder: DatasetFolder,
    wanted: Wanted,
    files: dict[str, list[str]],
    meta: str,
    labels: str,
    names: str,
) -> Table:
    chosen_names(folder, wanted.names, ("official",))
    if wanted.split not in files:
        raise no_split(folder, wanted.split, "has train and test")
    spoken = read_arrays(folder, meta).get(names)
    if not isinstance(spoken, list) or not spoken:
        raise folder.wrong(meta, f"holds no list {names!r}")
    texts = [each.decode() if isinstance(each, bytes) else str(each) for each in spoken]
    classes = named_classes({str(at): text for at, text in enumerate(texts)})
    pixels: list[NDArray[np.uint8]] = []
    numbers: list[int] = []
    for name in files[wanted.split]:
        batch = read_arrays(folder, name)
        own, data = _numbers(batch.get(labels)), batch.get("data")
        if own is None or max(own, default=0) >= len(texts) or min(own, default=0) < 0:
            raise folder.wrong(name, f"holds no list {labels!r} of numbers below {len(texts)}")
        shape = (len(own), 3 * _SIDE * _SIDE)
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != shape:
            what = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else "no array"
            raise folder.wrong(name, f"is of another shape: data is {what}, not uint8 {shape}")
        # planes of red, green and blue, each row by row
        pixels.append(data.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))
        numbers += own
    ids = [classes[str(number)].id for number in numbers]
    return Table(
        root=folder.path,
        images=tuple(f"images/{wanted.split}/{at:05d}.png" for at in range(len(ids))),
        labels=tuple((each,) for each in ids),
        classes=tuple(classes.values()),
        pixels=np.concatenate(pixels),
    )


def _numbers(values: Any) -> list[int] | None:
    """Whole numbers of a list or an array."""
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iu":
        return [int(each) for each in values]
    if isinstance(values, Sequence) and all(isinstance(v, (int, np.integer)) for v in values):
        return [int(each) for each in values]
    return None


_LICENCE = "no licence is given; for research"
_PUBLISHED = "https://www.cs.toronto.edu/~kriz/cifar.html"

DATASETS = (
    Dataset(
        name="cifar10",
        title="CIFAR-10",
        layout="cifar-10-batches-py/{data_batch_1,...,test_batch,batches.meta}; images are arrays "
        "and are written as PNG below --out",
        licence=_LICENCE,
        published=_PUBLISHED,
        read=read_cifar10,
        class_count=10,
        splits=("train", "test"),
        golden={"official": {"train": 50000, "test": 10000}},
    ),
    Dataset(
        name="cifar100",
        title="CIFAR-100",
        layout="cifar-100-python/{train,test,meta}; images are arrays and are written as PNG below "
        "--out",
        licence=_LICENCE,
        published=_PUBLISHED,
        read=read_cifar100,
        class_count=100,
        splits=("train", "test"),
        golden={"official": {"train": 50000, "test": 10000}},
    ),
)
