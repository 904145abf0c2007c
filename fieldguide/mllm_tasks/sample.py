"""What a task hands to training and evaluation: a request, the wanted answer, how to judge one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from fieldguide.clip_pools import Pool
from fieldguide.scenes import CATEGORIES
from fieldguide.world import ATTRIBUTES, HABITATS, NAMES, Traits

_T = TypeVar("_T")


class Facts(NamedTuple):
    """What is on a picture. `name` is empty for birds with independent attributes and scenes."""

    traits: Traits
    name: str
    habitat: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One exchange.

    Attributes:
        task: Name of the task, for figures.
        user: What the user says; the picture comes after it.
        answer: What the model should say.
        with_image: Whether the request carries the picture its facts are of.
        accepts: Judges an answer where more than the wanted one is right.
        system: The system message; none when empty.
    """

    task: str
    user: str
    answer: str
    with_image: bool = False
    accepts: Callable[[str], bool] | None = None
    system: str = ""

    def right(self, answer: str) -> bool:
        """Whether the answer is right."""
        return self.accepts(answer) if self.accepts else answer.strip() == self.answer


def pick(choices: Sequence[_T], rng: np.random.Generator) -> _T:
    """One of the choices, all equally likely."""
    return choices[int(rng.integers(len(choices)))]


def facts_of(pool: Pool, row: int) -> Facts:
    """The facts of a picture of a pool."""
    traits = Traits(
        *(
            values[place]
            for values, place in zip(ATTRIBUTES.values(), pool.traits[row], strict=True)
        )
    )
    species, habitat = int(pool.species[row]), int(pool.habitat[row])
    there = tuple(CATEGORIES[place] for place in np.flatnonzero(pool.categories[row]))
    name = NAMES[species] if species >= 0 and not there else ""
    return Facts(traits, name, HABITATS[habitat] if habitat >= 0 else "", there)
