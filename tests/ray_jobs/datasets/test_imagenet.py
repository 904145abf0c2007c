"""ImageNet and its relatives: ids, since two names are twice."""

from __future__ import annotations

from pathlib import Path

from ray_jobs.datasets.base import Wanted
from ray_jobs.datasets.registry import DATASETS
from tests.helpers import dataset_folders as layouts

WNIDS = [line.split()[0] for line in layouts.IMAGENET_NAMES]


def test_two_classes_of_one_name_are_two_classes(tmp_path: Path) -> None:
    layouts.imagenet(tmp_path)
    table = DATASETS["imagenet"].read(tmp_path, Wanted())
    assert [each.id for each in table.classes] == WNIDS
    assert [each.name for each in table.classes] == ["tench", "missile", "missile", "sunglasses"]
    assert table.labels == tuple((wnid,) for wnid in WNIDS for _ in range(2))


def test_a_flat_folder_with_the_development_kit(tmp_path: Path) -> None:
    layouts.flat_imagenet(tmp_path)
    table = DATASETS["imagenet"].read(tmp_path, Wanted("val"))
    assert table.labels == (("n01440764",), ("n03773504",), ("n01440764",))
    assert table.images[0] == "val/ILSVRC2012_val_00000001.JPEG"
    tench = table.classes[0]
    assert (tench.id, tench.name, tench.others) == ("n01440764", "tench", ("Tinca tinca",))
    assert len(table.classes) == 2, "what is above the leaves is no class"


def test_a_flat_folder_with_kaggles_lists(tmp_path: Path) -> None:
    layouts.put_all(tmp_path, [f"ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_0000000{n}.JPEG"
                               for n in (1, 2)])  # fmt: skip
    rows = ["ImageId,PredictionString", "ILSVRC2012_val_00000001,n03773504 1 2 3 4 n03773504 1 1 2",
            "ILSVRC2012_val_00000002,n01440764 1 2 3 4"]  # fmt: skip
    layouts.put_lines(tmp_path, "LOC_val_solution.csv", rows)
    names = ["n01440764 tench, Tinca tinca", "n03773504 missile"]
    layouts.put_lines(tmp_path, "LOC_synset_mapping.txt", names)
    table = DATASETS["imagenet"].read(tmp_path, Wanted("val"))
    assert table.labels == (("n03773504",), ("n01440764",))


def test_a_thousand_folders_without_a_file_of_names(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / "val" / f"n{number:08d}").mkdir(parents=True)
    layouts.put(tmp_path, "val/n00000657/a.JPEG")
    table = DATASETS["imagenet"].read(tmp_path, Wanted("val"))
    assert (table.classes[657].name, table.classes[744].name) == ("missile", "missile")


def test_numbers_of_v2_count_the_names(tmp_path: Path) -> None:
    data = "imagenetv2-matched-frequency-format-val"
    layouts.put_all(tmp_path, [f"{data}/{n}/a.jpeg" for n in (0, 2, 3)])
    layouts.put_lines(tmp_path, "classnames.txt", layouts.IMAGENET_NAMES)
    table = DATASETS["imagenetv2"].read(tmp_path, Wanted())
    assert table.labels == tuple((WNIDS[n],) for n in (0, 2, 3))
    assert len(table.classes) == 4


def test_variants_have_the_classes_that_have_a_folder(tmp_path: Path) -> None:
    for name, folder in (
        ("imagenet_a", "imagenet-a"),
        ("imagenet_r", "imagenet-r"),
        ("imagenet_sketch", "images"),
    ):
        root = tmp_path / name
        layouts.imagenet_variant(root, folder, [WNIDS[0], WNIDS[3]])
        table = DATASETS[name].read(root, Wanted())
        assert [each.id for each in table.classes] == [WNIDS[0], WNIDS[3]]
        assert table.images == (f"{folder}/{WNIDS[0]}/x_1.jpg", f"{folder}/{WNIDS[3]}/x_1.jpg")
