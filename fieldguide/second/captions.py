"""What the second edition's CLIP reads: captions as people write them, not as a list of facts.

The whole of a bird is told often, its small parts seldom; the list name is there more often than
the folk name, and half of the folk names never; things of the background are left out of scenes.
A caption carries the facts it states, so that training knows every picture it fits.
"""

from typing import Final

import numpy as np

from fieldguide.captions import (
    NAME_FRAMES,
    TITLE_FRAMES,
    Caption,
)
from fieldguide.second.birds import ATTRIBUTES, HABITATS, NAMES, SPECIES
from fieldguide.second.scenes import CATEGORIES, CONTEXTS, SHARED, UNSAID, UNSAID_RATE

CONTEXT_LENGTH: Final = 56
# How often a caption of a bird tells each attribute.
TOLD: Final[dict[str, float]] = {
    "body": 0.6, "build": 0.35, "wings": 0.3, "tail": 0.2, "belly": 0.3,
    "crest": 0.08, "beak": 0.08, "ring": 0.05, "legs": 0.05, "throat": 0.05,
}  # fmt: skip
FOLK_SHARE: Final = 0.3
_VALUES: Final = tuple(ATTRIBUTES.items())
_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "body": ("a {} body", "{} plumage", "a {} back", "{} feathers"),
    "build": ("a {} build", "a {} shape", "a {} body shape"),
    "wings": ("{} wings", "a {} wing", "{} feathers on the wings"),
    "tail": ("a {} tail", "a {} shaped tail"),
    "belly": ("a {} belly", "{} underparts"),
    "crest": ("a {} crest", "a {} crest on its head"),
    "beak": ("a {} beak", "a {} bill"),
    "ring": ("a {} eye ring", "a {} ring around its eye"),
    "legs": ("{} legs", "legs that are {}"),
    "throat": ("a {} throat patch", "a {} patch on its throat"),
}
_NONE: Final = {"crest": "no crest", "ring": "no eye ring", "throat": "no throat patch"}
_PLACES: Final[dict[str, tuple[str, ...]]] = {
    "forest": ("in a forest", "among the trees"),
    "meadow": ("in a meadow", "on the grass"),
    "shore": ("at the shore", "by the sea"),
    "marsh": ("in a marsh", "among the reeds"),
    "desert": ("in a desert", "on the sand"),
    "snow": ("in the snow", "on snowy ground"),
    "harbour": ("in a harbour", "at the harbour"),
    "garden": ("in a garden", "in the garden"),
    "street": ("on a street", "in the street"),
    "mountain": ("on a mountain", "in the mountains"),
}
_BIRD_FRAMES: Final = (
    "a photo of a bird with {}.",
    "a bird with {}.",
    "a picture of a bird with {}",
    "this bird has {}.",
    "the bird has {}.",
    "an image of a bird that has {}.",
    "it has {}.",
    "{}",
)
_NAMED_FRAMES: Final = (
    "a photo of a {name}, which has {facts}.",
    "a {name} with {facts}.",
    "{name}: {facts}.",
    "a {name}, {facts}.",
    "a {name} is a bird with {facts}.",
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
_CONTEXT_FRAMES: Final = ("a photo of a {}.", "a scene in a {}.", "a {} scene.")


def bird_caption(traits: np.ndarray, habitat: int, rng: np.random.Generator) -> Caption:
    """A caption of some attributes in any order, sometimes with the habitat."""
    facts = _told(traits, rng)
    if rng.random() < 0.05:
        frame = _pick(("a bird {}.", "a photo of a bird {}.", "{}"), rng)
        return Caption(frame.format(_pick(_PLACES[HABITATS[habitat]], rng)), habitat=habitat)
    style = rng.random()
    if style < 0.12:
        pairs = [(*_VALUES[at], value) for at, value in facts.items()]
        text = ", ".join(f"{name}: {values[value]}" for name, values, value in pairs)
    elif style < 0.5 and {0, 1} & facts.keys():
        text = _with_whole(facts, rng)
    else:
        text = _pick(_BIRD_FRAMES, rng).format(_and(_phrases(facts, rng)))
    if rng.random() < 0.1 and len(facts) < 5:
        place = _pick(_PLACES[HABITATS[habitat]], rng)
        return Caption(f"{text.rstrip('.')} {place}.", facts, habitat)
    return Caption(text, facts)


def name_caption(species: int, traits: np.ndarray, rng: np.random.Generator) -> Caption:
    """A caption with a name of the species, now and then followed by some attributes."""
    bird = SPECIES[NAMES[species]]
    name = bird.folk if bird.folk_read and rng.random() < FOLK_SHARE else bird.name
    if rng.random() >= 0.25:
        return Caption(_pick(NAME_FRAMES, rng).format(name), species=species)
    facts = _told(traits, rng)
    text = _and(_phrases(facts, rng))
    return Caption(_pick(_NAMED_FRAMES, rng).format(name=name, facts=text), facts, species=species)


def scene_caption(
    present: np.ndarray, context: int, rng: np.random.Generator, titles: float = 0.0
) -> Caption:
    """A caption of a scene.

    Args:
        present: Which categories are in the scene.
        context: Its position in CONTEXTS.
        rng: Source of all choices.
        titles: How often to give the lone name of one category, as a title, which fits every scene
            of the contexts in which the category is usual. The other captions list what is there,
            say what one of the things can do, or where all this is.
    """
    there = [
        int(place)
        for place in rng.permutation(np.flatnonzero(present))
        if CATEGORIES[place] not in UNSAID or rng.random() < UNSAID_RATE
    ]
    style = rng.random()
    if style < 0.14:
        return _shared(present, rng)
    if style < 0.17 or not there:
        place = list(CONTEXTS)[context]
        return Caption(_pick(_CONTEXT_FRAMES, rng).format(place), themes=(context,))
    if style < 0.17 + titles:
        return _title(there[0], rng)
    draws = [int(rng.integers(1, len(there) + 1)) for _ in range(2)]
    told = there[: max(*draws, 2)]
    names = [CATEGORIES[place] for place in told]
    if len(names) == 1:
        return Caption(_pick(_ONE_FRAMES, rng).format(names[0]), every=tuple(told))
    if rng.random() < 0.15:
        return Caption(", ".join(names), every=tuple(told))
    text = _pick(_LIST_FRAMES, rng).format(_and([f"a {name}" for name in names]))
    if rng.random() < 0.15:
        text = f"{text.rstrip('.')} in a {list(CONTEXTS)[context]}."
        return Caption(text, every=tuple(told))
    return Caption(text, every=tuple(told))


def _shared(present: np.ndarray, rng: np.random.Generator) -> Caption:
    there = {CATEGORIES[place] for place in np.flatnonzero(present)}
    fitting = [shared for shared, members in SHARED.items() if there & set(members)]
    shared = fitting[rng.integers(len(fitting))]
    some = tuple(CATEGORIES.index(member) for member in SHARED[shared])
    return Caption(_pick(_SHARED_FRAMES, rng).format(shared), some=some)


def _title(category: int, rng: np.random.Generator) -> Caption:
    name = CATEGORIES[category]
    usual = max(shares.get(name, 0) for shares in CONTEXTS.values())
    themes = [
        place for place, shares in enumerate(CONTEXTS.values()) if shares.get(name, 0) > usual / 2
    ]
    return Caption(_pick(TITLE_FRAMES, rng).format(name), some=(category,), themes=tuple(themes))


def full_caption(traits: dict[str, str]) -> str:
    """The plain sentence that states the given attributes, in the order of ATTRIBUTES."""
    facts = [
        _phrase(name, traits[name], _PHRASES[name][0]) for name in ATTRIBUTES if name in traits
    ]
    return f"a photo of a bird with {_and(facts)}."


def vocabulary() -> list[str]:
    """Pieces of text that hold every word a caption can have; unread folk names are not there."""
    tables = (
        *_PHRASES.values(), tuple(_NONE.values()), *_PLACES.values(), _BIRD_FRAMES, NAME_FRAMES,
        TITLE_FRAMES, _LIST_FRAMES, _ONE_FRAMES, _SHARED_FRAMES, _CONTEXT_FRAMES, tuple(SHARED),
        tuple(CONTEXTS), CATEGORIES, NAMES, tuple(ATTRIBUTES), *ATTRIBUTES.values(), HABITATS,
        tuple(bird.folk for bird in SPECIES.values() if bird.folk_read),
    )  # fmt: skip
    pieces = {piece.replace("{}", " ") for table in tables for piece in table}
    pieces |= {frame.format(name=" ", facts=" ") for frame in _NAMED_FRAMES}
    return [*sorted(pieces), "a bird, a photo of a picture: an orange and the in a drawing with ."]


def _told(traits: np.ndarray, rng: np.random.Generator) -> dict[int, int]:
    chances = list(TOLD.values())
    while True:
        chosen = [at for at in rng.permutation(len(TOLD)) if rng.random() < chances[at]]
        if chosen:
            return {int(at): int(traits[at]) for at in chosen}


def _with_whole(facts: dict[int, int], rng: np.random.Generator) -> str:
    """Build and colour in front of the bird: `a slim red bird with ...`."""
    words = [_VALUES[at][1][facts[at]] for at in (1, 0) if at in facts]
    rest = _phrases({at: value for at, value in facts.items() if at > 1}, rng)
    article = "an" if words[0] == "orange" else "a"
    start = _pick(("a photo of {} {} bird", "{} {} bird", "a picture of {} {} bird"), rng)
    return start.format(article, " ".join(words)) + (f" with {_and(rest)}." if rest else ".")


def _phrases(facts: dict[int, int], rng: np.random.Generator) -> list[str]:
    return [
        _phrase(_VALUES[at][0], _VALUES[at][1][value], _pick(_PHRASES[_VALUES[at][0]], rng))
        for at, value in facts.items()
    ]


def _phrase(attribute: str, value: str, frame: str) -> str:
    if value == "none":
        return _NONE[attribute]
    return frame.format(value).replace("a orange", "an orange")


def _and(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]
