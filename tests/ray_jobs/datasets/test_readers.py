"""Each data set in its owners' layout is read to the right images, classes and truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ray_jobs.datasets.base import Table, Wanted
from ray_jobs.datasets.registry import DATASETS
from tests.helpers import dataset_folders as layouts

Make = Callable[[Path], None]


def read(name: str, root: Path, **wanted: str) -> Table:
    return DATASETS[name].read(root, Wanted(**wanted))  # type: ignore[arg-type]


def truth(table: Table) -> dict[str, list[str]]:
    """Spoken names by image."""
    names = {each.id: each.name for each in table.classes}
    pairs = zip(table.images, table.labels, strict=True)
    return {image: [names[each] for each in labels] for image, labels in pairs}


DOG_TEST = {f"Images/{kind}/{kind[:9]}_2.jpg": kind for kind in layouts.DOGS}

SINGLE: list[tuple[str, Make, dict[str, str], dict[str, str], list[str]]] = [
    (
        "oxford_pets", layouts.pets, {},
        {
            "images/Abyssinian_1.jpg": "abyssinian",
            "images/american_bulldog_10.jpg": "american bulldog",
            "images/Russian_Blue_3.jpg": "russian blue",
        },
        ["abyssinian", "american bulldog", "russian blue"],
    ),
    (
        "oxford_pets", layouts.pets, {"names": "finer", "split": "trainval"},
        {"images/Abyssinian_2.jpg": "Abyssinian"},
        ["Abyssinian", "American Bulldog", "Russian Blue"],
    ),
    (
        "stanford_cars", layouts.cars, {},
        {
            "cars_test/00001.jpg": "2012 Ram C/V Cargo Van Minivan",
            "cars_test/00002.jpg": "2000 AM General Hummer SUV",
            "cars_test/00003.jpg": "2012 Acura RL Sedan",
        },
        ["2000 AM General Hummer SUV", "2012 Acura RL Sedan", "2012 Ram C/V Cargo Van Minivan"],
    ),
    (
        "stanford_cars", partial(layouts.cars, labels_in_devkit=True),
        {"names": "finer", "split": "train"},
        {"cars_train/00001.jpg": "Ram CV Cargo Van Minivan 2012"},
        ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Ram CV Cargo Van Minivan 2012"],
    ),
    (
        "stanford_cars", layouts.old_cars, {},
        {"car_ims/000002.jpg": "2012 Ram C/V Cargo Van Minivan"},
        ["2000 AM General Hummer SUV", "2012 Acura RL Sedan", "2012 Ram C/V Cargo Van Minivan"],
    ),
    (
        "oxford_flowers", layouts.flowers, {},
        {
            "jpg/image_00005.jpg": "hard-leaved pocket orchid",
            "jpg/image_00001.jpg": "hard-leaved pocket orchid",
            "jpg/image_00004.jpg": "pink primrose",
        },
        ["pink primrose", "globe-flower", "hard-leaved pocket orchid"],
    ),
    (
        "oxford_flowers", layouts.flowers, {"names": "finer", "split": "val"},
        {"jpg/image_00003.jpg": "Globe-Flower"},
        ["Pink Primrose", "Globe-Flower", "Hard-leaved Pocket Orchid"],
    ),
    (
        "fgvc_aircraft", layouts.aircraft, {},
        {"images/0034309.jpg": "DR-400 long", "images/0034958.jpg": "F/A-18"},
        ["707-320", "F/A-18", "DR-400 long"],
    ),
    (
        "food101", layouts.food, {},
        {"images/apple_pie/1005649.jpg": "apple_pie", "images/waffles/8.jpg": "waffles"},
        ["apple_pie", "tacos", "waffles"],
    ),
    (
        "food101", layouts.food, {"split": "train"},
        {"images/waffles/7.jpg": "waffles"},
        ["apple_pie", "tacos", "waffles"],
    ),
    (
        "caltech101", layouts.caltech, {"split": "all"},
        {
            "101_ObjectCategories/Faces/image_0001.jpg": "face",
            "101_ObjectCategories/accordion/image_0001.jpg": "accordion",
            "101_ObjectCategories/accordion/image_0002.JPG": "accordion",
            "101_ObjectCategories/airplanes/image_0001.jpg": "airplane",
        },
        ["face", "accordion", "airplane"],
    ),
    (
        "sun397", layouts.sun, {},
        {
            "SUN397/a/abbey/sun_a.jpg": "abbey",
            "SUN397/i/ice_skating_rink/outdoor/sun_b.jpg": "outdoor ice_skating_rink",
        },
        ["abbey", "indoor ice_skating_rink", "outdoor ice_skating_rink"],
    ),
    (
        "dtd", layouts.dtd, {},
        {"images/banded/banded_0002.jpg": "banded"}, ["banded", "zigzagged"],
    ),
    (
        "eurosat", layouts.eurosat, {"split": "all"},
        {
            "2750/AnnualCrop/AnnualCrop_1.jpg": "Annual Crop Land",
            "2750/Pasture/Pasture_1.jpg": "Pasture Land",
            "2750/SeaLake/SeaLake_1.jpg": "Sea or Lake",
        },
        ["Annual Crop Land", "Pasture Land", "Sea or Lake"],
    ),
    (
        "ucf101", layouts.ucf, {},
        {"UCF-101-midframes/Yo_Yo/v_YoYo_g01_c01.jpg": "Yo_Yo"}, ["Apply_Eye_Makeup", "Yo_Yo"],
    ),
    (
        "places365", layouts.places, {},
        {
            "val_256/Places365_val_00000001.jpg": "outdoor apartment building",
            "val_256/Places365_val_00000002.jpg": "airfield",
        },
        ["airfield", "outdoor apartment building"],
    ),
    (
        "stanford_dogs", layouts.dogs, {},
        dict(zip(DOG_TEST, ["Chihuaha", "Norwich Terrier", "Lakeland Terrier", "Cairn",
                            "Flat-coated Retriever"], strict=True)),
        ["Chihuaha", "Norwich Terrier", "Lakeland Terrier", "Cairn", "Flat-coated Retriever"],
    ),
    (
        "cub200", layouts.birds, {},
        {
            "images/001.Black_footed_Albatross/Black_footed_Albatross_2.jpg":
                "Black-footed Albatross",
            "images/031.Black_billed_Cuckoo/Black_billed_Cuckoo_2.jpg": "Black-billed Cuckoo",
            "images/032.Mangrove_Cuckoo/Mangrove_Cuckoo_2.jpg": "Mangrove Cuckoo",
            "images/033.Yellow_billed_Cuckoo/Yellow_billed_Cuckoo_2.jpg": "Yellow-billed Cuckoo",
            "images/038.Great_Crested_Flycatcher/Great_Crested_Flycatcher_2.jpg":
                "Great-Crested Flycatcher",
        },
        ["Black-footed Albatross", "Black-billed Cuckoo", "Mangrove Cuckoo",
         "Yellow-billed Cuckoo", "Great-Crested Flycatcher"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "wanted", "expected", "classes"), SINGLE, ids=[row[0] for row in SINGLE]
)
def test_owners_layouts(
    name: str,
    make: Make,
    wanted: dict[str, str],
    expected: dict[str, str],
    classes: list[str],
    tmp_path: Path,
) -> None:
    make(tmp_path)
    table = read(name, tmp_path, **wanted)
    assert truth(table) == {image: [label] for image, label in expected.items()}
    assert [each.name for each in table.classes] == classes
    assert not table.missing
    assert all((table.root / image).is_file() for image in table.images)


COOP = [
    ("caltech101", "split_zhou_Caltech101.json", "101_ObjectCategories/",
     [("Faces/image_0001.jpg", 0, "face"), ("ibis/image_0001.jpg", 1, "ibis")]),
    ("oxford_pets", "split_zhou_OxfordPets.json", "images/",
     [("Abyssinian_1.jpg", 0, "abyssinian"), ("leonberger_2.jpg", 1, "leonberger")]),
    ("stanford_cars", "split_zhou_StanfordCars.json", "",
     [("cars_test/00001.jpg", 0, "2000 AM General Hummer SUV"),
      ("cars_test/00002.jpg", 1, "2012 FIAT 500 Abarth")]),
    ("oxford_flowers", "split_zhou_OxfordFlowers.json", "jpg/",
     [("image_00001.jpg", 0, "pink primrose"), ("image_00002.jpg", 1, "wild pansy")]),
    ("food101", "split_zhou_Food101.json", "images/",
     [("apple_pie/1.jpg", 0, "apple_pie"), ("guacamole/2.jpg", 1, "guacamole")]),
    ("sun397", "split_zhou_SUN397.json", "SUN397/",
     [("a/abbey/sun_a.jpg", 0, "abbey"),
      ("i/ice_skating_rink/outdoor/sun_b.jpg", 1, "outdoor ice_skating_rink")]),
    ("dtd", "split_zhou_DescribableTextures.json", "images/",
     [("banded/banded_0002.jpg", 0, "banded"), ("matted/matted_0001.jpg", 1, "matted")]),
    ("eurosat", "split_zhou_EuroSAT.json", "2750/",
     [("AnnualCrop/AnnualCrop_1.jpg", 0, "Annual Crop Land"),
      ("Pasture/Pasture_1.jpg", 1, "Pasture Land")]),
    ("ucf101", "split_zhou_UCF101.json", "UCF-101-midframes/",
     [("Apply_Eye_Makeup/v_1.jpg", 0, "Apply_Eye_Makeup"), ("Lunges/v_2.jpg", 1, "Lunges")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "below", "items"), COOP, ids=[row[0] for row in COOP])
def test_splits_of_coop(
    name: str, file: str, below: str, items: list[tuple[str, int, str]], tmp_path: Path
) -> None:
    layouts.coop(tmp_path, file, below, items)
    table = read(name, tmp_path)
    assert truth(table) == {f"{below}{path}": [spoken] for path, _, spoken in items}
    assert [each.name for each in table.classes] == [spoken for _, _, spoken in items]
    assert table.protocol == "coop"


def test_finers_names_with_coops_splits(tmp_path: Path) -> None:
    for name, file, below, items in COOP[1:4]:
        layouts.coop(tmp_path / name, file, below, items)
    names = [
        [each.name for each in read(name, tmp_path / name, names="finer").classes]
        for name, *_ in COOP[1:4]
    ]
    assert names == [
        ["Abyssinian", "Leonberger"],
        ["AM General Hummer SUV 2000", "FIAT 500 Abarth 2012"],
        ["Pink Primrose", "Wild Pansy"],
    ]


def test_the_owners_split_beside_coops(tmp_path: Path) -> None:
    layouts.flowers(tmp_path)
    layouts.coop(tmp_path, "split_zhou_OxfordFlowers.json", "jpg/", COOP[3][3])
    assert len(read("oxford_flowers", tmp_path, protocol="official").images) == 3
    assert len(read("oxford_flowers", tmp_path, protocol="coop").images) == 2


def test_a_root_above_the_data_sets_folder(tmp_path: Path) -> None:
    layouts.birds(tmp_path / "CUB_200_2011")
    layouts.aircraft(tmp_path / "fgvc-aircraft-2013b" / "data")
    assert read("cub200", tmp_path).root == tmp_path / "CUB_200_2011"
    assert len(read("fgvc_aircraft", tmp_path).images) == 2


def test_a_listed_image_with_an_extension_in_other_letters(tmp_path: Path) -> None:
    layouts.pets(tmp_path)
    (tmp_path / "images/Abyssinian_1.jpg").rename(tmp_path / "images/Abyssinian_1.JPG")
    assert "images/Abyssinian_1.JPG" in read("oxford_pets", tmp_path).images


def test_cubs_folder_names(tmp_path: Path) -> None:
    layouts.birds(tmp_path)
    names = [each.name for each in read("cub200", tmp_path, names="folder").classes]
    assert names[:2] == ["Black footed Albatross", "Black billed Cuckoo"]


def test_vegfru(tmp_path: Path) -> None:
    layouts.vegfru(tmp_path)
    table = read("vegfru", tmp_path)
    assert truth(table)["veg200_images/shepherd's_purse/v_01_0002.jpg"] == ["shepherd's purse"]
    assert truth(table)["fru92_images/durian/f_01_0001.jpg"] == ["durian"]
    assert (len(table.images), len(table.classes)) == (16, 7)
    assert [each.name for each in table.classes][-1] == "durian"


def test_inaturalist_by_folders_and_by_lists(tmp_path: Path) -> None:
    layouts.inaturalist(tmp_path / "a")
    layouts.inaturalist(tmp_path / "b", lists=True)
    folders, listed = (read("inaturalist2021", tmp_path / each) for each in "ab")
    assert [each.id for each in folders.classes] == layouts.INATURALIST
    assert truth(folders) == truth(listed)
    assert folders.classes[1].name == "Symbrenthia lilaea"
    assert listed.classes[1].others == ("Common 1",)
    common = read("inaturalist2021", tmp_path / "b", names="common")
    assert (common.classes[1].name, common.classes[1].others) == (
        "Common 1",
        ("Symbrenthia lilaea",),
    )
