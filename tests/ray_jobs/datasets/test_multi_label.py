"""COCO, VOC and NUS-WIDE: what counts as there is what the papers count."""

from __future__ import annotations

from pathlib import Path

import pytest

from ray_jobs.datasets.base import Wanted
from ray_jobs.datasets.registry import DATASETS
from tests.helpers import dataset_folders as layouts


def test_coco_tests_on_crowds_and_on_images_without_a_box(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    table = DATASETS["coco2014"].read(tmp_path, Wanted())
    assert table.labels == (("person", "toothbrush"), ("person", "motorcycle"), ())
    assert table.images[0] == "val2014/COCO_val2014_000000000042.jpg"
    assert [each.id for each in table.classes] == ["person", "motorcycle", "toothbrush"]
    assert table.classes[1].name == "motor bike"
    assert "motorcycle" in table.classes[1].others


def test_coco_trains_without_crowds_and_boxes_under_a_pixel(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    table = DATASETS["coco2014"].read(tmp_path, Wanted("train"))
    assert table.labels == (("toothbrush",), ("motorcycle",), ())


def test_cocos_own_names(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    table = DATASETS["coco2014"].read(tmp_path, Wanted(names="official"))
    assert table.classes[1].name == "motorcycle"


@pytest.mark.parametrize("lists", [True, False], ids=["lists", "annotations"])
def test_difficult_ones_of_voc_are_not_there(lists: bool, tmp_path: Path) -> None:
    layouts.voc(tmp_path, lists=lists)
    for root in (tmp_path, tmp_path / "VOCdevkit", tmp_path / "VOCdevkit" / "VOC2007"):
        table = DATASETS["voc2007"].read(root, Wanted())
        assert table.labels == (("dog", "person"), (), ("car",))
    assert [each.name for each in table.classes] == layouts.VOC
    assert "dining table" in next(e.others for e in table.classes if e.id == "diningtable")


@pytest.mark.parametrize("official", [True, False], ids=["official", "taken apart"])
def test_nus_wide_with_its_backslashes(official: bool, tmp_path: Path) -> None:
    layouts.nus(tmp_path, official=official)
    table = DATASETS["nus_wide"].read(tmp_path, Wanted())
    assert table.images == (
        "Flickr/actor/0001_2124494179.jpg",
        "Flickr/zebra/0002_1.jpg",
        "Flickr/zebra/0003_2.jpg",
    )
    assert table.labels == (("airport", "person"), ("zebra",), ())


def test_lists_of_nus_wide_that_do_not_fit_each_other(tmp_path: Path) -> None:
    layouts.nus(tmp_path)
    layouts.put(tmp_path, "TrainTestLabels/Labels_person_Test.txt", "1\n0\n")
    with pytest.raises(ValueError, match=r"Labels_person_Test\.txt has 2 lines, and .* 3 images"):
        DATASETS["nus_wide"].read(tmp_path, Wanted())
