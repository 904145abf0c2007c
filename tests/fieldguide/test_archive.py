"""What `draw_archive` promises about files, classes and truth."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from fieldguide.archive import LONGEST, SHORTEST, draw_archive
from fieldguide.scenes import CATEGORIES
from fieldguide.world import NAMES, SPECIES


def _truth(folder: Path) -> dict[str, str]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "label"]
    return dict(rows[1:])


def _files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("birds")
    draw_archive(folder, 240, 7)
    return folder


@pytest.mark.slow
def test_truth_lists_exactly_the_images(birds: Path) -> None:
    images = {
        str(path.relative_to(birds / "images"))
        for path in (birds / "images").rglob("*")
        if path.is_file()
    }
    assert len(images) == 240
    assert set(_truth(birds)) == images


def test_classes_are_the_species_equally_often(birds: Path) -> None:
    assert (birds / "classes.txt").read_text(encoding="utf-8").splitlines() == list(NAMES)
    assert Counter(_truth(birds).values()) == dict.fromkeys(NAMES, 10)


def test_file_names_say_nothing(birds: Path) -> None:
    words = {word for name in NAMES for word in name.split()}
    words |= {value for kind in SPECIES.values() for value in (*kind.traits, kind.home)}
    for path in _truth(birds):
        assert not [word for word in words if word in path]


def test_kinds_and_sizes_are_mixed(birds: Path) -> None:
    kinds, sizes = Counter(), set()
    for path in _truth(birds):
        with Image.open(birds / "images" / path) as picture:
            assert picture.format is not None
            kinds[picture.format] += 1
            sizes.add(picture.size)
    assert set(kinds) == {"JPEG", "PNG"}
    assert min(kinds.values()) > 40
    assert len(sizes) > 100
    for width, height in sizes:
        assert SHORTEST <= min(width, height) <= max(width, height) <= LONGEST
        assert 0.74 < width / height < 1.35


def test_equal_seeds_write_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        draw_archive(tmp_path / name, 12, seed)
    assert _files(tmp_path / "one") == _files(tmp_path / "again")
    assert not set(_truth(tmp_path / "one")) & set(_truth(tmp_path / "other"))


def test_scenes_join_their_labels(tmp_path: Path) -> None:
    draw_archive(tmp_path, 40, 3, "scenes")
    assert (tmp_path / "classes.txt").read_text(encoding="utf-8").split() == list(CATEGORIES)
    labels = [label.split("|") for label in _truth(tmp_path).values()]
    assert {name for names in labels for name in names} <= set(CATEGORIES)
    assert max(len(names) for names in labels) > 2


def test_chosen_species(tmp_path: Path) -> None:
    draw_archive(tmp_path, 30, 3, species=[NAMES[4], NAMES[9]])
    assert Counter(_truth(tmp_path).values()) == {NAMES[4]: 15, NAMES[9]: 15}
    assert (tmp_path / "classes.txt").read_text(encoding="utf-8") == f"{NAMES[4]}\n{NAMES[9]}\n"


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        draw_archive(tmp_path, 0, 1)
    with pytest.raises(ValueError, match="birds, scenes"):
        draw_archive(tmp_path, 1, 1, "fish")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'dodo'"):
        draw_archive(tmp_path, 1, 1, species=["dodo"])
    with pytest.raises(ValueError, match="birds only"):
        draw_archive(tmp_path, 1, 1, "scenes", species=[NAMES[0]])
    assert not list(tmp_path.iterdir())
