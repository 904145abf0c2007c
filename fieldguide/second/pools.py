"""Pools of drawn pictures of the second edition that models train on and are measured on.

CLIP sees pictures of 72 pixels, the multimodal model of 96: both in a grid of 6 x 6 patches. A part
of them is drawn as files of an archive are: bigger, of any aspect ratio, mostly through JPEG, then
resized by the shorter side and cropped to the middle.
"""

import io
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from PIL import Image

from fieldguide.archive import picture_size
from fieldguide.keys import Domain, generator
from fieldguide.second.bird_views import VISIBILITIES, Sighting, render_sighting, sighting
from fieldguide.second.birds import ATTRIBUTES, HABITATS, NAMES
from fieldguide.second.scene_drawing import render_sight
from fieldguide.second.scenes import CATEGORIES, CONTEXTS, Sight, sight

PictureKind = Literal["independent", "species", "scenes"]
CLIP_SIZE: Final = 72
MLLM_SIZE: Final = 96
GRID: Final = 6
FILE_SHARE: Final = 0.35
_JPEG_SHARE: Final = 0.7
_CHUNK: Final = 2000


class Pictures(NamedTuple):
    """Pictures and what is on them, row by row; what does not apply is -1 or all False.

    pixels (N, size, size, 3) uint8; traits (N, 10), habitat, species and visibility (N,) int8
    positions in the tables of `birds` and `bird_views`; context (N,) int8 and categories (N, 40)
    bool those of `scenes`; occupancy (N, 36, 40) bool says which patches each category covers.
    """

    pixels: np.ndarray
    traits: np.ndarray
    habitat: np.ndarray
    species: np.ndarray
    visibility: np.ndarray
    context: np.ndarray
    categories: np.ndarray
    occupancy: np.ndarray


def draw_pictures(
    kind: PictureKind,
    domain: Domain,
    seed: int,
    indices: range,
    size: int,
    file_share: float = 1.0,
) -> Pictures:
    """Draw a pool in this process.

    Args:
        kind: Birds with independent attributes, birds of the species, or scenes.
        domain: Whom the pictures are for.
        seed: Any integer.
        indices: Numbers of the pictures.
        size: Side in pixels of what the model sees.
        file_share: Which part is treated as files of an archive.
    """
    rows = [_draw_row(kind, domain, seed, index, size, file_share) for index in indices]
    return Pictures(*(np.stack(column) for column in zip(*rows, strict=True)))


def open_pictures(folder: Path, kind: PictureKind, seed: int, count: int, size: int) -> Pictures:
    """The training pool of this kind, drawn into `folder` when not there yet."""
    stem = f"second-{kind}-{seed}-{count}-{size}"
    paths = [folder / f"{stem}-{field}.npy" for field in Pictures._fields]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        chunks = [
            draw_pictures(
                kind, "train", seed, range(start, min(start + _CHUNK, count)), size, FILE_SHARE
            )
            for start in range(0, count, _CHUNK)
        ]
        for field, path in enumerate(paths):
            np.save(path, np.concatenate([chunk[field] for chunk in chunks]))
    return Pictures(*(np.load(path, mmap_mode="r") for path in paths))


def take(pool: Pictures, rows: np.ndarray, mirrored: np.ndarray) -> Pictures:
    """Rows of a pool in memory, some of them mirrored with what covers their patches."""
    taken = Pictures(*(np.array(column[rows]) for column in pool))
    taken.pixels[mirrored] = taken.pixels[mirrored, :, ::-1]
    grid = taken.occupancy.reshape(len(rows), GRID, GRID, -1)
    grid[mirrored] = grid[mirrored, :, ::-1]
    return taken


def as_seen(picture: Image.Image, size: int) -> Image.Image:
    """Bicubic resize of the shorter side, then the middle square: open_clip's own steps."""
    scale = size / min(picture.size)
    width, height = (max(size, int(length * scale)) for length in picture.size)
    small = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return small.crop((left, top, left + size, top + size))


def _draw_row(
    kind: PictureKind, domain: Domain, seed: int, index: int, size: int, file_share: float
) -> tuple[np.ndarray, ...]:
    rng = generator(domain, seed, f"second edition, {kind} file", index)
    as_file = rng.random() < file_share
    shape = picture_size(rng) if as_file else (size, size)
    if kind == "scenes":
        scene = sight(domain, seed, index)
        picture, facts = render_sight(scene, *shape), _scene_facts(scene)
    else:
        view = sighting(domain, seed, index, independent=kind == "independent")
        picture, facts = render_sighting(view, *shape), _bird_facts(view)
    if as_file:
        picture = as_seen(_through_jpeg(picture, rng), size)
    return (np.asarray(picture), *facts)


def _through_jpeg(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() >= _JPEG_SHARE:
        return picture
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.integers(75, 96)))
    return Image.open(file)


def _bird_facts(view: Sighting) -> tuple[np.ndarray, ...]:
    traits = [
        values.index(value) for values, value in zip(ATTRIBUTES.values(), view.plumage, strict=True)
    ]
    return (
        np.array(traits, np.int8),
        np.array(HABITATS.index(view.habitat), np.int8),
        np.array(NAMES.index(view.name) if view.name else -1, np.int8),
        np.array(VISIBILITIES.index(view.visibility), np.int8),
        np.array(-1, np.int8),
        np.zeros(len(CATEGORIES), bool),
        np.zeros((GRID * GRID, len(CATEGORIES)), bool),
    )


def _scene_facts(scene: Sight) -> tuple[np.ndarray, ...]:
    present = np.zeros(len(CATEGORIES), bool)
    occupancy = np.zeros((GRID, GRID, len(CATEGORIES)), bool)
    centres = (np.arange(GRID) + 0.5) / GRID
    for item in scene.items:
        place = CATEGORIES.index(item.category)
        left, top, right, bottom = item.box
        across = (centres > left) & (centres < right)
        down = (centres > top) & (centres < bottom)
        occupancy[:, :, place] |= down[:, None] & across[None, :]
        occupancy[int(item.y * GRID), int(item.x * GRID), place] = True
        present[place] = True
    none, context = np.array(-1, np.int8), list(CONTEXTS).index(scene.context)
    traits = np.full(len(ATTRIBUTES), -1, np.int8)
    where = occupancy.reshape(GRID * GRID, -1)
    return traits, none, none, none, np.array(context, np.int8), present, where
