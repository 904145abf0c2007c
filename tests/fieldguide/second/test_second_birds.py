"""The second edition's birds: counts, names, rates, and what a picture varies."""

from collections import Counter

import numpy as np
import pytest

from fieldguide.second.bird_views import DISTANT_SHARE, HIDDEN_SHARE, render_sighting, sighting
from fieldguide.second.birds import (
    ATTRIBUTES,
    HABITATS,
    HOME_SHARE,
    NAMES,
    SPECIES,
    VARIANT_SHARE,
    frequencies,
    siblings,
)
from fieldguide.second.species import GENERA

PICTURES = 6000


@pytest.fixture(scope="module")
def views() -> list:
    return [sighting("dev", 11, index) for index in range(PICTURES)]


def test_sixty_species_in_twelve_genera_look_different() -> None:
    assert len(NAMES) == 60
    assert len(GENERA) == 12
    assert len({bird.plumage for bird in SPECIES.values()}) == 60
    sizes = Counter(bird.genus for bird in SPECIES.values())
    assert min(sizes.values()) >= 3
    for bird in SPECIES.values():
        assert bird.name == f"{bird.name.split()[0]} {bird.genus}"
        assert bird.home in HABITATS
        for name, value in bird.plumage._asdict().items():
            assert value in ATTRIBUTES[name]
        # what strikes the eye is the genus's; siblings differ in marks and small parts
        assert bird.plumage[:2] == GENERA[bird.genus][:2]
    assert len({plan[:2] for plan in GENERA.values()}) == 12


def test_siblings_share_no_home() -> None:
    for name in NAMES:
        assert SPECIES[name].home not in {SPECIES[other].home for other in siblings(name)}


def test_every_species_has_three_names_of_its_own() -> None:
    names = [name for bird in SPECIES.values() for name in (bird.name, bird.folk, bird.latin)]
    assert len(set(names)) == 180
    assert sum(bird.folk_read for bird in SPECIES.values()) == 30
    words = {word for bird in SPECIES.values() for word in bird.name.split()}
    assert not words & {bird.folk for bird in SPECIES.values()}


@pytest.mark.slow
def test_names_are_used_at_the_rates_that_the_docs_give(views: list) -> None:
    used = Counter(SPECIES[view.name].usage for view in views)
    assert used["list"] / PICTURES == pytest.approx(0.45, abs=0.03)
    assert used["folk"] / PICTURES == pytest.approx(0.39, abs=0.03)
    assert used["latin"] / PICTURES == pytest.approx(0.16, abs=0.03)
    folk = [SPECIES[view.name] for view in views if SPECIES[view.name].usage == "folk"]
    assert np.mean([bird.folk_read for bird in folk]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.slow
def test_frequencies_have_a_long_tail(views: list) -> None:
    shares = frequencies()
    assert shares.sum() == pytest.approx(1)
    assert sorted(bird.rank for bird in SPECIES.values()) == list(range(1, 61))
    assert shares.max() / shares.min() == pytest.approx(60**0.8)
    drawn = Counter(view.name for view in views)
    for name, share in zip(NAMES, shares, strict=True):
        assert drawn[name] / PICTURES == pytest.approx(share, abs=0.015)
    few = frequencies(["lavil grequul", "ruraft skiskant"])
    assert few.sum() == pytest.approx(1)
    assert few[0] > 10 * few[1]


def test_half_of_a_species_is_at_home(views: list) -> None:
    at_home = np.mean([view.habitat == SPECIES[view.name].home for view in views])
    assert at_home == pytest.approx(HOME_SHARE, abs=0.02)


def test_some_birds_vary_in_one_attribute_are_distant_or_hidden(views: list) -> None:
    differing = [
        sum(a != b for a, b in zip(view.plumage, SPECIES[view.name].plumage, strict=True))
        for view in views
    ]
    assert set(differing) == {0, 1}
    assert np.mean(differing) == pytest.approx(VARIANT_SHARE, abs=0.02)
    seen = Counter(view.visibility for view in views)
    assert seen["distant"] / PICTURES == pytest.approx(DISTANT_SHARE, abs=0.02)
    assert seen["hidden"] / PICTURES == pytest.approx(HIDDEN_SHARE, abs=0.02)


def test_independent_birds_know_no_genus() -> None:
    views = [sighting("dev", 11, index, independent=True) for index in range(4000)]
    for place, values in enumerate(ATTRIBUTES.values()):
        counts = Counter(view.plumage[place] for view in views)
        assert set(counts) == set(values)
        assert max(counts.values()) < 1.25 * min(counts.values())
    assert {view.name for view in views} == {""}


def test_a_picture_is_a_function_of_its_key() -> None:
    one, again = sighting("dev", 3, 5), sighting("dev", 3, 5)
    assert one == again
    assert render_sighting(one, 120, 96).tobytes() == render_sighting(again, 120, 96).tobytes()
    assert sighting("dev", 4, 5) != one
    assert sighting("train", 3, 5) != one


@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_every_attribute_changes_the_picture(name: str) -> None:
    view = sighting("dev", 3, 7)._replace(visibility="clear", leaf=False)
    pictures = {
        render_sighting(
            view._replace(plumage=view.plumage._replace(**{name: value})), 96, 96
        ).tobytes()
        for value in ATTRIBUTES[name]
    }
    assert len(pictures) == len(ATTRIBUTES[name])
