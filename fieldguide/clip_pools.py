"""The pools of drawn images that the tiny CLIP trains on, drawn once and read back as arrays.

Half of the images are drawn at the size CLIP sees, half as files of an archive are: bigger, of any
aspect ratio, mostly through JPEG, then resized by the shorter side and cropped to the middle.
"""

import io
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from PIL import Image

from fieldguide.archive import picture_size
from fieldguide.bird_images import BirdView, bird_view, render_bird
from fieldguide.keys import Domain, generator
from fieldguide.scene_drawing import render_scene
from fieldguide.scenes import CATEGORIES, CONTEXTS, Scene, scene
from fieldguide.world import ATTRIBUTES, HABITATS, NAMES

PoolKind = Literal["independent", "species", "scenes"]
SIZE: Final = 72
GRID: Final = 6
_CHUNK: Final = 500
_JPEG_SHARE: Final = 0.7


class Pool(NamedTuple):
    """Images and what is on them, row by row; what does not apply is -1 or all False.

    pixels (N, 72, 72, 3) uint8; traits (N, 6), habitat (N,) and species (N,) int8 positions in
    the tables of `world`; context (N,) int8 and categories (N, 16) bool those of `scenes`;
    occupancy (N, 36, 16) bool says which patches of the 6 x 6 grid each category covers.
    """

    pixels: np.ndarray
    traits: np.ndarray
    habitat: np.ndarray
    species: np.ndarray
    context: np.ndarray
    categories: np.ndarray
    occupancy: np.ndarray


def draw_pool(kind: PoolKind, domain: Domain, seed: int, count: int, whole_files: bool) -> Pool:
    """Draw a pool in this process.

    Args:
        kind: Birds with independent attributes, birds of the species, or scenes.
        domain: Whom the images are for.
        seed: Any integer.
        count: How many.
        whole_files: Treat every image as a file of an archive, not only half of them.
    """
    rows = [_draw_row(kind, domain, seed, index, whole_files) for index in range(count)]
    return Pool(*(np.stack(column) for column in zip(*rows, strict=True)))


def open_pool(folder: Path, kind: PoolKind, seed: int, count: int) -> Pool:
    """The training pool of this kind, drawn into `folder` by two processes when not there yet."""
    paths = [folder / f"{kind}-{seed}-{count}-{field}.npy" for field in Pool._fields]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        draw = partial(_draw_chunk, kind, seed, count)
        starts = range(0, count, _CHUNK)
        if len(starts) == 1:
            chunks = [draw(0)]
        else:
            # Forking a process that runs threads, as torch does, can deadlock.
            with ProcessPoolExecutor(2, get_context("forkserver")) as workers:
                chunks = list(workers.map(draw, starts))
        for field, path in enumerate(paths):
            np.save(path, np.concatenate([chunk[field] for chunk in chunks]))
    return Pool(*(np.load(path, mmap_mode="r") for path in paths))


def _draw_chunk(kind: PoolKind, seed: int, count: int, start: int) -> Pool:
    indices = range(start, min(start + _CHUNK, count))
    rows = [_draw_row(kind, "train", seed, index, False) for index in indices]
    return Pool(*(np.stack(column) for column in zip(*rows, strict=True)))


def _draw_row(
    kind: PoolKind, domain: Domain, seed: int, index: int, whole_files: bool
) -> tuple[np.ndarray, ...]:
    rng = generator(domain, seed, f"{kind} file", index)
    as_file = whole_files or rng.random() < 0.5
    size = picture_size(rng) if as_file else (SIZE, SIZE)
    if kind == "scenes":
        sight = scene(domain, seed, index)
        picture, facts = render_scene(sight, *size), _scene_facts(sight)
    else:
        view = bird_view(domain, seed, index, independent=kind == "independent")
        picture, facts = render_bird(view, *size), _bird_facts(view)
    if as_file:
        picture = as_clip_sees(_through_jpeg(picture, rng))
    return (np.asarray(picture), *facts)


def _through_jpeg(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() >= _JPEG_SHARE:
        return picture
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.integers(75, 96)))
    return Image.open(file)


def as_clip_sees(picture: Image.Image) -> Image.Image:
    """Bicubic resize of the shorter side to 72, then the middle square: open_clip's own steps."""
    scale = SIZE / min(picture.size)
    width, height = (max(SIZE, int(length * scale)) for length in picture.size)
    small = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - SIZE) / 2), round((height - SIZE) / 2)
    return small.crop((left, top, left + SIZE, top + SIZE))


def _bird_facts(view: BirdView) -> tuple[np.ndarray, ...]:
    traits = [
        values.index(value) for values, value in zip(ATTRIBUTES.values(), view.traits, strict=True)
    ]
    species = NAMES.index(view.name) if view.name else -1
    return (
        np.array(traits, np.int8),
        np.array(HABITATS.index(view.habitat), np.int8),
        np.array(species, np.int8),
        np.array(-1, np.int8),
        np.zeros(len(CATEGORIES), bool),
        np.zeros((GRID * GRID, len(CATEGORIES)), bool),
    )


def _scene_facts(sight: Scene) -> tuple[np.ndarray, ...]:
    present = np.zeros(len(CATEGORIES), bool)
    occupancy = np.zeros((GRID, GRID, len(CATEGORIES)), bool)
    centres = (np.arange(GRID) + 0.5) / GRID
    for thing in sight.things:
        place = CATEGORIES.index(thing.category)
        left, top, right, bottom = thing.box
        across = (centres > left) & (centres < right)
        down = (centres > top) & (centres < bottom)
        occupancy[:, :, place] |= down[:, None] & across[None, :]
        occupancy[int(thing.y * GRID), int(thing.x * GRID), place] = True
        present[place] = True
    none, context = np.array(-1, np.int8), list(CONTEXTS).index(sight.context)
    traits = np.full(len(ATTRIBUTES), -1, np.int8)
    where = occupancy.reshape(GRID * GRID, -1)
    return traits, none, none, np.array(context, np.int8), present, where
