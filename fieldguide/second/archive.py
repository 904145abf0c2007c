"""Write an archive of the second edition, laid out as one of the first: images, classes, truth.

Species and things are as frequent in it as the world makes them: a rare one may be missing from a
small archive. `classes.txt` holds every list name (or category), drawn or not; `names.csv` holds
`name,folk,latin` of the species, for whoever evaluates answers in other names.
"""

import csv
from pathlib import Path
from typing import get_args

import xxhash

from fieldguide.archive import Kind, make_folders, picture_size, save_picture, write_truth
from fieldguide.keys import generator
from fieldguide.second.bird_views import render_sighting, sighting
from fieldguide.second.birds import NAMES, SPECIES, check_species
from fieldguide.second.scene_drawing import render_sight
from fieldguide.second.scenes import CATEGORIES, sight


def draw_second_archive(
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
        species: For birds, the species to draw, by their frequencies; all when None.

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
    if kind == "birds":
        with (out / "names.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("name", "folk", "latin"))
            writer.writerows((SPECIES[n].name, SPECIES[n].folk, SPECIES[n].latin) for n in names)


def _draw_file(
    folder: Path, seed: int, kind: Kind, species: list[str], index: int
) -> tuple[str, str]:
    """Draw and save one image; returns its row of the truth."""
    rng = generator("archive", seed, f"second edition, {kind} file", index)
    size = picture_size(rng)
    if kind == "birds":
        view = sighting("archive", seed, index, species=species)
        picture, label = render_sighting(view, *size), view.name
    else:
        scene = sight("archive", seed, index)
        picture, label = render_sight(scene, *size), "|".join(scene.categories)
    name = xxhash.xxh3_64_hexdigest(f"2|{seed}|{kind}|{index}".encode())[:12]
    return save_picture(picture, folder, name, rng), label
