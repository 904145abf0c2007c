"""The birds: 24 made-up species in six genera, their attributes and the habitats they live in.

Siblings differ from the plan of their genus in one or two attributes, and each has a home habitat
that no sibling shares. Names are made up, so nothing known from elsewhere helps to tell them.
"""

from typing import Final, NamedTuple

import numpy as np

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "body": ("red", "blue", "yellow", "green", "purple", "brown"),
    "wings": ("plain", "striped", "spotted", "barred"),
    "crest": ("none", "pointed", "round"),
    "beak": ("short", "long", "hooked"),
    "tail": ("square", "forked", "fan"),
    "belly": ("white", "orange", "black", "pink"),
}
HABITATS: Final = ("forest", "meadow", "shore", "marsh", "desert", "snow")
HOME_SHARE: Final = 0.5


class Traits(NamedTuple):
    """One value for each attribute, in the order of ATTRIBUTES."""

    body: str
    wings: str
    crest: str
    beak: str
    tail: str
    belly: str


class Species(NamedTuple):
    """A named kind of bird: what it looks like and where about half of its images are taken."""

    name: str
    genus: str
    home: str
    traits: Traits


GENERA: Final[dict[str, Traits]] = {
    "tarrow": Traits("red", "plain", "none", "short", "square", "white"),
    "dornet": Traits("blue", "striped", "pointed", "long", "forked", "orange"),
    "quellin": Traits("yellow", "spotted", "round", "hooked", "fan", "black"),
    "sorrin": Traits("green", "barred", "none", "long", "fan", "pink"),
    "pelloc": Traits("purple", "barred", "pointed", "hooked", "square", "orange"),
    "tolmin": Traits("brown", "plain", "round", "short", "forked", "white"),
}

# Epithet, genus, home, and where the species leaves the plan of its genus. Within a genus two or
# three siblings agree in body, wings and tail, so a description that stops there cannot tell them.
_SIBLINGS: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    ("lissick", "tarrow", "forest", {"crest": "pointed"}),
    ("brund", "tarrow", "shore", {"beak": "long"}),
    ("kessin", "tarrow", "desert", {"crest": "round", "belly": "black"}),
    ("dorvic", "tarrow", "snow", {"wings": "striped", "beak": "hooked"}),
    ("faskin", "dornet", "meadow", {"crest": "none"}),
    ("gorrel", "dornet", "marsh", {"beak": "hooked", "belly": "white"}),
    ("jorren", "dornet", "forest", {"tail": "fan", "crest": "round"}),
    ("kaldo", "dornet", "shore", {"tail": "fan", "belly": "pink"}),
    ("morvish", "quellin", "desert", {"beak": "short"}),
    ("nerrick", "quellin", "snow", {"crest": "pointed", "belly": "orange"}),
    ("rasmet", "quellin", "meadow", {"wings": "plain", "crest": "none"}),
    ("sildon", "quellin", "marsh", {"body": "red", "beak": "long"}),
    ("wexlow", "sorrin", "shore", {"belly": "white"}),
    ("yarvin", "sorrin", "forest", {"crest": "round", "beak": "short"}),
    ("zandric", "sorrin", "snow", {"tail": "square", "crest": "pointed"}),
    ("brenlo", "sorrin", "meadow", {"tail": "square", "beak": "hooked"}),
    ("quarvo", "pelloc", "marsh", {"crest": "round"}),
    ("dilsby", "pelloc", "desert", {"beak": "short", "belly": "black"}),
    ("fulmir", "pelloc", "forest", {"belly": "pink"}),
    ("hathen", "pelloc", "meadow", {"wings": "spotted", "crest": "none"}),
    ("torvin", "tolmin", "snow", {"beak": "hooked"}),
    ("mavrel", "tolmin", "marsh", {"crest": "none", "belly": "pink"}),
    ("renkos", "tolmin", "shore", {"body": "blue", "wings": "barred"}),
    ("sarvel", "tolmin", "desert", {"tail": "square", "belly": "orange"}),
)

SPECIES: Final[dict[str, Species]] = {
    f"{epithet} {genus}": Species(
        f"{epithet} {genus}", genus, home, GENERA[genus]._replace(**changes)
    )
    for epithet, genus, home, changes in _SIBLINGS
}
NAMES: Final[tuple[str, ...]] = tuple(SPECIES)


def siblings(name: str) -> list[str]:
    """The other species of the same genus."""
    genus = SPECIES[name].genus
    return [other for other, kind in SPECIES.items() if kind.genus == genus and other != name]


def random_traits(rng: np.random.Generator) -> Traits:
    """Six attributes drawn independently: what a model must be measured on."""
    return Traits(*(values[rng.integers(len(values))] for values in ATTRIBUTES.values()))


def random_habitat(rng: np.random.Generator, home: str | None = None) -> str:
    """The home in half of the draws when there is one, otherwise any other habitat."""
    if home is None:
        return HABITATS[rng.integers(len(HABITATS))]
    if rng.random() < HOME_SHARE:
        return home
    others = [habitat for habitat in HABITATS if habitat != home]
    return others[rng.integers(len(others))]


def genus_majority() -> dict[str, float]:
    """How often each attribute is right when only the genus is known: the floor for a model."""
    scores = {}
    for position, attribute in enumerate(ATTRIBUTES):
        right = 0
        for genus in GENERA:
            values = [kind.traits[position] for kind in SPECIES.values() if kind.genus == genus]
            right += max(values.count(value) for value in set(values))
        scores[attribute] = right / len(SPECIES)
    return scores
