"""Archives of the second edition: laid out as those of the first, the same bytes by seed."""

import csv
from pathlib import Path

import pytest

from fieldguide.archive import draw_archive
from fieldguide.second.birds import NAMES, SPECIES


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_equal_arguments_write_equal_bytes(tmp_path: Path) -> None:
    draw_archive(tmp_path / "a", 12, 7, edition="2")
    draw_archive(tmp_path / "b", 12, 7, edition="2")
    draw_archive(tmp_path / "c", 12, 8, edition="2")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")
    rows = list(csv.DictReader((tmp_path / "a" / "truth.csv").open(encoding="utf-8")))
    assert len(rows) == 12
    assert {row["label"] for row in rows} <= set(NAMES)
    assert all((tmp_path / "a" / "images" / row["path"]).exists() for row in rows)
    assert (tmp_path / "a" / "classes.txt").read_text("utf-8").splitlines() == list(NAMES)


def test_names_come_with_their_folk_and_latin_names(tmp_path: Path) -> None:
    some = [name for name in NAMES if name.endswith("plifur")]
    draw_archive(tmp_path, 9, 1, species=some, edition="2")
    rows = list(csv.DictReader((tmp_path / "names.csv").open(encoding="utf-8")))
    assert [row["name"] for row in rows] == some
    assert all(SPECIES[row["name"]].folk == row["folk"] for row in rows)
    truth = csv.DictReader((tmp_path / "truth.csv").open(encoding="utf-8"))
    assert {row["label"] for row in truth} <= set(some)


def test_scenes_and_wrong_use(tmp_path: Path) -> None:
    draw_archive(tmp_path / "scenes", 5, 1, kind="scenes", edition="2")
    assert "|" in (tmp_path / "scenes" / "truth.csv").read_text("utf-8")
    for count, kind, species, words in (
        (0, "birds", None, "at least 1"),
        (1, "cars", None, "known kinds"),
        (1, "scenes", ["lavil grequul"], "birds only"),
        (1, "birds", ["a gull"], "unknown species"),
    ):
        with pytest.raises(ValueError, match=words):
            draw_archive(tmp_path / "x", count, 1, kind, species, edition="2")
