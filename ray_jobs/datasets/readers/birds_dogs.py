"""CUB-200-2011 and Stanford Dogs."""

from __future__ import annotations

from pathlib import Path

from ray_jobs.datasets.base import Dataset, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.mat import MatFile
from ray_jobs.datasets.names import finer_bird, finer_dog, folder_bird, folder_dog
from ray_jobs.datasets.rows import chosen_names, make_table, named_classes, no_split

BIRDS = "CUB-200-2011"
DOGS = "Stanford Dogs"
_NAMES = ("finer", "folder")


def read_birds(root: Path, wanted: Wanted) -> Table:
    """CUB-200-2011: lists by image number."""
    folder = DatasetFolder.find(
        root, BIRDS, ("CUB_200_2011", "cub200", "CUB/CUB_200_2011", "bird_200/CUB_200_2011"),
        ("image_class_labels.txt", "train_test_split.txt", "images.txt"),
    )  # fmt: skip
    finer = chosen_names(folder, wanted.names, _NAMES) == "finer"
    if wanted.split not in ("train", "test", "all"):
        raise no_split(folder, wanted.split, "has train, test and all")
    paths, numbers = _pairs(folder, "images.txt"), _pairs(folder, "image_class_labels.txt")
    trained, kinds = _pairs(folder, "train_test_split.txt"), _pairs(folder, "classes.txt")
    write = finer_bird if finer else folder_bird
    classes = named_classes({key: write(kinds[key]) for key in sorted(kinds, key=int)})
    rows = []
    for image, path in paths.items():
        for each, name in ((numbers, "image_class_labels.txt"), (trained, "train_test_split.txt")):
            if image not in each:
                raise folder.wrong(name, f"lacks the image {image}, {path}")
        if numbers[image] not in classes:
            raise folder.wrong(
                "image_class_labels.txt", f"gives {path} a class that classes.txt lacks"
            )
        if wanted.split == "all" or (trained[image] == "1") == (wanted.split == "train"):
            rows.append((f"images/{path}", [classes[numbers[image]].id]))
    return make_table(folder, rows, list(classes.values()))


def _pairs(folder: DatasetFolder, name: str) -> dict[str, str]:
    """The lines of a list: a number, and what it is of."""
    found: dict[str, str] = {}
    for line in folder.lines(name):
        number, _, value = line.partition(" ")
        if not number.isdigit() or not value:
            raise folder.wrong(name, f"has a line that is not NUMBER VALUE: {line!r}")
        found[number] = value.strip()
    return found


def read_dogs(root: Path, wanted: Wanted) -> Table:
    """Stanford Dogs: cell arrays of paths; the breed is the folder."""
    folder = DatasetFolder.find(
        root, DOGS, ("stanford_dogs", "StanfordDogs", "Stanford_dogs", "dogs_120"),
        ("test_list.mat", "train_list.mat", "lists"),
    )  # fmt: skip
    finer = chosen_names(folder, wanted.names, _NAMES) == "finer"
    if wanted.split not in ("train", "test"):
        raise no_split(folder, wanted.split, "has train and test")
    listed: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    for split in ("train", "test"):
        files = f"{split}_list.mat", f"lists/{split}_list.mat"
        if split != wanted.split and not any(map(folder.has, files)):
            continue
        mat = MatFile(folder, *files)
        listed[split] = mat.strings("file_list")
        labels = mat.integers("labels")
        if len(labels) != len(listed[split]):
            raise folder.wrong(
                files[0], f"has {len(labels)} labels for {len(listed[split])} images"
            )
        for path, label in zip(listed[split], labels.tolist(), strict=True):
            numbers[_breed(path)] = label
    write = finer_dog if finer else folder_dog
    classes = named_classes({breed: write(breed) for breed in sorted(numbers, key=numbers.get)})  # type: ignore[arg-type]
    images = folder.one_of("Images", "images", what="the folder of the images")
    rows = [(f"{images}/{path}", [classes[_breed(path)].id]) for path in listed[wanted.split]]
    return make_table(folder, rows, list(classes.values()))


def _breed(path: str) -> str:
    return path.replace("\\", "/").split("/")[-2] if "/" in path.replace("\\", "/") else path


DATASETS = (
    Dataset(
        name="cub200",
        title=BIRDS,
        layout="images/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg, images.txt, "
        "image_class_labels.txt, classes.txt, train_test_split.txt",
        licence="for research and teaching, no commercial use",
        published="https://www.vision.caltech.edu/datasets/cub_200_2011/",
        read=read_birds,
        class_count=200,
        splits=("train", "test", "all"),
        golden={"official": {"train": 5994, "test": 5794, "all": 11788}},
        names=_NAMES,
        aliases=("cub", "cub_200_2011", "bird200", "birds"),
    ),
    Dataset(
        name="stanford_dogs",
        title=DOGS,
        layout="Images/n02085620-Chihuahua/n02085620_10074.jpg, train_list.mat, test_list.mat "
        "(also in lists/)",
        licence="for research; a part of ImageNet, whose terms hold",
        published="http://vision.stanford.edu/aditya86/ImageNetDogs/",
        read=read_dogs,
        class_count=120,
        splits=("train", "test"),
        golden={"official": {"train": 12000, "test": 8580}},
        names=_NAMES,
        aliases=("dogs", "dog120"),
    ),
)
