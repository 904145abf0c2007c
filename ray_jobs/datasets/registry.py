"""Every data set that can be read."""

from __future__ import annotations

import re

from methods.errors import InputError
from ray_jobs.config.names import did_you_mean
from ray_jobs.datasets.base import Dataset
from ray_jobs.datasets.readers import (
    autosep_tasks,
    birds_dogs,
    cifar,
    coco,
    fine_grained,
    imagenet,
    nus_wide,
    objects_actions,
    plants_animals,
    scenes_textures,
    voc,
)

_ROWS = tuple(
    row
    for family in (
        imagenet, objects_actions, fine_grained, scenes_textures, birds_dogs, plants_animals,
        cifar, coco, voc, nus_wide, autosep_tasks,
    )
    for row in family.DATASETS
)  # fmt: skip

DATASETS: dict[str, Dataset] = {row.name: row for row in _ROWS}
"""The data sets by the words for them on the command line."""


def find_dataset(word: str) -> Dataset:
    """The data set that a word names, in any case and with any hyphens.

    Raises:
        InputError: none.
    """
    words = {_key(each): row for row in _ROWS for each in (row.name, *row.aliases)}
    if (found := words.get(_key(word))) is not None:
        return found
    raise InputError(
        f"no data set {word!r}{did_you_mean(word, DATASETS)}; there are {', '.join(DATASETS)}"
    )


def _key(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
