"""Training batches: pictures of the three pools, a caption for each, and who fits whom.

A caption fits every picture of the batch of which all its facts are true, not only the one it was
written for; `Batch.fits` says so, and the contrastive loss has as many positives.
"""

from dataclasses import dataclass

import numpy as np

from fieldguide.captions import Caption, bird_caption, habitat_caption, name_caption, scene_caption
from fieldguide.clip_pools import GRID, Pool

_HABITAT_SHARE = 0.04


@dataclass(frozen=True)
class Mixture:
    """How many pictures of each pool are in a batch, how often a species is named, and how often
    a scene gets a title instead of a sentence."""

    independent: int
    species: int
    scenes: int
    named: float = 0.0
    titles: float = 0.0


@dataclass(frozen=True)
class Batch:
    """Pictures with their facts (see `Pool`) and texts, one written for each picture.

    `fits` (pictures x texts) says which text is true of which picture. `exact` holds the numbers
    of the scenes' texts that tell what is there, not only what kind of scene it is, and `covered`
    (scenes x 36 x exact) which patches show something that the text tells of. Scenes come last.
    """

    pictures: Pool
    texts: list[str]
    fits: np.ndarray
    exact: np.ndarray
    covered: np.ndarray


class Batches:
    """Draws batches from the pools; equal seeds draw equal batches."""

    def __init__(self, independent: Pool, species: Pool, scenes: Pool, seed: int) -> None:
        self._pools = (independent, species, scenes)
        self._rng = np.random.default_rng(seed)

    def draw(self, mixture: Mixture, with_texts: bool = True) -> Batch:
        """One batch; without texts when only the supervised losses need it."""
        counts = (mixture.independent, mixture.species, mixture.scenes)
        parts = [self._take(*pair) for pair in zip(self._pools, counts, strict=True) if pair[1]]
        pictures = Pool(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        total = len(pictures.pixels)
        captions = [self._caption(pictures, row, mixture) for row in range(total * with_texts)]
        first = total - mixture.scenes
        exact = [row for row in range(first, len(captions)) if not captions[row].themes]
        return Batch(
            pictures,
            [caption.text for caption in captions],
            fit(pictures, captions),
            np.array(exact, int),
            cover(pictures.occupancy[first:], [captions[row] for row in exact]),
        )

    def _take(self, pool: Pool, count: int) -> Pool:
        rows = np.sort(self._rng.integers(len(pool.pixels), size=count))
        taken = Pool(*(column[rows] for column in pool))
        mirrored = self._rng.random(count) < 0.5
        taken.pixels[mirrored] = taken.pixels[mirrored, :, ::-1]
        grid = taken.occupancy.reshape(count, GRID, GRID, -1)
        grid[mirrored] = grid[mirrored, :, ::-1]
        return taken

    def _caption(self, pictures: Pool, row: int, mixture: Mixture) -> Caption:
        if pictures.categories[row].any():
            return scene_caption(pictures.categories[row], self._rng, mixture.titles)
        traits, habitat = pictures.traits[row], int(pictures.habitat[row])
        species = int(pictures.species[row])
        if species >= 0 and self._rng.random() < mixture.named:
            return name_caption(species, traits, self._rng)
        if self._rng.random() < _HABITAT_SHARE:
            return habitat_caption(habitat, self._rng)
        return bird_caption(traits, habitat, self._rng)


def fit(pictures: Pool, captions: list[Caption]) -> np.ndarray:
    """Which pictures (rows) every fact of which captions (columns) is true of."""
    fits = np.ones((len(pictures.pixels), len(captions)), bool)
    for column, caption in enumerate(captions):
        true = fits[:, column]
        for attribute, value in caption.traits.items():
            true &= pictures.traits[:, attribute] == value
        if caption.habitat >= 0:
            true &= pictures.habitat == caption.habitat
        if caption.species >= 0:
            true &= pictures.species == caption.species
        for category in caption.every:
            true &= pictures.categories[:, category]
        if caption.some:
            one = pictures.categories[:, list(caption.some)].any(axis=1)
            true &= one | np.isin(pictures.context, caption.themes)
    return fits


def cover(occupancy: np.ndarray, captions: list[Caption]) -> np.ndarray:
    """Which patches (N, 36, captions) hold one of the categories that each caption tells of."""
    told = np.zeros((occupancy.shape[2], len(captions)), np.float32)
    for column, caption in enumerate(captions):
        told[[*caption.every, *caption.some], column] = 1
    return occupancy.astype(np.float32) @ told > 0
