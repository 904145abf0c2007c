"""AutoSEP's eight tasks: three look-alike classes each, of CUB, iNaturalist, Dogs and VegFru."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from methods.errors import InputError
from ray_jobs.datasets.base import Dataset, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.names import folder_dog
from ray_jobs.datasets.readers import birds_dogs, plants_animals
from ray_jobs.datasets.rows import chosen_names, make_table, named_classes, no_split

_INSECT = "Animalia_Arthropoda_Insecta_Lepidoptera_Nymphalidae"
_PLANT = "Plantae_Tracheophyta_Magnoliopsida_Fabales_Fabaceae"
_PUBLISHED = {
    "cub200": "CUB",
    "inaturalist2021": "iNat",
    "stanford_dogs": "Stanford",
    "vegfru": "vegfru",
}
"""How the published code's names of tasks begin."""

_DOG_HOMES = ("Stanford_dogs", "stanford_dogs", "StanfordDogs")


@dataclass(frozen=True)
class AutosepTask:
    """One task.

    Attributes:
        name: the word for it.
        thing: what all its images show.
        look_at: what tells its classes apart is looked for in.
        classes: folder of each class to its name.
        parent: the data set's row.
        find: reads it, from the folders' names.
        golden: images by split.
    """

    name: str
    thing: str
    look_at: str
    classes: Mapping[str, str]
    parent: Dataset
    find: Callable[[AutosepTask, Path, Wanted], Table]
    golden: Mapping[str, int]

    def read(self, root: Path, wanted: Wanted) -> Table:
        """Read one split."""
        return self.find(self, root, wanted)

    def prompts(self) -> dict[str, str]:
        """The prompt that descriptions begin with, and the two questions for the class."""
        question = f"Which kind of {self.thing} does this image show?\n{{classes}}\n"
        return {
            "describe.txt": f"Describe the {self.thing} in this image so that it can be told from "
            f"others much like it. Look closely at {self.look_at}. Leave the background out, and "
            "do not name the kind.",
            "classify.txt": f"{question}# Features of the {self.thing}\n{{description}}\n"
            "Answer with the letter of one kind. The answer is:",
            "vanilla.txt": f"{question}Answer with the letter of one kind. The answer is:",
        }

    def row(self) -> Dataset:
        """Its row of the registry."""
        return Dataset(
            name=self.name,
            title=f"AutoSEP's {self.name}, of {self.parent.title}",
            layout=f"as {self.parent.name}: {', '.join(self.classes)}",
            licence=self.parent.licence,
            published=self.parent.published,
            read=self.read,
            class_count=len(self.classes),
            splits=("train", "test"),
            golden={"official": self.golden} if self.golden else {},
            names=("autosep",),
            texts=self.prompts(),
            aliases=(f"autosep_{self.name}", f"{_PUBLISHED[self.parent.name]}_{self.name}"),
            sub_set_of=self.parent.name,
        )


def _of_birds(task: AutosepTask, root: Path, wanted: Wanted) -> Table:
    """The official split; AutoSEP takes a random fifth of the training images away, unseeded."""
    _only_autosep(task, wanted)
    table = birds_dogs.read_birds(root, replace(wanted, names="folder"))
    return _named(task, root, table, {name: name for name in task.classes.values()})


def _named(task: AutosepTask, root: Path, table: Table, names: Mapping[str, str]) -> Table:
    """The classes of a task, by their ids in the whole data set."""
    if lacking := set(names) - {each.id for each in table.classes}:
        raise InputError(f"--root {root}: {min(lacking)} of {task.name} is in no list")
    return table.renamed(names)


def _of_inaturalist(task: AutosepTask, root: Path, wanted: Wanted) -> Table:
    """Folders of ``train`` or ``train_mini``, and of ``val`` to test on."""
    folder = DatasetFolder.find(
        root, plants_animals.INATURALIST, plants_animals.INATURALIST_HOMES,
        ("val", "train_mini", "train"),
    )  # fmt: skip
    splits = {"test": ("val",), "train": ("train", "train_mini")}
    return _of_folders(task, folder, wanted, splits[_split(folder, wanted)])


def _of_dogs(task: AutosepTask, root: Path, wanted: Wanted) -> Table:
    """AutoSEP's folders by split, or else the official images and lists."""
    folder = DatasetFolder.find(
        root, birds_dogs.DOGS, _DOG_HOMES, ("images/test", "images/train", "Images", "images")
    )
    split = _split(folder, wanted)
    if folder.has(f"images/{split}"):
        return _of_folders(task, folder, wanted, (f"images/{split}",))
    _only_autosep(task, wanted)
    table = birds_dogs.read_dogs(root, replace(wanted, names="folder"))
    spoken = {folder_dog(kind): name for kind, name in task.classes.items()}
    return _named(task, root, table, spoken)


def _of_vegfru(task: AutosepTask, root: Path, wanted: Wanted) -> Table:
    """The first half of each folder to train on, in byte order; AutoSEP takes the disk's order."""
    folder = DatasetFolder.find(
        root, plants_animals.VEGFRU, plants_animals.VEGFRU_HOMES, ("veg200_images",)
    )
    split = _split(folder, wanted)

    def half(paths: list[str]) -> list[str]:
        middle = len(paths) // 2
        return paths[:middle] if split == "train" else paths[middle:]

    return _of_folders(task, folder, wanted, ("veg200_images",), half)


def _of_folders(
    task: AutosepTask,
    folder: DatasetFolder,
    wanted: Wanted,
    bases: tuple[str, ...],
    some: Callable[[list[str]], list[str]] = list,
) -> Table:
    _only_autosep(task, wanted)
    base = folder.one_of(*bases, what="the folder of the images")
    classes = named_classes(task.classes)
    rows = []
    for kind in task.classes:
        folder.one_of(f"{base}/{kind}", what=f"a class of {task.name}")
        rows += [(path, [classes[kind].id]) for path in some(folder.pictures(f"{base}/{kind}"))]
    return make_table(folder, rows, list(classes.values()))


def _only_autosep(task: AutosepTask, wanted: Wanted) -> None:
    chosen_names(DatasetFolder(Path(), f"AutoSEP's {task.name}"), wanted.names, ("autosep",))


def _split(folder: DatasetFolder, wanted: Wanted) -> str:
    if wanted.split not in ("train", "test"):
        raise no_split(folder, wanted.split, "as AutoSEP has it has train and test")
    return wanted.split


_ROWS = {
    row.name: row for row in (*birds_dogs.DATASETS, *plants_animals.DATASETS)
}  # fmt: skip
_BIRD = "bill, crown, eye ring, throat, wings, belly and tail"

TASKS = (
    AutosepTask(
        "cuckoo", "cuckoo", _BIRD,
        {
            "031.Black_billed_Cuckoo": "Black billed Cuckoo",
            "032.Mangrove_Cuckoo": "Mangrove Cuckoo",
            "033.Yellow_billed_Cuckoo": "Yellow billed Cuckoo",
        },
        _ROWS["cub200"], _of_birds, {"train": 90, "test": 82},
    ),
    AutosepTask(
        "oriole", "oriole", _BIRD,
        {
            "096.Hooded_Oriole": "Hooded Oriole",
            "097.Orchard_Oriole": "Orchard Oriole",
            "098.Scott_Oriole": "Scott Oriole",
        },
        _ROWS["cub200"], _of_birds, {"train": 90, "test": 89},
    ),
    AutosepTask(
        "vireo", "vireo", _BIRD,
        {
            "153.Philadelphia_Vireo": "Philadelphia Vireo",
            "154.Red_eyed_Vireo": "Red eyed Vireo",
            "155.Warbling_Vireo": "Warbling Vireo",
        },
        _ROWS["cub200"], _of_birds, {"train": 90, "test": 89},
    ),
    AutosepTask(
        "lupine", "lupine",
        "the flower spikes, the colour of the petals, the leaflets, their hairs and the stem",
        {
            f"07999_{_PLANT}_Lupinus_arcticus": "Arctic Lupine (Lupinus arcticus)",
            f"08000_{_PLANT}_Lupinus_argenteus": "Silvery Lupine (Lupinus argenteus)",
            f"08001_{_PLANT}_Lupinus_arizonicus": "Arizona Lupine (Lupinus arizonicus)",
        },
        _ROWS["inaturalist2021"], _of_inaturalist, {"test": 30},
    ),
    AutosepTask(
        "butterfly", "butterfly",
        "the pattern, colours, bands and margins of the wings above and below, and the antennae",
        {
            f"01976_{_INSECT}_Symbrenthia_lilaea": "Symbrenthia lilaea",
            f"01978_{_INSECT}_Tegosa_claudina": "Claudina Crescent",
            f"01979_{_INSECT}_Texola_elada": "Elada Checkerspot",
        },
        _ROWS["inaturalist2021"], _of_inaturalist, {"test": 30},
    ),
    AutosepTask(
        "terrier", "terrier", "coat, colours, ears, muzzle, build, legs and tail",
        {
            "n02095570-Lakeland_terrier": "Lakeland Terrier",
            "n02094258-Norwich_terrier": "Norwich Terrier",
            "n02096177-cairn": "Cairn Terrier",
        },
        _ROWS["stanford_dogs"], _of_dogs, {},
    ),
    AutosepTask(
        "greens", "leafy vegetable or herb",
        "the shape, edge, veins and arrangement of the leaves, the stem, flowers and seeds",
        {
            "dandelion": "Dandelion",
            "shepherd's_purse": "Shepherd's purse",
            "prickly_lettuce": "Prickly lettuce",
        },
        _ROWS["vegfru"], _of_vegfru, {},
    ),
    AutosepTask(
        "allium", "onion or leek",
        "the bulb, the white part, the width, shape and colour of the leaves, and how they part",
        {
            "leek": "Leek",
            "green_Chinese_onion": "Green Chinese onion",
            "bunching_onion": "Bunching onion",
        },
        _ROWS["vegfru"], _of_vegfru, {},
    ),
)  # fmt: skip

DATASETS = tuple(task.row() for task in TASKS)
