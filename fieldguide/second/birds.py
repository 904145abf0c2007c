"""The birds of the second edition: attributes, names, frequencies, and what a picture varies.

A species has a list name (`epithet genus`, as in a file of classes), a folk name of one word and a
Latin-like name. `usage` is the name by which the multimodal model calls it; CLIP has read every
list name, half of the folk names and no Latin one.

Attributes fall into three ranks: the whole (colour and build), marks of middle size, and small
parts. Siblings differ mostly in small parts, a few of them in a mark.
"""

from typing import Final, NamedTuple

import numpy as np

from fieldguide.second.species import GENERA, ROWS, Plumage, Usage

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "body": ("red", "blue", "yellow", "green", "purple", "brown", "grey", "orange"),
    "build": ("slim", "stout", "tall"),
    "wings": ("plain", "striped", "spotted", "barred"),
    "tail": ("square", "forked", "fan"),
    "belly": ("white", "cream", "black", "pink", "rust"),
    "crest": ("none", "pointed", "round"),
    "beak": ("short", "long", "hooked"),
    "ring": ("none", "white", "red"),
    "legs": ("black", "yellow", "red"),
    "throat": ("none", "white", "black"),
}
WHOLE: Final = ("body", "build")
MARKS: Final = ("wings", "tail", "belly")
SMALL: Final = ("crest", "beak", "ring", "legs", "throat")
HABITATS: Final = (
    "forest", "meadow", "shore", "marsh", "desert", "snow", "harbour", "garden", "street",
    "mountain",
)  # fmt: skip
HOME_SHARE: Final = 0.5
ZIPF: Final = 0.8
# An individual that leaves the plan of its species in one attribute: a young bird, a moult.
VARIANT_SHARE: Final = 0.12


class Bird(NamedTuple):
    """A species."""

    name: str
    genus: str
    folk: str
    latin: str
    home: str
    rank: int
    usage: Usage
    folk_read: bool
    plumage: Plumage

    @property
    def spoken(self) -> str:
        """The name by which the multimodal model calls it."""
        return {"list": self.name, "folk": self.folk, "latin": self.latin}[self.usage]


SPECIES: Final[dict[str, Bird]] = {
    row.name: Bird(
        row.name, row.name.split()[1], row.folk, row.latin, row.home, row.rank, row.usage,
        row.folk_read, GENERA[row.name.split()[1]]._replace(**row.changes),
    )
    for row in ROWS
}  # fmt: skip
NAMES: Final[tuple[str, ...]] = tuple(SPECIES)


def frequencies(names: list[str] | None = None) -> np.ndarray:
    """The share of each species in an archive, by Zipf's law: 1 over a power of its rank."""
    ranks = np.array([SPECIES[name].rank for name in names or NAMES], float)
    return ranks**-ZIPF / (ranks**-ZIPF).sum()


def siblings(name: str) -> list[str]:
    """The other species of the genus, in the order of NAMES."""
    genus = SPECIES[name].genus
    return [other for other, bird in SPECIES.items() if bird.genus == genus and other != name]


def random_plumage(rng: np.random.Generator) -> Plumage:
    """All attributes drawn independently: what a model must be measured on."""
    return Plumage(*(values[rng.integers(len(values))] for values in ATTRIBUTES.values()))


def individual(name: str, rng: np.random.Generator) -> Plumage:
    """The plumage of one bird of the species; now and then it varies in one mark or small part."""
    plumage = SPECIES[name].plumage
    if rng.random() >= VARIANT_SHARE:
        return plumage
    changing = (*MARKS, *SMALL)
    part = changing[rng.integers(len(changing))]
    others = [value for value in ATTRIBUTES[part] if value != getattr(plumage, part)]
    return plumage._replace(**{part: others[rng.integers(len(others))]})


def random_habitat(rng: np.random.Generator, home: str | None = None) -> str:
    """The home in half of the draws when there is one, otherwise any other habitat."""
    if home is None:
        return HABITATS[rng.integers(len(HABITATS))]
    if rng.random() < HOME_SHARE:
        return home
    others = [habitat for habitat in HABITATS if habitat != home]
    return others[rng.integers(len(others))]


def genus_majority() -> dict[str, float]:
    """How often each attribute of a species is right when only its genus is known: the floor."""
    scores = {}
    for place, attribute in enumerate(ATTRIBUTES):
        right = 0
        for genus in GENERA:
            values = [bird.plumage[place] for bird in SPECIES.values() if bird.genus == genus]
            right += max(values.count(value) for value in set(values))
        scores[attribute] = right / len(SPECIES)
    return scores
