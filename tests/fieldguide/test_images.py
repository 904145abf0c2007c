"""Pictures are pure functions of their key, and scenes keep to their contexts."""

from collections import Counter

import numpy as np
import pytest

from fieldguide.bird_images import bird_view, render_bird
from fieldguide.keys import DOMAINS, generator
from fieldguide.scene_drawing import render_scene
from fieldguide.scenes import CATEGORIES, CONTEXTS, EXTENT, MOST_THINGS, SHARED, scene


def test_the_same_key_draws_the_same_picture() -> None:
    for draw in (
        lambda: render_bird(bird_view("dev", 5, 8), 120, 96),
        lambda: render_scene(scene("dev", 5, 8), 120, 96),
    ):
        assert draw().tobytes() == draw().tobytes()


def test_domains_seeds_and_indices_draw_different_pictures() -> None:
    keys = [("train", 1, 0), ("dev", 1, 0), ("archive", 1, 0), ("dev", 2, 0), ("dev", 1, 1)]
    birds = {render_bird(bird_view(*key), 72, 72).tobytes() for key in keys}
    scenes = {render_scene(scene(*key), 72, 72).tobytes() for key in keys}
    assert len(birds) == len(scenes) == len(keys)


def test_domains_share_no_numbers() -> None:
    numbers = [
        generator(domain, seed, "bird", index).integers(2**63)
        for domain in DOMAINS
        for seed in range(20)
        for index in range(20)
    ]
    assert len(set(numbers)) == len(numbers)


def test_unknown_domain() -> None:
    with pytest.raises(ValueError, match="archive"):
        generator("test", 1, "bird", 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(96, 128), (128, 96), (400, 300)])
def test_any_size(size: tuple[int, int]) -> None:
    assert render_bird(bird_view("dev", 1, 2), *size).size == size
    assert render_scene(scene("dev", 1, 2), *size).size == size


def test_the_tables_name_the_same_categories() -> None:
    known = set(CATEGORIES)
    assert len(known) == 16
    assert set(EXTENT) == known
    assert {name for shares in CONTEXTS.values() for name in shares} == known
    assert {name for members in SHARED.values() for name in members} == known


def test_scenes_hold_one_to_five_things_of_their_context() -> None:
    for index in range(500):
        sight = scene("dev", 3, index)
        assert 1 <= len(sight.things) <= MOST_THINGS
        assert len(sight.categories) == len(sight.things)
        assert set(sight.categories) <= set(CONTEXTS[sight.context])


def test_things_lie_in_the_picture_and_are_big_enough() -> None:
    boxes = [thing.box for index in range(300) for thing in scene("dev", 4, index).things]
    edges = np.array(boxes)
    assert edges.min() > -0.07
    assert edges.max() < 1.07
    assert (edges[:, 2] - edges[:, 0]).min() > 0.19


@pytest.mark.slow
def test_cooccurrence_has_structure() -> None:
    seen: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    total = 3000
    for index in range(total):
        present = scene("dev", 6, index).categories
        seen.update(present)
        pairs.update((one, other) for one in present for other in present if one != other)

    def lift(one: str, other: str) -> float:
        return pairs[one, other] * total / (seen[one] * seen[other])

    assert min(seen.values()) / total > 0.04
    assert lift("boat", "fish") > 2.5
    assert lift("tree", "mushroom") > 1.5
    assert lift("boat", "car") == lift("fish", "mushroom") == 0
