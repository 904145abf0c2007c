"""Halves of classes, and few images of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from methods.class_names import parse_classes
from methods.errors import InputError
from ray_jobs.datasets.base import DatasetClass, Table
from ray_jobs.datasets.selection import draw_images, half_of_classes
from ray_jobs.datasets.writing import class_file

NAMES = ["a", "b", "c", "d", "e"]


def table(root: Path, images: int = 60) -> Table:
    """Images of five classes, larger ones with smaller numbers."""
    paths = [f"{name}/{n:03d}.jpg" for n in range(images) for name in NAMES]
    for path in paths:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(b"x" * (1000 - int(path[2:5])))
    return Table(
        root=root,
        images=tuple(paths),
        labels=tuple((path[0],) for path in paths),
        classes=tuple(DatasetClass(name, name) for name in NAMES),
        missing={"a/gone.jpg": ("a",), "e/gone.jpg": ("e",)},
    )


def test_of_five_classes_three_are_base(tmp_path: Path) -> None:
    whole = table(tmp_path, 2)
    base, novel = half_of_classes(whole, "base"), half_of_classes(whole, "novel")
    assert [each.id for each in base.classes] == ["a", "b", "c"]
    assert [each.id for each in novel.classes] == ["d", "e"]
    assert set(base.images) | set(novel.images) == set(whole.images)
    assert list(novel.missing) == ["e/gone.jpg"]
    assert half_of_classes(whole, "all") is whole


def test_three_of_the_fifty_largest_of_each_class(tmp_path: Path) -> None:
    whole = table(tmp_path)
    drawn = draw_images(whole, 3, False, seed=1)
    assert Counter(labels[0] for labels in drawn.labels) == dict.fromkeys(NAMES, 3)
    many = {image for seed in range(60) for image in draw_images(whole, 3, False, seed).images}
    assert {int(image[2:5]) for image in many} == set(range(50))


def test_a_draw_depends_on_the_seed_alone(tmp_path: Path) -> None:
    whole = table(tmp_path)
    backwards = whole.take(range(len(whole.images))[::-1])
    drawn = draw_images(whole, 3, False, seed=1).images
    assert set(draw_images(backwards, 3, False, seed=1).images) == set(drawn)
    assert set(draw_images(whole, 3, False, seed=2).images) != set(drawn)


def test_a_long_tail_descends_from_ten_to_one(tmp_path: Path) -> None:
    names = [f"{n:03d}" for n in range(200)]
    images = [f"{name}/{n}.jpg" for name in names for n in range(12)]
    for image in images:
        (tmp_path / image).parent.mkdir(exist_ok=True)
        (tmp_path / image).write_bytes(b"")
    whole = Table(tmp_path, tuple(images), tuple((image[:3],) for image in images),
                  tuple(DatasetClass(name, name) for name in names))  # fmt: skip
    drawn = Counter(labels[0] for labels in draw_images(whole, None, True, seed=3).labels)
    counts = [drawn[name] for name in names]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (10, 1)
    # of Zipf's law with exponent 2: 6/pi^2 are alone, and 0.058 are ten or more
    assert 0.5 < counts.count(1) / 200 < 0.72
    assert max(Counter(draw_images(whole, 4, True, 3).labels).values()) == 4


def test_images_with_several_labels_are_not_drawn_by_class(tmp_path: Path) -> None:
    whole = table(tmp_path, 1)
    several = replace(whole, labels=(("a", "b"), *whole.labels[1:]))
    with pytest.raises(InputError, match="several labels"):
        draw_images(several, 1, False, seed=0)


def test_names_that_look_numbered_are_written_with_their_ids() -> None:
    for names in (["a", "b"], ["0 cats", "1 dog"], ["1) a", "2) b"]):
        text = class_file([DatasetClass(name, name) for name in names])
        assert list(parse_classes(text, "classes.txt").ids) == names
    assert class_file([DatasetClass("a", "a")]) == "a\n"
