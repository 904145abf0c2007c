"""The two editions of the drawn world, as whoever draws an archive of one knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:  # settings name editions, and no command waits for Pillow before it needs it
    from PIL import Image

    Labelled = tuple[Image.Image, str]
    """A picture, and its labels joined by `|`."""

Edition = Literal["1", "2"]
Kind = Literal["birds", "scenes"]
MODEL_OF: Final[Mapping[Edition, str]] = MappingProxyType({"1": "fieldguide", "2": "fieldguide-2"})
"""The name of both models that were trained on an edition, as ``--clip`` and ``--mllm`` take it."""


@dataclass(frozen=True)
class DrawnWorld:
    """An edition.

    Attributes:
        species: names of the birds that a list of classes holds.
        categories: of the things in scenes.
        bird: seed, index, species to draw from, width, height to a picture of one bird.
        scene: seed, index, width, height to a picture of a scene.
        key: what the keys of its files begin with, so that editions share no draw.
        stem: the same of what files are named after.
        other_names: of each species its folk and its Latin name, where it has them.
    """

    species: tuple[str, ...]
    categories: tuple[str, ...]
    bird: Callable[[int, int, list[str], int, int], Labelled]
    scene: Callable[[int, int, int, int], Labelled]
    key: str = ""
    stem: str = ""
    other_names: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def check_species(self, names: list[str]) -> list[str]:
        """The names as given, once each.

        Raises:
            ValueError: one is not the name of a species, or there is none.
        """
        known = f"known species: {', '.join(self.species)}"
        for name in names:
            if name not in self.species:
                raise ValueError(f"unknown species {name!r}; {known}")
        if not names:
            raise ValueError(f"no species named; {known}")
        return list(dict.fromkeys(names))

    def read_species(self, path: str | Path) -> list[str]:
        """Read species names from a text file: one a line, empty lines and '#' comments skipped.

        Raises:
            ValueError: as `check_species`.
        """
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        names = [line.split("#", 1)[0].strip() for line in lines]
        return self.check_species([name for name in names if name])


def drawn_world(edition: Edition) -> DrawnWorld:
    """The world of an edition."""
    return _first() if edition == "1" else _second()


def _first() -> DrawnWorld:
    from fieldguide.bird_images import bird_view, render_bird
    from fieldguide.scene_drawing import render_scene
    from fieldguide.scenes import CATEGORIES, scene
    from fieldguide.world import NAMES

    def draw_bird(seed: int, index: int, species: list[str], width: int, height: int) -> Labelled:
        view = bird_view("archive", seed, index, species=species)
        return render_bird(view, width, height), view.name

    def draw_scene(seed: int, index: int, width: int, height: int) -> Labelled:
        view = scene("archive", seed, index)
        return render_scene(view, width, height), "|".join(view.categories)

    return DrawnWorld(tuple(NAMES), tuple(CATEGORIES), draw_bird, draw_scene)


def _second() -> DrawnWorld:
    from fieldguide.second.bird_views import render_sighting, sighting
    from fieldguide.second.birds import NAMES, SPECIES
    from fieldguide.second.scene_drawing import render_sight
    from fieldguide.second.scenes import CATEGORIES, sight

    def draw_bird(seed: int, index: int, species: list[str], width: int, height: int) -> Labelled:
        view = sighting("archive", seed, index, species=species)
        return render_sighting(view, width, height), view.name

    def draw_scene(seed: int, index: int, width: int, height: int) -> Labelled:
        view = sight("archive", seed, index)
        return render_sight(view, width, height), "|".join(view.categories)

    return DrawnWorld(
        tuple(NAMES),
        tuple(CATEGORIES),
        draw_bird,
        draw_scene,
        key="second edition, ",
        stem="2|",
        other_names={name: (bird.folk, bird.latin) for name, bird in SPECIES.items()},
    )
