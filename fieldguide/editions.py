"""The two editions of the drawn world, as whoever draws an archive of one knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:  # settings name editions, and no command waits for Pillow before it needs it
    from PIL import Image

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
        see_bird: decides what a picture of one bird shows, by domain, seed, index and `species`.
        see_scene: the same of a scene, by domain, seed and index.
        draw_bird, draw_scene: draw what was decided, at a width and height.
        key: what the keys of its files begin with, so that editions share no draw.
        stem: the same of what files are named after.
        other_names: of each species its folk and its Latin name, where it has them.
    """

    species: tuple[str, ...]
    categories: tuple[str, ...]
    see_bird: Callable[..., Any]
    see_scene: Callable[..., Any]
    draw_bird: Callable[[Any, int, int], Image.Image]
    draw_scene: Callable[[Any, int, int], Image.Image]
    key: str = ""
    stem: str = ""
    other_names: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def bird(
        self, seed: int, index: int, species: list[str], width: int, height: int
    ) -> tuple[Image.Image, str]:
        """A picture of one of some species for an archive, and its name."""
        view = self.see_bird("archive", seed, index, species=species)
        return self.draw_bird(view, width, height), view.name

    def scene(self, seed: int, index: int, width: int, height: int) -> tuple[Image.Image, str]:
        """A picture of a scene for an archive, and its categories, joined by `|`."""
        view = self.see_scene("archive", seed, index)
        return self.draw_scene(view, width, height), "|".join(view.categories)

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

    return DrawnWorld(tuple(NAMES), tuple(CATEGORIES), bird_view, scene, render_bird, render_scene)


def _second() -> DrawnWorld:
    from fieldguide.second.bird_views import render_sighting, sighting
    from fieldguide.second.birds import NAMES, SPECIES
    from fieldguide.second.scene_drawing import render_sight
    from fieldguide.second.scenes import CATEGORIES, sight

    return DrawnWorld(
        tuple(NAMES),
        tuple(CATEGORIES),
        sighting,
        sight,
        render_sighting,
        render_sight,
        key="second edition, ",
        stem="2|",
        other_names={name: (bird.folk, bird.latin) for name, bird in SPECIES.items()},
    )
