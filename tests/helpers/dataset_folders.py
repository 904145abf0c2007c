"""Data sets in their owners' layouts, a few images each, with what else lies about in them."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image


def picture(extension: str = "jpg", colour: tuple[int, int, int] = (90, 120, 60)) -> bytes:
    """A small image."""
    data = io.BytesIO()
    kind = {"png": "PNG"}.get(extension, "JPEG")
    Image.new("RGB", (16, 12), colour).save(data, kind)
    return data.getvalue()


_JPEG = picture()


def put(root: Path, name: str, content: bytes | str = _JPEG) -> None:
    """Write one file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def put_all(root: Path, names: Iterable[str]) -> None:
    """Write several images, and what a Mac leaves beside them."""
    for name in names:
        put(root, name)
        folder, _, own = name.rpartition("/")
        put(root, f"{folder}/._{own}" if folder else f"._{own}", b"\0\5\x16\7 a resource fork")
        put(root, f"{folder}/.DS_Store" if folder else ".DS_Store", b"Bud1")


def put_lines(root: Path, name: str, lines: Iterable[str], end: str = "\n") -> None:
    """Write a text file."""
    put(root, name, "".join(f"{line}{end}" for line in lines))


def put_mat(root: Path, name: str, **variables: Any) -> None:
    """Write a MATLAB file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(root / name, variables)


def cells(values: Sequence[str], *, column: bool = False) -> np.ndarray:
    """A cell array of strings, 1 x n or n x 1."""
    found = np.empty((len(values), 1) if column else (1, len(values)), dtype=object)
    for at, value in enumerate(values):
        found[(at, 0) if column else (0, at)] = value
    return found


def structs(rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """A struct array, 1 x n."""
    found = np.empty((1, len(rows)), dtype=[(field, object) for field in rows[0]])
    for at, row in enumerate(rows):
        for field, value in row.items():
            found[0, at][field] = value
    return found


def put_split(root: Path, name: str, **splits: Sequence[Sequence[Any]]) -> None:
    """Write one of CoOp's splits."""
    put(root, name, json.dumps({"train": [], "val": [], "test": [], **splits}))


def coop(root: Path, name: str, below: str, items: Sequence[tuple[str, int, str]]) -> None:
    """CoOp's split with all images to test on, and one of each class to train on."""
    put_all(root, [f"{below}{path}" for path, _, _ in items])
    first = {label: item for item in reversed(items) for label in [item[1]]}
    put_split(root, name, train=list(first.values()), test=items)


def pets(root: Path) -> None:
    """Oxford-IIIT Pet as its owners pack it."""
    stems = ["Abyssinian_1", "Abyssinian_2", "american_bulldog_10", "Russian_Blue_3"]
    put_all(root, [f"images/{stem}.jpg" for stem in stems])
    put(root, "images/Abyssinian_1.mat", b"")
    rows = ["Abyssinian_1 1 1 1", "american_bulldog_10 2 2 1", "Russian_Blue_3 28 1 9"]
    put_lines(root, "annotations/test.txt", rows)
    put_lines(root, "annotations/trainval.txt", ["Abyssinian_2 1 1 1"])
    put_lines(root, "annotations/list.txt", ["#Image CLASS-ID SPECIES BREED ID", *rows])
    put(root, "annotations/trimaps/._Abyssinian_1.png", b"")


CARS = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Ram C/V Cargo Van Minivan 2012"]


def cars(root: Path, *, labels_in_devkit: bool = False) -> None:
    """Stanford Cars with its development kit."""
    put_all(root, ["cars_train/00001.jpg", *(f"cars_test/0000{n}.jpg" for n in (1, 2, 3))])
    put_mat(root, "devkit/cars_meta.mat", class_names=cells(CARS))
    box = {"bbox_x1": 1.0, "bbox_y1": 2.0, "bbox_x2": 3.0, "bbox_y2": 4.0}
    rows = [
        {**box, "class": np.uint8(c), "fname": f"0000{n}.jpg"} for n, c in ((1, 3), (2, 1), (3, 2))
    ]
    put_mat(root, "devkit/cars_train_annos.mat", annotations=structs(rows[:1]))
    where = "devkit/" if labels_in_devkit else ""
    put_mat(root, f"{where}cars_test_annos_withlabels.mat", annotations=structs(rows))


def old_cars(root: Path) -> None:
    """Stanford Cars as it first was: all images in one folder."""
    put_all(root, [f"car_ims/00000{n}.jpg" for n in (1, 2)])
    rows = [
        {"relative_im_path": f"car_ims/00000{n}.jpg", "class": np.uint8(c), "test": np.uint8(t)}
        for n, c, t in ((1, 1, 0), (2, 3, 1))
    ]
    put_mat(root, "cars_annos.mat", annotations=structs(rows), class_names=cells(CARS))


def flowers(root: Path) -> None:
    """Oxford Flowers 102 as its owners pack it, with CoOp's file of names."""
    put_all(root, [f"jpg/image_{n:05d}.jpg" for n in range(1, 6)])
    put_mat(root, "imagelabels.mat", labels=np.array([[3, 1, 2, 1, 3]], np.uint8))
    put_mat(
        root, "setid.mat", trnid=np.array([[2]], np.uint16), valid=np.array([[3]], np.uint16),
        tstid=np.array([[5, 1, 4]], np.uint16),
    )  # fmt: skip
    names = {"2": "globe-flower", "1": "pink primrose", "3": "hard-leaved pocket orchid"}
    put(root, "cat_to_name.json", json.dumps(names))


def aircraft(root: Path) -> None:
    """FGVC-Aircraft."""
    put_all(root, ["images/0034309.jpg", "images/0034958.jpg"])
    put_lines(root, "variants.txt", ["707-320", "F/A-18", "DR-400 long"])
    put_lines(root, "images_variant_test.txt", ["0034309 DR-400 long", "0034958 F/A-18"])
    for split in ("train", "val", "trainval"):
        put_lines(root, f"images_variant_{split}.txt", ["0034309 707-320"])


def food(root: Path) -> None:
    """Food-101."""
    put_all(root, ["images/apple_pie/1005649.jpg", "images/waffles/7.jpg", "images/waffles/8.jpg"])
    put_lines(root, "meta/test.txt", ["apple_pie/1005649", "waffles/8"])
    put(root, "meta/train.json", json.dumps({"apple_pie": [], "waffles": ["waffles/7"]}))
    put_lines(root, "meta/classes.txt", ["apple_pie", "tacos", "waffles"])


def caltech(root: Path) -> None:
    """Caltech 101, folders alone."""
    kinds = ["BACKGROUND_Google", "Faces", "Faces_easy", "accordion", "airplanes"]
    put_all(root, [f"101_ObjectCategories/{kind}/image_0001.jpg" for kind in kinds])
    put(root, "101_ObjectCategories/accordion/image_0002.JPG")
    put(root, "101_ObjectCategories/accordion/README.txt", "no image")


def sun(root: Path) -> None:
    """SUN397 with its first partition."""
    paths = ["/a/abbey/sun_a.jpg", "/i/ice_skating_rink/outdoor/sun_b.jpg", "/a/abbey/sun_c.jpg"]
    put_all(root, [f"SUN397{path}" for path in paths])
    kinds = ["/a/abbey", "/i/ice_skating_rink/indoor", "/i/ice_skating_rink/outdoor"]
    put_lines(root, "ClassName.txt", kinds, "\r\n")
    put_lines(root, "Testing_01.txt", paths[:2], "\r\n")
    put_lines(root, "Training_01.txt", paths[2:], "\r\n")


def dtd(root: Path) -> None:
    """Describable Textures."""
    put_all(root, ["images/banded/banded_0002.jpg", "images/zigzagged/zigzagged_0001.jpg"])
    put_lines(root, "labels/test1.txt", ["banded/banded_0002.jpg"])
    put_lines(root, "labels/train1.txt", ["zigzagged/zigzagged_0001.jpg"])


def eurosat(root: Path, folder: str = "2750") -> None:
    """EuroSAT in colour."""
    kinds = ["AnnualCrop", "Pasture", "SeaLake"]
    put_all(root, [f"{folder}/{kind}/{kind}_1.jpg" for kind in kinds])


def ucf(root: Path) -> None:
    """UCF101 as CoOp's middle frames, with the owners' lists."""
    put_all(
        root,
        [
            "UCF-101-midframes/Apply_Eye_Makeup/v_ApplyEyeMakeup_g01_c01.jpg",
            "UCF-101-midframes/Yo_Yo/v_YoYo_g01_c01.jpg",
        ],
    )
    put_lines(root, "ucfTrainTestlist/classInd.txt", ["1 ApplyEyeMakeup", "2 YoYo"])
    put_lines(root, "ucfTrainTestlist/testlist01.txt", ["YoYo/v_YoYo_g01_c01.avi"])
    train = ["ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi 1"]
    put_lines(root, "ucfTrainTestlist/trainlist01.txt", train)


def places(root: Path) -> None:
    """Places365, validation."""
    put_all(root, [f"val_256/Places365_val_0000000{n}.jpg" for n in (1, 2)])
    kinds = ["/a/airfield 0", "/a/apartment_building/outdoor 1"]
    put_lines(root, "categories_places365.txt", kinds)
    lines = ["Places365_val_00000001.jpg 1", "Places365_val_00000002.jpg 0"]
    put_lines(root, "places365_val.txt", lines)


IMAGENET_NAMES = [
    "n01440764 tench",
    "n03773504 missile",
    "n04008634 missile",
    "n04355933 sunglasses",
]


def imagenet(root: Path) -> None:
    """ImageNet as CoOp lays it out, with a name that is twice."""
    names = [f"images/val/{line.split()[0]}/ILSVRC2012_val_{n}.JPEG"
             for line in IMAGENET_NAMES for n in (1, 2)]  # fmt: skip
    put_all(root, names)
    put_lines(root, "classnames.txt", IMAGENET_NAMES)


def flat_imagenet(root: Path) -> None:
    """ImageNet's validation images in one folder, with the development kit."""
    put_all(root, [f"val/ILSVRC2012_val_{n:08d}.JPEG" for n in (1, 2, 3)])
    ids = [(1, "n03773504", "missile"), (2, "n01440764", "tench, Tinca tinca"),
           (1001, "n00001740", "entity")]  # fmt: skip
    rows = [
        {"ILSVRC2012_ID": float(n), "WNID": w, "words": t, "gloss": "", "num_children": 0.0}
        for n, w, t in ids
    ]
    kit = "ILSVRC2012_devkit_t12/data/"
    put_mat(root, f"{kit}meta.mat", synsets=structs(rows))
    put_lines(root, f"{kit}ILSVRC2012_validation_ground_truth.txt", ["2", "1", "2"])


def imagenet_variant(root: Path, folder: str, kinds: Sequence[str]) -> None:
    """ImageNet-A, -R or -Sketch, with the README in the folder of images."""
    put_all(root, [f"{folder}/{kind}/x_1.jpg" for kind in kinds])
    put(root, f"{folder}/README.txt", "a text")
    put_lines(root, "classnames.txt", IMAGENET_NAMES)


def birds(root: Path) -> None:
    """CUB-200-2011."""
    kinds = ["001.Black_footed_Albatross", "031.Black_billed_Cuckoo", "032.Mangrove_Cuckoo",
             "033.Yellow_billed_Cuckoo", "038.Great_Crested_Flycatcher"]  # fmt: skip
    images = [f"{kind}/{kind[4:]}_{n}.jpg" for kind in kinds for n in (1, 2)]
    put_all(root, [f"images/{image}" for image in images])
    numbered = list(enumerate(images, 1))
    put_lines(root, "images.txt", [f"{n} {image}" for n, image in numbered])
    put_lines(root, "classes.txt", [f"{n} {kind}" for n, kind in enumerate(kinds, 1)])
    put_lines(root, "image_class_labels.txt", [f"{n} {(n + 1) // 2}" for n, _ in numbered])
    put_lines(root, "train_test_split.txt", [f"{n} {n % 2}" for n, _ in numbered])


DOGS = ["n02085620-Chihuahua", "n02094258-Norwich_terrier", "n02095570-Lakeland_terrier",
        "n02096177-cairn", "n02099267-flat-coated_retriever"]  # fmt: skip


def dogs(root: Path) -> None:
    """Stanford Dogs with its lists."""
    for split, number in (("train", 1), ("test", 2)):
        files = [f"{kind}/{kind[:9]}_{number}.jpg" for kind in DOGS]
        put_all(root, [f"Images/{name}" for name in files])
        put_mat(
            root, f"{split}_list.mat", file_list=cells(files, column=True),
            annotation_list=cells([f[:-4] for f in files], column=True),
            labels=np.arange(1, len(files) + 1, dtype=np.float64)[:, None],
        )  # fmt: skip


INATURALIST = [
    "00000_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris",
    *(f"0{n}_Animalia_Arthropoda_Insecta_Lepidoptera_Nymphalidae_{name}" for n, name in (
        (1976, "Symbrenthia_lilaea"), (1978, "Tegosa_claudina"), (1979, "Texola_elada"))),
    *(f"0{n}_Plantae_Tracheophyta_Magnoliopsida_Fabales_Fabaceae_Lupinus_{name}" for n, name in (
        (7999, "arcticus"), (8000, "argenteus"), (8001, "arizonicus"))),
]  # fmt: skip


def inaturalist(root: Path, *, lists: bool = False) -> None:
    """iNaturalist 2021."""
    for split in ("val", "train_mini"):
        put_all(root, [f"{split}/{kind}/{split}.jpg" for kind in INATURALIST])
    if lists:
        kinds = [
            {"id": n, "name": " ".join(kind.split("_")[-2:]), "common_name": f"Common {n}",
             "image_dir_name": kind}
            for n, kind in enumerate(INATURALIST)
        ]  # fmt: skip
        images = [
            {"id": 10 + n, "file_name": f"val/{kind}/val.jpg"} for n, kind in enumerate(INATURALIST)
        ]
        marks = [{"id": n, "image_id": 10 + n, "category_id": n} for n in range(len(INATURALIST))]
        put(
            root,
            "val.json",
            json.dumps({"images": images, "categories": kinds, "annotations": marks}),
        )


def vegfru(root: Path) -> None:
    """VegFru with its lists."""
    kinds = ["dandelion", "shepherd's_purse", "prickly_lettuce", "leek", "green_Chinese_onion",
             "bunching_onion"]  # fmt: skip
    images = [f"veg200_images/{kind}/v_01_{n:04d}.jpg" for kind in kinds for n in range(1, 6)]
    put_all(root, [*images, "fru92_images/durian/f_01_0001.jpg"])
    listed = [f"{image} {kinds.index(image.split('/')[1])}" for image in images]
    put_lines(root, "veg200_lists/veg_test.txt", listed[::2])
    put_lines(root, "fru92_lists/fru_test.txt", ["fru92_images/durian/f_01_0001.jpg 0"])


def coco(root: Path) -> None:
    """COCO 2014: ids with gaps, a crowd, an image without a box."""
    kinds = [
        {"id": 1, "name": "person"},
        {"id": 4, "name": "motorcycle"},
        {"id": 90, "name": "toothbrush"},
    ]
    for split in ("val", "train"):
        names = [f"COCO_{split}2014_{n:012d}.jpg" for n in (42, 73, 74)]
        put_all(root, [f"{split}2014/{name}" for name in names])
        images = [{"id": n, "file_name": name} for n, name in zip((42, 73, 74), names, strict=True)]
        box = {"bbox": [1, 1, 9, 9], "iscrowd": 0}
        marks = [
            {**box, "image_id": 42, "category_id": 90},
            {**box, "image_id": 42, "category_id": 1, "iscrowd": 1},
            {**box, "image_id": 73, "category_id": 4},
            {**box, "image_id": 73, "category_id": 4},
            {**box, "image_id": 73, "category_id": 1, "bbox": [1, 1, 0.4, 9]},
        ]
        lists = {"images": images, "annotations": marks, "categories": kinds}
        put(root, f"annotations/instances_{split}2014.json", json.dumps(lists))


VOC = ("aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
       "person pottedplant sheep sofa train tvmonitor").split()  # fmt: skip


def voc(root: Path, *, lists: bool = True) -> None:
    """VOC 2007: a dog and a person; a difficult cat; nothing that counts."""
    there = {
        "000001": {"dog": 1, "person": 1},
        "000002": {"cat": 0},
        "000004": {"car": 1, "cat": 0},
    }
    base = "VOCdevkit/VOC2007/"
    put_all(root, [f"{base}JPEGImages/{image}.jpg" for image in there])
    put_lines(root, f"{base}ImageSets/Main/test.txt", there)
    for kind in VOC if lists else ():
        rows = [f"{image} {marks.get(kind, -1):2d}" for image, marks in there.items()]
        put_lines(root, f"{base}ImageSets/Main/{kind}_test.txt", rows)
    for image, marks in there.items():
        objects = "".join(
            f"<object><name>{kind}</name><difficult>{1 - mark}</difficult></object>"
            for kind, mark in marks.items()
        )
        put(root, f"{base}Annotations/{image}.xml", f"<annotation>{objects}</annotation>")


def nus(root: Path, *, official: bool = False) -> None:
    """NUS-WIDE, with backslashes, and an image without a concept."""
    images = ["actor\\0001_2124494179.jpg", "zebra\\0002_1.jpg", "zebra\\0003_2.jpg"]
    put_all(root, ["Flickr/" + image.replace("\\", "/") for image in images])
    put_lines(root, "ImageList/TestImagelist.txt", images, "\r\n")
    marks = {"airport": "100", "person": "100", "zebra": "010"}
    put_lines(root, "ConceptsList/Concepts81.txt" if official else "Concepts81.txt", marks, "\r\n")
    base = "Groundtruth/TrainTestLabels" if official else "TrainTestLabels"
    for concept, values in marks.items():
        put_lines(root, f"{base}/Labels_{concept}_Test.txt", values, "\r\n")


def cifar_pixels(count: int) -> np.ndarray:
    """Arrays as CIFAR has them: planes of red, green and blue."""
    rows = np.zeros((count, 3, 32, 32), np.uint8)
    for at in range(count):
        rows[at, 0, 0, :] = 10 * at + 1  # the first line of the red plane
        rows[at, 2] = 200
    return rows.reshape(count, -1)


def cifar10(root: Path, protocol: int = 2) -> None:
    """CIFAR-10 in its Python version."""
    base = root / "cifar-10-batches-py"
    base.mkdir(parents=True, exist_ok=True)
    batch = {
        b"batch_label": b"testing batch 1 of 1",
        b"labels": [1, 0, 1],
        b"data": cifar_pixels(3),
        b"filenames": [b"a.png", b"b.png", b"c.png"],
    }
    meta = {b"label_names": [b"airplane", b"automobile"], b"num_vis": 3072}
    (base / "test_batch").write_bytes(pickle.dumps(batch, protocol))
    (base / "batches.meta").write_bytes(pickle.dumps(meta, protocol))


def cifar100(root: Path) -> None:
    """CIFAR-100 in its Python version."""
    base = root / "cifar-100-python"
    base.mkdir(parents=True, exist_ok=True)
    batch = {"fine_labels": [2, 0], "coarse_labels": [0, 0], "data": cifar_pixels(2)}
    meta = {"fine_label_names": ["apple", "aquarium_fish", "baby"], "coarse_label_names": ["x"]}
    (base / "test").write_bytes(pickle.dumps(batch))
    (base / "meta").write_bytes(pickle.dumps(meta))
