"""AutoSEP's tasks: three classes each, of the owners' layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from methods.autosep.prompts import OPTIONAL, PLACEHOLDERS
from methods.prompt import parse_prompt
from ray_jobs.datasets.base import Wanted
from ray_jobs.datasets.readers.autosep_tasks import TASKS
from ray_jobs.datasets.registry import DATASETS, find_dataset
from tests.helpers import dataset_folders as layouts

CUCKOOS = ["Black billed Cuckoo", "Mangrove Cuckoo", "Yellow billed Cuckoo"]


@pytest.mark.parametrize(
    ("name", "make", "classes"),
    [
        ("cuckoo", layouts.birds, CUCKOOS),
        ("terrier", layouts.dogs, ["Lakeland Terrier", "Norwich Terrier", "Cairn Terrier"]),
        ("butterfly", layouts.inaturalist,
         ["Symbrenthia lilaea", "Claudina Crescent", "Elada Checkerspot"]),
        ("lupine", layouts.inaturalist,
         ["Arctic Lupine (Lupinus arcticus)", "Silvery Lupine (Lupinus argenteus)",
          "Arizona Lupine (Lupinus arizonicus)"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("split", ["train", "test"])
def test_one_image_a_class(
    name: str, make: Callable[[Path], None], classes: list[str], split: str, tmp_path: Path
) -> None:
    make(tmp_path)
    table = DATASETS[name].read(tmp_path, Wanted(split))
    assert [each.name for each in table.classes] == classes
    assert sorted(table.labels) == sorted((each,) for each in classes)


def test_autoseps_own_folders_of_dogs(tmp_path: Path) -> None:
    root = tmp_path / "Stanford_dogs"
    kinds = ["n02095570-Lakeland_terrier", "n02094258-Norwich_terrier", "n02096177-cairn"]
    for split in ("train", "test"):
        layouts.put_all(root, [f"images/{split}/{kind}/{split}.jpg" for kind in kinds])
    table = DATASETS["terrier"].read(tmp_path, Wanted("test"))
    assert table.images[0] == "images/test/n02095570-Lakeland_terrier/test.jpg"
    assert table.labels[2] == ("Cairn Terrier",)


def test_halves_of_vegfrus_folders_do_not_overlap(tmp_path: Path) -> None:
    layouts.vegfru(tmp_path / "vegfru")
    for name in ("greens", "allium"):
        train, test = (DATASETS[name].read(tmp_path, Wanted(each)) for each in ("train", "test"))
        assert (len(train.images), len(test.images)) == (6, 9)
        assert not set(train.images) & set(test.images)
    greens = DATASETS["greens"].read(tmp_path, Wanted("test"))
    assert "veg200_images/shepherd's_purse/v_01_0005.jpg" in greens.images


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_prompts_fit_the_method(task: object) -> None:
    row = DATASETS[task.name]  # type: ignore[attr-defined]
    assert set(row.texts) == {"describe.txt", "classify.txt", "vanilla.txt"}
    for file, text in row.texts.items():
        name = file.removesuffix(".txt")
        parse_prompt(text, file, PLACEHOLDERS[name], OPTIONAL[name])
    assert find_dataset(f"autosep-{row.name}") is row
