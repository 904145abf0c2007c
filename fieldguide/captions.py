"""The sentences the tiny CLIP learns from: many ways to say what is in a drawn picture.

A caption carries the facts it states, so that training can tell every picture it fits from every
picture it does not: a fact left out is left open.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fieldguide.scenes import CATEGORIES, CONTEXTS, SHARED
from fieldguide.world import ATTRIBUTES, HABITATS, NAMES

CONTEXT_LENGTH: Final = 40
_VALUES: Final = tuple(ATTRIBUTES.items())

_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "body": ("a {} body", "{} plumage", "a {} back", "{} feathers", "a body that is {}"),
    "wings": ("{} wings", "wings that are {}", "a {} wing", "{} feathers on the wings"),
    "crest": ("a {} crest", "a crest that is {}", "a {} crest on its head"),
    "beak": ("a {} beak", "a beak that is {}", "a {} bill"),
    "tail": ("a {} tail", "a tail that is {}", "a {} shaped tail"),
    "belly": ("a {} belly", "a belly that is {}", "{} underparts"),
}
_NO_CREST: Final = ("no crest", "no crest at all", "no crest on its head")
_PLACES: Final[dict[str, tuple[str, ...]]] = {
    "forest": ("in a forest", "among the trees", "in the forest"),
    "meadow": ("in a meadow", "on the grass", "in the meadow"),
    "shore": ("at the shore", "by the sea", "on the shore"),
    "marsh": ("in a marsh", "among the reeds", "in the marsh"),
    "desert": ("in a desert", "on the sand", "in the desert"),
    "snow": ("in the snow", "on snowy ground", "in a snowy place"),
}
_BIRD_FRAMES: Final = (
    "a photo of a bird with {}.",
    "a bird with {}.",
    "a picture of a bird with {}",
    "this bird has {}.",
    "the bird has {}.",
    "an image of a bird that has {}.",
    "a drawing of a bird with {}.",
    "it has {}.",
    "{}.",
    "{}",
)
NAME_FRAMES: Final = (
    "a photo of a {}.",
    "a photo of a {}, a type of bird.",
    "a picture of a {}.",
    "an image of a {}",
    "a {}.",
    "{}",
    "a drawing of a {}.",
    "a photo of a bird called {}.",
    "a good photo of the {}.",
)
_NAMED_BIRD_FRAMES: Final = (
    "a photo of a {name}, which has {facts}.",
    "a {name} with {facts}.",
    "{name}: {facts}.",
    "a photo of a {name} with {facts}.",
)
TITLE_FRAMES: Final = (
    "a photo of a {}.",
    "a picture of a {}.",
    "an image of a {}",
    "a {}.",
    "{}",
    "a photo of the {}.",
)
_LIST_FRAMES: Final = (
    "a scene with {}.",
    "a photo of {}.",
    "there is {} in the picture.",
    "a picture of {}.",
    "{}.",
    "an image that shows {}",
    "we see {}.",
)
_ONE_FRAMES: Final = (
    "there is a {} in the picture.",
    "an image that shows a {}",
    "we see a {}.",
    "a scene with a {}.",
)
_SHARED_FRAMES: Final = (
    "something that {}.",
    "a photo of something that {}.",
    "a picture with a thing that {}.",
)


@dataclass(frozen=True)
class Caption:
    """A sentence and the facts it states.

    Attributes:
        text: The sentence.
        traits: Attribute position to value position, for what is said of a bird.
        habitat: Position in HABITATS, or -1.
        species: Position in NAMES, or -1.
        every: Positions in CATEGORIES that must all be in the scene.
        some: Positions in CATEGORIES of which one at least must be.
        themes: Positions in CONTEXTS; the caption also fits every scene of one of them.
    """

    text: str
    traits: dict[int, int] = field(default_factory=dict)
    habitat: int = -1
    species: int = -1
    every: tuple[int, ...] = ()
    some: tuple[int, ...] = ()
    themes: tuple[int, ...] = ()


def bird_caption(
    traits: np.ndarray, habitat: int, rng: np.random.Generator, most: int = len(ATTRIBUTES)
) -> Caption:
    """A caption of one to `most` attributes in any order, sometimes with the habitat."""
    chosen = rng.permutation(len(ATTRIBUTES))[: rng.integers(1, most + 1)]
    facts = {int(place): int(traits[place]) for place in chosen}
    style = rng.random()
    if style < 0.15:
        text = _as_list(facts)
    elif style < 0.35 and 0 in facts:
        text = _with_colour(facts, rng)
    else:
        text = _pick(_BIRD_FRAMES, rng).format(_and(_phrases(facts, rng)))
    if rng.random() < 0.12 and len(facts) < 5:
        place = _pick(_PLACES[HABITATS[habitat]], rng)
        return Caption(f"{text.rstrip('.')} {place}.", facts, habitat)
    return Caption(text, facts)


def habitat_caption(habitat: int, rng: np.random.Generator) -> Caption:
    """A caption that says nothing but where the bird is."""
    frame = _pick(("a bird {}.", "a photo of a bird {}.", "{}"), rng)
    return Caption(frame.format(_pick(_PLACES[HABITATS[habitat]], rng)), habitat=habitat)


def name_caption(
    species: int, traits: np.ndarray, rng: np.random.Generator, with_facts: float = 0.25
) -> Caption:
    """A caption with the name of the species, now and then followed by some attributes."""
    if rng.random() >= with_facts:
        return Caption(_pick(NAME_FRAMES, rng).format(NAMES[species]), species=species)
    chosen = rng.permutation(len(ATTRIBUTES))[: rng.integers(1, 5)]
    facts = {int(place): int(traits[place]) for place in chosen}
    text = _and(_phrases(facts, rng))
    text = _pick(_NAMED_BIRD_FRAMES, rng).format(name=NAMES[species], facts=text)
    return Caption(text, facts, species=species)


def scene_caption(present: np.ndarray, rng: np.random.Generator, titles: float = 0.0) -> Caption:
    """A caption of a scene.

    Args:
        present: Which categories are in the scene.
        rng: Source of all choices.
        titles: How often to give the lone name of one category, as a title; see `_title`. The
            other captions list several categories or, now and then, say what one of them can do.
    """
    there = rng.permutation(np.flatnonzero(present))
    style = rng.random()
    if style < 0.1:
        fitting = [
            shared
            for shared, members in SHARED.items()
            if any(CATEGORIES[place] in members for place in there)
        ]
        if fitting:
            shared = fitting[rng.integers(len(fitting))]
            some = tuple(CATEGORIES.index(member) for member in SHARED[shared])
            return Caption(_pick(_SHARED_FRAMES, rng).format(shared), some=some)
    if style < 0.1 + titles:
        return _title(int(there[0]), rng)
    told = there[: max(rng.integers(1, len(there) + 1), rng.integers(1, len(there) + 1), 2)]
    every = tuple(int(place) for place in told)
    names = [CATEGORIES[place] for place in every]
    if len(names) == 1:
        return Caption(_pick(_ONE_FRAMES, rng).format(names[0]), every=every)
    if rng.random() < 0.15:
        return Caption(", ".join(names), every=every)
    text = _pick(_LIST_FRAMES, rng).format(_and([f"a {name}" for name in names]))
    if rng.random() < 0.1:
        fitting = [name for name, shares in CONTEXTS.items() if shares.keys() >= set(names)]
        text = f"{text.rstrip('.')} in a {fitting[0]}." if fitting else text
    return Caption(text, every=every)


def _title(category: int, rng: np.random.Generator) -> Caption:
    """The lone name of a category, meant as titles are: what kind of scene it is.

    It fits every scene of the contexts in which the category is usual, there or not. So lone names
    are understood loosely while sentences are understood exactly, as web pictures teach it, and a
    method that learns prompts from sentences has something to gain.
    """
    name = CATEGORIES[category]
    usual = max(shares.get(name, 0) for shares in CONTEXTS.values())
    themes = [
        place for place, shares in enumerate(CONTEXTS.values()) if shares.get(name, 0) > usual / 2
    ]
    return Caption(_pick(TITLE_FRAMES, rng).format(name), some=(category,), themes=tuple(themes))


def full_caption(traits: dict[str, str]) -> str:
    """The plain sentence that states the given attributes, in the order of ATTRIBUTES."""
    facts = [
        _PHRASES[name][0].format(traits[name]) if traits[name] != "none" else _NO_CREST[0]
        for name in ATTRIBUTES
        if name in traits
    ]
    return f"a photo of a bird with {_and([_article(fact) for fact in facts])}."


def vocabulary() -> list[str]:
    """Pieces of text that hold every word a caption can have."""
    tables = (
        *_PHRASES.values(), _NO_CREST, *_PLACES.values(), _BIRD_FRAMES, NAME_FRAMES,
        TITLE_FRAMES, _LIST_FRAMES, _ONE_FRAMES, _SHARED_FRAMES, tuple(SHARED), tuple(CONTEXTS),
        CATEGORIES, NAMES, tuple(ATTRIBUTES), *ATTRIBUTES.values(), HABITATS,
    )  # fmt: skip
    pieces = {piece.replace("{}", " ") for table in tables for piece in table}
    pieces |= {frame.format(name=" ", facts=" ") for frame in _NAMED_BIRD_FRAMES}
    return [*sorted(pieces), "a bird, a photo of a picture: an orange and the in a drawing with ."]


def _phrases(facts: dict[int, int], rng: np.random.Generator) -> list[str]:
    """One phrase for each fact; only short ones when there are many, to fit the context."""
    words = 3 if len(facts) > 4 else 9
    phrases = []
    for place, value in facts.items():
        name, word = _VALUES[place][0], _VALUES[place][1][value]
        choices = _NO_CREST if word == "none" else _PHRASES[name]
        fitting = [choice for choice in choices if len(choice.split()) <= words]
        phrases.append(_article(fitting[rng.integers(len(fitting))].format(word)))
    return phrases


def _as_list(facts: dict[int, int]) -> str:
    """The form `body: red, wings: striped`, as a model that lists facts would write it."""
    pairs = (f"{_VALUES[place][0]}: {_VALUES[place][1][value]}" for place, value in facts.items())
    return ", ".join(pairs)


def _with_colour(facts: dict[int, int], rng: np.random.Generator) -> str:
    """The body colour in front of the bird: `a red bird with ...`."""
    colour = ATTRIBUTES["body"][facts[0]]
    rest = _phrases({place: value for place, value in facts.items() if place != 0}, rng)
    start = _pick(("a photo of a {} bird", "a {} bird", "a picture of a {} bird"), rng)
    return start.format(colour) + (f" with {_and(rest)}." if rest else ".")


def _article(phrase: str) -> str:
    return phrase.replace("a orange", "an orange")


def _and(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]
