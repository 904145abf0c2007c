"""SUN397, Places365, DTD and EuroSAT."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from ray_jobs.datasets.base import Dataset, Table, Wanted
from ray_jobs.datasets.coop import CoopSplit, need_coop
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.names import scene
from ray_jobs.datasets.rows import chosen_names, make_table, named_classes, no_split

_SUN = CoopSplit("split_zhou_SUN397.json", ("SUN397",))
_DTD = CoopSplit("split_zhou_DescribableTextures.json", ("images",))
_EUROSAT = CoopSplit("split_zhou_EuroSAT.json", ("2750", "EuroSAT_RGB", "EuroSAT/2750"))

_LAND: Final = {
    "AnnualCrop": "Annual Crop Land",
    "Forest": "Forest",
    "HerbaceousVegetation": "Herbaceous Vegetation Land",
    "Highway": "Highway or Road",
    "Industrial": "Industrial Buildings",
    "Pasture": "Pasture Land",
    "PermanentCrop": "Permanent Crop Land",
    "Residential": "Residential Buildings",
    "River": "River",
    "SeaLake": "Sea or Lake",
}


def read_sun(root: Path, wanted: Wanted) -> Table:
    """SUN397: paths by letter, category and image; the first of its ten partitions."""
    folder = DatasetFolder.find(
        root, "SUN397", ("sun397", "SUN397"), ("SUN397", "ClassName.txt", _SUN.file)
    )
    chosen_names(folder, wanted.names, ("coop",))
    if _SUN.wanted(folder, wanted.protocol):
        return _SUN.read(folder, wanted)
    parts = {"train": "Training_01.txt", "test": "Testing_01.txt"}
    if wanted.split not in parts:
        raise no_split(folder, wanted.split, f"has train and test, unless {_SUN.file} is there")
    base = "SUN397/" if folder.has("SUN397") else ""
    places = ("", "SUN397/", "Partitions/")
    kinds = folder.lines(*(f"{place}ClassName.txt" for place in places))
    classes = named_classes({kind.strip("/"): scene(kind) for kind in kinds})
    listed = folder.one_of(*(f"{place}{parts[wanted.split]}" for place in places))
    rows = []
    for line in folder.lines(listed):
        path = PurePosixPath(line.replace("\\", "/").lstrip("/"))
        if str(path.parent) not in classes:
            raise folder.wrong(listed, f"names a scene that ClassName.txt lacks: {line!r}")
        rows.append((f"{base}{path}", [classes[str(path.parent)].id]))
    return make_table(folder, rows, list(classes.values()))


def read_places(root: Path, wanted: Wanted) -> Table:
    """Places365: the validation images in one folder, and a list with their numbers."""
    folder = DatasetFolder.find(
        root, "Places365", ("places365", "Places365", "places365_standard"),
        ("categories_places365.txt", "places365_val.txt", "val_256", "val_large"),
    )  # fmt: skip
    chosen_names(folder, wanted.names, ("official",))
    if wanted.split not in ("val", "test"):
        raise no_split(folder, wanted.split, "has val, which the papers test on")
    homes = ("", "filelist_places365-standard/")
    listed = folder.one_of(*(f"{home}categories_places365.txt" for home in homes))
    names: dict[str, str] = {}
    keys: dict[int, str] = {}
    for line in folder.lines(listed):
        kind, _, number = line.rpartition(" ")
        if not number.isdigit() or not kind:
            raise folder.wrong(listed, f"has a line that is not CATEGORY NUMBER: {line!r}")
        keys[int(number)] = kind
    for at in sorted(keys):
        names[keys[at]] = scene(keys[at]).replace("_", " ")
    classes = named_classes(names)
    images = folder.one_of("val_256", "val_large", "val", what="the folder of the images")
    listed = folder.one_of(*(f"{home}places365_val.txt" for home in homes))
    rows = []
    for line in folder.lines(listed):
        image, _, number = line.rpartition(" ")
        if not number.isdigit() or int(number) not in keys:
            raise folder.wrong(listed, f"has a line that is not IMAGE NUMBER: {line!r}")
        rows.append((f"{images}/{image.strip()}", [classes[keys[int(number)]].id]))
    return make_table(folder, rows, list(classes.values()))


def read_dtd(root: Path, wanted: Wanted) -> Table:
    """Describable Textures: the first of its ten partitions."""
    folder = DatasetFolder.find(
        root, "Describable Textures (DTD)", ("dtd", "DTD", "DescribableTextures", "dtd/dtd"),
        ("labels", _DTD.file),
    )  # fmt: skip
    chosen_names(folder, wanted.names, ("coop",))
    if _DTD.wanted(folder, wanted.protocol):
        return _DTD.read(folder, wanted)
    if wanted.split not in ("train", "val", "test"):
        raise no_split(folder, wanted.split, "has train, val and test")
    paths = folder.lines(f"labels/{wanted.split}1.txt")
    kinds = {path.partition("/")[0] for path in paths}
    if folder.has("images"):
        kinds |= set(folder.folders("images"))
    classes = named_classes({kind: kind for kind in sorted(kinds)})
    rows = [(f"images/{path}", [classes[path.partition("/")[0]].id]) for path in paths]
    return make_table(folder, rows, list(classes.values()))


def read_eurosat(root: Path, wanted: Wanted) -> Table:
    """EuroSAT in colour: a folder a class, no split but CoOp's."""
    folder = DatasetFolder.find(
        root, "EuroSAT", ("eurosat", "EuroSAT", "EuroSAT_RGB"), (*_EUROSAT.images, _EUROSAT.file)
    )
    own = chosen_names(folder, wanted.names, ("coop", "folder")) == "folder"
    if wanted.split != "all":
        if not _EUROSAT.wanted(folder, wanted.protocol):
            raise need_coop(folder, _EUROSAT, wanted)
        return _EUROSAT.read(
            folder, wanted, lambda name, path: PurePosixPath(path).parent.name if own else name
        )
    base = folder.one_of(*_EUROSAT.images, what="the folder of the images")
    kinds = folder.folders(base)
    classes = named_classes({kind: kind if own else _LAND.get(kind, kind) for kind in kinds})
    rows = [(path, [classes[k].id]) for k in kinds for path in folder.pictures(f"{base}/{k}")]
    return make_table(folder, rows, list(classes.values()))


DATASETS = (
    Dataset(
        name="sun397",
        title="SUN397",
        layout="SUN397/a/abbey/sun_x.jpg, ClassName.txt, Training_01.txt, Testing_01.txt; with "
        f"CoOp's splits {_SUN.file}",
        licence="for research; images belong to those who took them",
        published="https://vision.princeton.edu/projects/2010/SUN/",
        read=read_sun,
        class_count=397,
        golden={
            "coop": {"train": 15880, "val": 3970, "test": 19850},
            "official": {"train": 19850, "test": 19850},
        },
        halves={"base": 9950, "novel": 9900},
        base_novel=True,
        names=("coop",),
        recognise="What kind of place or scene is this a photo of? Answer in one sentence that "
        "names the scene, not the things in it.",
        aliases=("sun",),
    ),
    Dataset(
        name="dtd",
        title="Describable Textures (DTD)",
        layout="images/banded/banded_0002.jpg, labels/{train,val,test}1.txt; with CoOp's splits "
        f"{_DTD.file}",
        licence="for research",
        published="https://www.robots.ox.ac.uk/~vgg/data/dtd/",
        read=read_dtd,
        class_count=47,
        golden={
            "coop": {"train": 2820, "val": 1128, "test": 1692},
            "official": {"train": 1880, "val": 1880, "test": 1880},
        },
        halves={"base": 864, "novel": 828},
        base_novel=True,
        names=("coop",),
        template="{} texture.",
        recognise="Which adjective describes the texture or pattern in this image best? Say in one "
        "sentence what its surface looks like, beginning with that word.",
        aliases=("textures", "describable_textures"),
    ),
    Dataset(
        name="eurosat",
        title="EuroSAT",
        layout="2750/AnnualCrop/AnnualCrop_1.jpg (also EuroSAT_RGB/), and CoOp's splits "
        f"{_EUROSAT.file}; without it, --split all",
        licence="MIT; the images are Copernicus Sentinel data",
        published="https://zenodo.org/records/7711810",
        read=read_eurosat,
        class_count=10,
        splits=("train", "val", "test", "all"),
        golden={"coop": {"train": 13500, "val": 5400, "test": 8100}, "official": {"all": 27000}},
        halves={"base": 4200, "novel": 3900},
        base_novel=True,
        names=("coop", "folder"),
        template="a centered satellite photo of {}.",
        recognise="This is a small, blurred satellite image seen from above. Which kind of land or "
        "land use does it show? Answer in one sentence.",
    ),
    Dataset(
        name="places365",
        title="Places365",
        layout="categories_places365.txt, places365_val.txt, val_256/Places365_val_00000001.jpg "
        "(or val_large/)",
        licence="for research and teaching, no commercial use; images belong to those who took "
        "them",
        published="http://places2.csail.mit.edu/download.html",
        read=read_places,
        class_count=365,
        splits=("val", "test"),
        golden={"official": {"val": 36500, "test": 36500}},
        aliases=("places",),
    ),
)
