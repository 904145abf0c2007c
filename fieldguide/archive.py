"""Write an archive as a user would have one: image files of mixed kinds and sizes, and the truth.

OUT/images/ holds JPEG and PNG files in a few subfolders, under names that say nothing; OUT/
classes.txt holds one class name a line; OUT/truth.csv holds `path,label`, the path relative to
OUT/images and several labels joined by `|`. The same arguments write the same bytes.
"""

import csv
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import xxhash
from PIL import Image

from fieldguide.bird_images import bird_view, render_bird
from fieldguide.keys import generator
from fieldguide.scene_drawing import render_scene
from fieldguide.scenes import CATEGORIES, scene
from fieldguide.world import NAMES, check_species

Kind = Literal["birds", "scenes"]
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
) -> None:
    """Draw `count` images with their truth into `out`, which is made when it does not exist.

    Args:
        out: Folder to write `images/`, `classes.txt` and `truth.csv` into.
        count: How many images, at least 1.
        seed: Any integer; no seed gives an image a model of the field guide was trained on.
        kind: `birds` (one species in each image) or `scenes` (one to five categories in each).
        species: For birds, the species to draw, equally often; all when None.

    Raises:
        ValueError: The count, the kind or a species is not one that can be drawn.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; known kinds: {', '.join(get_args(Kind))}")
    if kind == "scenes" and species is not None:
        raise ValueError("species can be chosen for birds only, not for scenes")
    names = list(NAMES) if species is None else check_species(species)
    make_folders(out)
    rows = [_draw_file(out / "images", seed, kind, names, index) for index in range(count)]
    write_truth(out, names if kind == "birds" else list(CATEGORIES), rows)


def make_folders(out: Path) -> None:
    """Make the folders that pictures go into."""
    for folder in FOLDERS:
        (out / "images" / folder).mkdir(parents=True, exist_ok=True)


def write_truth(out: Path, classes: list[str], rows: list[tuple[str, str]]) -> None:
    """Write the class names and the rows of the truth, by path."""
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    with (out / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label"))
        writer.writerows(sorted(rows))


def picture_size(rng: np.random.Generator) -> tuple[int, int]:
    """A width and height between SHORTEST and LONGEST, from 3:4 to 4:3, small ones more often."""
    short = SHORTEST + (0.75 * LONGEST - SHORTEST) * rng.random() ** 2
    long = short * (1 + rng.random() / 3)
    width, height = (long, short) if rng.random() < 0.5 else (short, long)
    return round(width), round(height)


def _draw_file(
    folder: Path, seed: int, kind: Kind, species: list[str], index: int
) -> tuple[str, str]:
    """Draw and save one image; returns its row of the truth."""
    rng = generator("archive", seed, f"{kind} file", index)
    size = picture_size(rng)
    if kind == "birds":
        view = bird_view("archive", seed, index, species=species)
        picture, label = render_bird(view, *size), view.name
    else:
        sight = scene("archive", seed, index)
        picture, label = render_scene(sight, *size), "|".join(sight.categories)
    name = xxhash.xxh3_64_hexdigest(f"{seed}|{kind}|{index}".encode())[:12]
    return save_picture(picture, folder, name, rng), label


def save_picture(picture: Image.Image, folder: Path, name: str, rng: np.random.Generator) -> str:
    """Save a picture in one of FOLDERS under `folder`, as JPEG or PNG; returns its path there."""
    path = f"{FOLDERS[rng.integers(len(FOLDERS))]}/{name}"
    if rng.random() < _PNG_SHARE:
        path += ".png"
        picture.save(folder / path, compress_level=1)
    else:
        path += ".jpg"
        picture.save(folder / path, quality=int(rng.integers(75, 96)))
    return path
