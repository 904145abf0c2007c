"""The second edition's scenes: frequencies, contexts, what captions leave out, drawings."""

from collections import Counter

import numpy as np
import pytest

from fieldguide.backgrounds import SCENERIES
from fieldguide.scenes import MOST_THINGS
from fieldguide.second.captions import scene_caption
from fieldguide.second.scene_drawing import DRAWINGS, render_sight
from fieldguide.second.scenes import (
    CATEGORIES,
    CONTEXT_SHARES,
    CONTEXTS,
    EXTENT,
    SHARED,
    UNSAID,
    UNSAID_RATE,
    sight,
)

SCENES = 2000


@pytest.fixture(scope="module")
def scenes() -> list:
    return [sight("dev", 21, index) for index in range(SCENES)]


def test_forty_categories_are_complete() -> None:
    assert len(CATEGORIES) == 40
    assert set(DRAWINGS) == set(EXTENT) == set(CATEGORIES)
    assert {name for shares in CONTEXTS.values() for name in shares} == set(CATEGORIES)
    assert {name for members in SHARED.values() for name in members} == set(CATEGORIES)
    assert set(CONTEXT_SHARES) == set(CONTEXTS)
    assert set(CONTEXTS) <= set(SCENERIES)
    assert sum(CONTEXT_SHARES.values()) == pytest.approx(1)


@pytest.mark.slow
def test_frequencies_differ_by_more_than_an_order(scenes: list) -> None:
    counts = Counter(name for scene in scenes for name in scene.categories)
    shares = sorted(counts[name] / SCENES for name in CATEGORIES)
    assert 0.004 < shares[0] < 0.015
    assert 0.2 < shares[-1] < 0.3
    assert 0.025 < shares[20] < 0.06
    assert 2.5 < sum(counts.values()) / SCENES < 3.3
    assert max(len(scene.items) for scene in scenes) == MOST_THINGS


def test_things_are_where_they_are_usual(scenes: list) -> None:
    for scene in scenes[:500]:
        assert set(scene.categories) <= set(CONTEXTS[scene.context])
        assert [name for name in CATEGORIES if name in scene.categories] == scene.categories


def test_captions_leave_a_third_of_the_things_out(scenes: list) -> None:
    assert len(UNSAID) == 13
    assert set(CATEGORIES) > UNSAID
    rng = np.random.default_rng(0)
    there, told = Counter(), Counter()
    for scene in scenes:
        present = np.isin(CATEGORIES, scene.categories)
        caption = scene_caption(present, list(CONTEXTS).index(scene.context), rng)
        there.update(scene.categories)
        told.update(CATEGORIES[place] for place in caption.every)
        assert set(caption.every) <= set(np.flatnonzero(present))
    unsaid = sum(told[name] for name in UNSAID) / sum(there[name] for name in UNSAID)
    said = [name for name in CATEGORIES if name not in UNSAID]
    assert unsaid < UNSAID_RATE
    assert sum(told[name] for name in said) / sum(there[name] for name in said) > 0.5


def test_a_scene_is_a_function_of_its_key() -> None:
    one = sight("dev", 3, 5)
    assert one == sight("dev", 3, 5)
    assert one != sight("archive", 3, 5)
    picture = render_sight(one, 110, 90)
    assert picture.size == (110, 90)
    assert picture.tobytes() == render_sight(one, 110, 90).tobytes()
