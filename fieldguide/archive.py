"""Write an archive as a user would have one: image files of mixed kinds and sizes, and the truth.

OUT/images/ holds JPEG and PNG files in a few subfolders, under names that say nothing; OUT/
classes.txt holds one class name a line; OUT/truth.csv holds `path,label`, the path relative to
OUT/images and several labels joined by `|`. The same arguments write the same bytes.

Of the second edition, species and things are as frequent as its world makes them: a rare one may be
missing from a small archive, while classes.txt holds them all, drawn or not. OUT/names.csv then
holds `name,folk,latin` of the species, for whoever evaluates answers in other names.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import numpy as np
import xxhash
from PIL import Image

from fieldguide.editions import DrawnWorld, Edition, Kind, drawn_world
from fieldguide.keys import generator

SHORTEST: Final = 96
LONGEST: Final = 400
_PNG_SHARE: Final = 0.3
FOLDERS: Final = ("2019", "2020", "2021", "unsorted/a", "unsorted/b")


def draw_archive(
    out: Path,
    count: int,
    seed: int,
    kind: Kind = "birds",
    species: list[str] | None = None,
    edition: Edition = "1",
) -> None:
    """Draw `count` images with their truth into `out`, which is made when it does not exist.

    Args:
        out: Folder to write `images/`, `classes.txt` and `truth.csv` into.
        count: How many images, at least 1.
        seed: Any integer; no seed gives an image a model of the field guide was trained on.
        kind: `birds` (one species in each image) or `scenes` (one to five categories in each).
        species: For birds, the species to draw, equally often, or in the second edition by their
            frequencies; all when None.
        edition: Of the drawn world.

    Raises:
        ValueError: The count, the kind or a species is not one that can be drawn.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; known kinds: {', '.join(get_args(Kind))}")
    if kind == "scenes" and species is not None:
        raise ValueError("species can be chosen for birds only, not for scenes")
    world = drawn_world(edition)
    names = list(world.species) if species is None else world.check_species(species)
    for folder in FOLDERS:
        (out / "images" / folder).mkdir(parents=True, exist_ok=True)
    rows = [_draw_file(out / "images", world, seed, kind, names, index) for index in range(count)]
    _write_truth(out, names if kind == "birds" else list(world.categories), rows)
    if kind == "birds" and world.other_names:
        others = [(name, *world.other_names[name]) for name in names]
        _write_table(out / "names.csv", ("name", "folk", "latin"), others)


def _write_truth(out: Path, classes: list[str], rows: list[tuple[str, str]]) -> None:
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    _write_table(out / "truth.csv", ("path", "label"), sorted(rows))


def _write_table(path: Path, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)


def picture_size(rng: np.random.Generator) -> tuple[int, int]:
    """A width and height between SHORTEST and LONGEST, from 3:4 to 4:3, small ones more often."""
    short = SHORTEST + (0.75 * LONGEST - SHORTEST) * rng.random() ** 2
    long = short * (1 + rng.random() / 3)
    width, height = (long, short) if rng.random() < 0.5 else (short, long)
    return round(width), round(height)


def _draw_file(
    folder: Path, world: DrawnWorld, seed: int, kind: Kind, species: list[str], index: int
) -> tuple[str, str]:
    """Draw and save one image; returns its row of the truth."""
    rng = generator("archive", seed, f"{world.key}{kind} file", index)
    size = picture_size(rng)
    if kind == "birds":
        picture, labels = world.bird(seed, index, species, *size)
    else:
        picture, labels = world.scene(seed, index, *size)
    name = xxhash.xxh3_64_hexdigest(f"{world.stem}{seed}|{kind}|{index}".encode())[:12]
    return _save_picture(picture, folder, name, rng), labels


def _save_picture(picture: Image.Image, folder: Path, name: str, rng: np.random.Generator) -> str:
    """Save a picture in one of FOLDERS under `folder`, as JPEG or PNG; returns its path there."""
    path = f"{FOLDERS[rng.integers(len(FOLDERS))]}/{name}"
    if rng.random() < _PNG_SHARE:
        path += ".png"
        picture.save(folder / path, compress_level=1)
    else:
        path += ".jpg"
        picture.save(folder / path, quality=int(rng.integers(75, 96)))
    return path
