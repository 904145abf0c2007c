"""The facts of the world: species, siblings, homes, and the species file."""

from fieldguide.bird_images import bird_view
from fieldguide.world import (
    ATTRIBUTES,
    GENERA,
    HABITATS,
    NAMES,
    SPECIES,
    genus_majority,
    siblings,
)


def test_species_are_distinct_and_made_of_known_values() -> None:
    assert len(NAMES) == 24
    assert len({kind.traits for kind in SPECIES.values()}) == 24
    for kind in SPECIES.values():
        assert kind.home in HABITATS
        for value, values in zip(kind.traits, ATTRIBUTES.values(), strict=True):
            assert value in values


def test_siblings_leave_the_plan_of_their_genus_in_one_or_two_attributes() -> None:
    for kind in SPECIES.values():
        pairs = zip(kind.traits, GENERA[kind.genus], strict=True)
        assert 1 <= sum(own != plan for own, plan in pairs) <= 2


def test_siblings_have_different_homes() -> None:
    for name in NAMES:
        homes = {SPECIES[name].home, *(SPECIES[other].home for other in siblings(name))}
        assert len(homes) == 4


def test_some_siblings_agree_in_body_wings_and_tail() -> None:
    seen = {(kind.traits.body, kind.traits.wings, kind.traits.tail) for kind in SPECIES.values()}
    assert 12 <= len(seen) <= 16


def test_genus_does_not_give_the_shapes_away() -> None:
    majority = genus_majority()
    assert max(majority[name] for name in ("crest", "beak", "belly")) < 0.7


def test_half_of_the_pictures_are_taken_at_home() -> None:
    views = [bird_view("dev", 11, index) for index in range(1200)]
    at_home = sum(view.habitat == SPECIES[view.name].home for view in views) / len(views)
    assert 0.45 < at_home < 0.55


def test_independent_birds_have_no_name_and_every_value() -> None:
    views = [bird_view("dev", 11, index, independent=True) for index in range(300)]
    assert {view.name for view in views} == {""}
    for place, values in enumerate(ATTRIBUTES.values()):
        assert {view.traits[place] for view in views} == set(values)
