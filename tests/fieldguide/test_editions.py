"""Both editions, as archives are drawn of them: their species, and files that name some."""

from pathlib import Path
from typing import get_args

import pytest

from fieldguide import EDITIONS
from fieldguide.editions import MODEL_OF, DrawnWorld, Edition, drawn_world


@pytest.fixture(params=get_args(Edition), ids=lambda edition: f"edition {edition}")
def world(request: pytest.FixtureRequest) -> DrawnWorld:
    return drawn_world(request.param)


def test_every_edition_has_its_models() -> None:
    assert set(MODEL_OF) == set(get_args(Edition))
    assert set(MODEL_OF.values()) == set(EDITIONS)


def test_names_are_taken_once_each_and_in_their_order(world: DrawnWorld, tmp_path: Path) -> None:
    one, other = world.species[0], world.species[3]
    assert world.check_species([other, one, other]) == [other, one]
    file = tmp_path / "species.txt"
    file.write_text(f"# mine\n{other}\n\n{one}  # the first\n{other}\n", encoding="utf-8")
    assert world.read_species(file) == [other, one]


@pytest.mark.parametrize("text", ["house sparrow\n", "# nothing\n"])
def test_a_mistake_in_a_file_lists_what_is_known(
    world: DrawnWorld, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "species.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=world.species[5]):
        world.read_species(file)
