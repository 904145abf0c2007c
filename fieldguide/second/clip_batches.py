"""Training batches of the second edition's CLIP: pictures, a caption each, and who fits whom."""

from dataclasses import dataclass

import numpy as np

from fieldguide.captions import Caption
from fieldguide.clip_batches import Mixture, cover
from fieldguide.second.captions import bird_caption, name_caption, scene_caption
from fieldguide.second.pools import Pictures, take


@dataclass(frozen=True)
class CaptionedPictures:
    """Pictures with their facts and texts, one written for each picture.

    `fits` (pictures x texts) says which text is true of which picture. `exact` holds the numbers
    of the scenes' texts that list what is there, and `covered` (scenes x 36 x exact) which patches
    show something that the text tells of. Scenes come last.
    """

    pictures: Pictures
    texts: list[str]
    fits: np.ndarray
    exact: np.ndarray
    covered: np.ndarray


class PictureBatches:
    """Draws batches from the pools; equal seeds draw equal batches."""

    def __init__(
        self, independent: Pictures, species: Pictures, scenes: Pictures, seed: int
    ) -> None:
        self._pools = (independent, species, scenes)
        self._rng = np.random.default_rng(seed)

    def draw(self, mixture: Mixture, with_texts: bool = True) -> CaptionedPictures:
        """One batch; without texts when only the supervised losses need it."""
        counts = (mixture.independent, mixture.species, mixture.scenes)
        parts = [self._take(*pair) for pair in zip(self._pools, counts, strict=True) if pair[1]]
        pictures = Pictures(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        total = len(pictures.pixels)
        captions = [self._caption(pictures, row, mixture) for row in range(total * with_texts)]
        first = total - mixture.scenes
        exact = [row for row in range(first, len(captions)) if not captions[row].themes]
        return CaptionedPictures(
            pictures,
            [caption.text for caption in captions],
            fit(pictures, captions),
            np.array(exact, int),
            cover(pictures.occupancy[first:], [captions[row] for row in exact]),
        )

    def _take(self, pool: Pictures, count: int) -> Pictures:
        rows = np.sort(self._rng.integers(len(pool.pixels), size=count))
        return take(pool, rows, self._rng.random(count) < 0.5)

    def _caption(self, pictures: Pictures, row: int, mixture: Mixture) -> Caption:
        if pictures.categories[row].any():
            context = int(pictures.context[row])
            return scene_caption(pictures.categories[row], context, self._rng, mixture.titles)
        traits, species = pictures.traits[row], int(pictures.species[row])
        if species >= 0 and self._rng.random() < mixture.named:
            return name_caption(species, traits, self._rng)
        return bird_caption(traits, int(pictures.habitat[row]), self._rng)


def fit(pictures: Pictures, captions: list[Caption]) -> np.ndarray:
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
        if caption.some or caption.themes:
            one = pictures.categories[:, list(caption.some)].any(axis=1)
            true &= one | np.isin(pictures.context, caption.themes)
    return fits
