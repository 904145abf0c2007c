"""Pets, cars, flowers and aircraft: CoOp's splits and the owners'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from methods.errors import InputError
from ray_jobs.datasets.base import Dataset, DatasetClass, Table, Wanted
from ray_jobs.datasets.coop import CoopSplit
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.mat import MatFile
from ray_jobs.datasets.names import (
    finer_car,
    pet_breed,
    title_case,
    with_year_first,
    with_year_last,
)
from ray_jobs.datasets.rows import chosen_names, make_table, named_classes, no_split

_PETS = CoopSplit("split_zhou_OxfordPets.json", ("images",))
_CARS = CoopSplit("split_zhou_StanfordCars.json", (".",))
_FLOWERS = CoopSplit("split_zhou_OxfordFlowers.json", ("jpg", "102flowers/jpg"))
_COOP_OR_FINER = ("coop", "finer")


def read_pets(root: Path, wanted: Wanted) -> Table:
    """Oxford-IIIT Pet: the breed stands in the file name and, as a number, in the list."""
    folder = DatasetFolder.find(
        root, "Oxford-IIIT Pet", ("oxford_pets", "oxford-iiit-pet", "OxfordPets"),
        ("annotations", _PETS.file),
    )  # fmt: skip
    finer = chosen_names(folder, wanted.names, _COOP_OR_FINER) == "finer"
    if _PETS.wanted(folder, wanted.protocol):
        return _PETS.read(
            folder, wanted, lambda name, path: title_case(pet_breed(path)) if finer else name
        )
    if wanted.split not in ("trainval", "test"):
        raise no_split(folder, wanted.split, f"has trainval and test, unless {_PETS.file} is there")
    items = []
    for lists in ("trainval", "test"):
        name = f"annotations/{lists}.txt"
        if lists != wanted.split and not folder.has(name):
            continue
        for line in folder.lines(name):
            if line[0] == "#":
                continue
            words = line.split()
            if len(words) < 2 or not words[1].isdigit():
                raise folder.wrong(name, f"has a line that is not NAME CLASS ...: {line!r}")
            items.append((lists, words[0], int(words[1])))
    breeds = {number: pet_breed(stem) for _, stem, number in sorted(items, key=lambda i: i[2])}
    names = {
        str(number): title_case(breed) if finer else breed.lower()
        for number, breed in breeds.items()
    }
    classes = named_classes(names)
    rows = [
        (f"images/{stem}.jpg", [classes[str(number)].id])
        for lists, stem, number in items
        if lists == wanted.split
    ]
    return make_table(folder, rows, list(classes.values()))


def read_cars(root: Path, wanted: Wanted) -> Table:
    """Stanford Cars: struct arrays of boxes, classes from 1 and file names."""
    folder = DatasetFolder.find(
        root, "Stanford Cars", ("stanford_cars", "StanfordCars", "car_196"),
        ("devkit", "cars_test_annos_withlabels.mat", "cars_annos.mat", _CARS.file),
    )  # fmt: skip
    finer = chosen_names(folder, wanted.names, _COOP_OR_FINER) == "finer"
    if _CARS.wanted(folder, wanted.protocol):
        return _CARS.read(
            folder, wanted, lambda name, _: finer_car(with_year_last(name)) if finer else name
        )
    if wanted.split not in ("train", "test"):
        raise no_split(folder, wanted.split, f"has train and test, unless {_CARS.file} is there")
    if folder.has("cars_annos.mat"):
        meta = MatFile(folder, "cars_annos.mat")
        annotations = meta.records("annotations", ("relative_im_path",), ("class", "test"))
        items = [
            (each.texts["relative_im_path"], each.numbers["class"])
            for each in annotations
            if bool(each.numbers["test"]) == (wanted.split == "test")
        ]
    else:
        meta = MatFile(folder, "devkit/cars_meta.mat", "cars_meta.mat")
        listed = {
            "train": ("devkit/cars_train_annos.mat", "cars_train_annos.mat"),
            "test": ("cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"),
        }[wanted.split]
        own = MatFile(folder, *listed).records("annotations", ("fname",), ("class",))
        items = [(f"cars_{wanted.split}/{r.texts['fname']}", r.numbers["class"]) for r in own]
    original = meta.strings("class_names")
    names = {
        str(number): finer_car(name) if finer else with_year_first(name)
        for number, name in enumerate(original, 1)
    }
    classes = named_classes(names)
    rows = [(path, [_id_of(folder, classes, number, path)]) for path, number in items]
    return make_table(folder, rows, list(classes.values()))


def read_flowers(root: Path, wanted: Wanted) -> Table:
    """Oxford Flowers 102: one list of labels, three of numbers."""
    folder = DatasetFolder.find(
        root, "Oxford Flowers 102", ("oxford_flowers", "flowers-102", "OxfordFlowers"),
        ("imagelabels.mat", "setid.mat", _FLOWERS.file),
    )  # fmt: skip
    finer = chosen_names(folder, wanted.names, _COOP_OR_FINER) == "finer"
    if _FLOWERS.wanted(folder, wanted.protocol):
        return _FLOWERS.read(folder, wanted, lambda name, _: title_case(name) if finer else name)
    variable = {"train": "trnid", "val": "valid", "test": "tstid"}.get(wanted.split)
    if variable is None:
        raise no_split(folder, wanted.split, "has train, val and test")
    labels = MatFile(folder, "imagelabels.mat").integers("labels")
    numbers = MatFile(folder, "setid.mat").integers(variable)
    if len(numbers) and not 1 <= numbers.min() <= numbers.max() <= len(labels):
        raise folder.wrong("setid.mat", f"names images beyond the {len(labels)} of imagelabels.mat")
    spoken = folder.json("cat_to_name.json")
    if not isinstance(spoken, dict) or not all(
        key.isdigit() and isinstance(name, str) for key, name in spoken.items()
    ):
        raise folder.wrong("cat_to_name.json", 'is not {"1": "pink primrose", ...}')
    names = {
        str(int(key)): title_case(spoken[key]) if finer else spoken[key]
        for key in sorted(spoken, key=int)
    }
    classes = named_classes(names)
    images = folder.one_of(*_FLOWERS.images, what="the folder of the images")
    rows = []
    for number in numbers.tolist():
        path = f"{images}/image_{number:05d}.jpg"
        rows.append((path, [_id_of(folder, classes, int(labels[number - 1]), path)]))
    return make_table(folder, rows, list(classes.values()))


def read_aircraft(root: Path, wanted: Wanted) -> Table:
    """FGVC-Aircraft by variant; names hold blanks and slashes."""
    folder = DatasetFolder.find(
        root, "FGVC-Aircraft",
        ("fgvc_aircraft", "fgvc-aircraft-2013b/data", "data", "fgvc_aircraft/data"),
        ("variants.txt", "images_variant_test.txt"),
    )  # fmt: skip
    chosen_names(folder, wanted.names, ("coop",))
    if wanted.split not in ("train", "val", "trainval", "test"):
        raise no_split(folder, wanted.split, "has train, val, trainval and test")
    variants = folder.lines("variants.txt")
    classes = named_classes({name: name for name in variants})
    rows = []
    listed = f"images_variant_{wanted.split}.txt"
    for line in folder.lines(listed):
        number, _, variant = line.partition(" ")
        if variant.strip() not in classes:
            raise folder.wrong(listed, f"names a variant that variants.txt lacks: {line!r}")
        rows.append((f"images/{number}.jpg", [classes[variant.strip()].id]))
    return make_table(folder, rows, list(classes.values()))


def _id_of(
    folder: DatasetFolder, classes: Mapping[str, DatasetClass], number: int, path: str
) -> str:
    if str(number) not in classes:
        raise InputError(
            f"an annotation of {folder.title} below {folder.path} gives {path} the class {number} "
            f"of {len(classes)}"
        )
    return classes[str(number)].id


DATASETS = (
    Dataset(
        name="oxford_pets",
        title="Oxford-IIIT Pet",
        layout="images/Abyssinian_100.jpg, annotations/{trainval,test}.txt; with CoOp's splits "
        f"{_PETS.file}",
        licence="CC BY-SA 4.0; images belong to those who took them",
        published="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        read=read_pets,
        class_count=37,
        splits=("train", "val", "trainval", "test"),
        golden={
            "coop": {"train": 2944, "val": 736, "test": 3669},
            "official": {"trainval": 3680, "test": 3669},
        },
        halves={"base": 1881, "novel": 1788},
        base_novel=True,
        names=_COOP_OR_FINER,
        template="a photo of a {}, a type of pet.",
        recognise="Which breed of cat or dog is this? Look at coat, colour, ears, muzzle, build "
        "and tail, then name the breed that fits best in one sentence. If you are not sure, name "
        "the most likely one.",
        aliases=("pets", "pet37", "oxford_iiit_pet"),
    ),
    Dataset(
        name="stanford_cars",
        title="Stanford Cars",
        layout="cars_train/00001.jpg, cars_test/, devkit/cars_meta.mat, "
        "devkit/cars_train_annos.mat, cars_test_annos_withlabels.mat (also in devkit/), or the "
        f"older cars_annos.mat with car_ims/; with CoOp's splits {_CARS.file}",
        licence="for research, no commercial use; images belong to those who took them",
        published="https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
        read=read_cars,
        class_count=196,
        golden={
            "coop": {"train": 6509, "val": 1635, "test": 8041},
            "official": {"train": 8144, "test": 8041},
        },
        halves={"base": 4002, "novel": 4039},
        base_novel=True,
        names=_COOP_OR_FINER,
        recognise="Which car is this? Name its make, model, type of body and, as well as you can "
        "tell, its year in one sentence.",
        aliases=("cars", "car196"),
    ),
    Dataset(
        name="oxford_flowers",
        title="Oxford Flowers 102",
        layout="jpg/image_00001.jpg, imagelabels.mat, setid.mat, cat_to_name.json; with CoOp's "
        f"splits {_FLOWERS.file}",
        licence="no licence is given; for research",
        published="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        read=read_flowers,
        class_count=102,
        golden={
            "coop": {"train": 4093, "val": 1633, "test": 2463},
            "official": {"train": 1020, "val": 1020, "test": 6149},
        },
        halves={"base": 1053, "novel": 1410},
        base_novel=True,
        names=_COOP_OR_FINER,
        template="a photo of a {}, a type of flower.",
        recognise="Which flower is this? Answer with its name alone.",
        aliases=("flowers", "flowers102", "flower102", "oxford_flowers102"),
    ),
    Dataset(
        name="fgvc_aircraft",
        title="FGVC-Aircraft",
        layout="images/0034309.jpg, variants.txt, images_variant_{train,val,trainval,test}.txt "
        "(the folder data of fgvc-aircraft-2013b)",
        licence="for research, no commercial use; images belong to those who took them",
        published="https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
        read=read_aircraft,
        class_count=100,
        splits=("train", "val", "trainval", "test"),
        golden={"official": {"train": 3334, "val": 3333, "trainval": 6667, "test": 3333}},
        base_novel=True,
        names=("coop",),
        template="a photo of a {}, a type of aircraft.",
        recognise="Which aircraft is this? Name its manufacturer and the exact variant, such as "
        "737-800, in one sentence.",
        aliases=("aircraft", "aircraft100"),
    ),
)
