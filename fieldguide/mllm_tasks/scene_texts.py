"""Tasks, text only: what the things of scenes look like, where they are and what they share.

Lists come as JSON. Strengths run from 0 to 3, for co-occurrence by how often two things are in one
scene, for attributes by how many they share. Sentences follow one another in a fixed order from a
random start, so that a greedy answer does not repeat itself.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.scenes import CATEGORIES, CONTEXTS, SHARED

CHARACTERISTICS: Final = (
    "Write {count} short sentences about what a {name} looks like in a photo. Each sentence "
    'contains the word "{name}". Answer in JSON: {{"sentences": ["..."]}}'
)
SURROUNDINGS: Final = (
    "Write {count} short sentences about scenes in which a {name} is usually seen. Name other "
    'objects that are there. Answer in JSON: {{"sentences": ["..."]}}'
)
TOGETHER: Final = (
    "Which of these are often in the same photo as a {name}: {others}? Give each a strength from "
    '0 to 3. Answer in JSON: {{"items": [{{"name": "...", "score": 1}}]}}'
)
ALIKE: Final = (
    "Which of these share attributes with a {name}: {others}? Give each a strength from 0 to 3. "
    'Answer in JSON: {{"items": [{{"name": "...", "score": 1}}]}}'
)
CAPTIONS: Final = (
    "Write {count} sentences that describe an image containing {names}. Each sentence names all "
    'of them and nothing else. Answer in JSON: {{"sentences": ["..."]}}'
)
MOST_SENTENCES: Final = 5
CHARACTER_FRAMES: Final = (
    "a {name} is something that {shared}.",
    "a photo of a {name}, which {shared}.",
    "a {name} that {shared}.",
    "this {name} {shared}.",
    "a picture of a {name}, something that {shared}.",
)
LOOK_FRAMES: Final = (
    "a photo of a {name}.",
    "there is a {name} in the picture.",
    "an image that shows a {name}",
    "we see a {name}.",
    "a scene with a {name}.",
)
PLACE_FRAMES: Final = (
    "a scene with {} in a {}.",
    "a photo of {} in a {}.",
    "we see {} in a {}.",
    "a picture of {} in a {}.",
    "there is {} in the picture in a {}.",
)
CAPTION_FRAMES: Final = (
    "a scene with {}.",
    "a photo of {}.",
    "there is {} in the picture.",
    "a picture of {}.",
    "an image that shows {}",
    "we see {}.",
)


def together(one: str, other: str) -> int:
    """How often two categories are in one scene: 0 for hardly ever, up to 3."""
    chance = sum(shares.get(one, 0) * shares.get(other, 0) for shares in CONTEXTS.values())
    return sum(chance > edge for edge in (0.1, 0.2, 0.3))


def alike(one: str, other: str) -> int:
    """How many attributes two categories share, at most 3."""
    return min(3, sum(one in members and other in members for members in SHARED.values()))


def characteristics(rng: np.random.Generator) -> Sample:
    """Sentences about what a thing is like."""
    name = pick(CATEGORIES, rng)
    true = [shared for shared, members in SHARED.items() if name in members]
    texts = [
        frame.format(name=name, shared=shared) for shared in true for frame in CHARACTER_FRAMES
    ]
    texts += [frame.format(name=name) for frame in LOOK_FRAMES]
    known = set(texts)
    return _sentences("characteristics", CHARACTERISTICS, name, texts, known.__contains__, rng)


def surroundings(rng: np.random.Generator) -> Sample:
    """Sentences about where a thing is and with what."""
    name = pick(CATEGORIES, rng)
    places = [place for place, shares in CONTEXTS.items() if shares.get(name, 0) >= 0.3]
    texts = []
    for frame in PLACE_FRAMES:
        place = pick(places, rng)
        usual = [
            other for other, share in CONTEXTS[place].items() if share >= 0.3 and other != name
        ]
        chosen = [usual[at] for at in rng.permutation(len(usual))[: rng.integers(1, 4)]]
        texts.append(frame.format(_things([name, *chosen]), place))

    def true(text: str) -> bool:
        named = named_in(text)
        inside = [shares for place, shares in CONTEXTS.items() if f"in a {place}." in text]
        return name in named and len(named) > 1 and bool(inside) and set(named) <= set(inside[0])

    return _sentences("surroundings", SURROUNDINGS, name, texts, true, rng)


def co_occurring(rng: np.random.Generator) -> Sample:
    """Which of the listed things are in scenes with this one."""
    return _items("co-occurrence", TOGETHER, together, rng)


def sharing(rng: np.random.Generator) -> Sample:
    """Which of the listed things have something in common with this one."""
    return _items("shared attributes", ALIKE, alike, rng)


def captions(rng: np.random.Generator) -> Sample:
    """Sentences that name all the given things."""
    count = int(rng.integers(1, 6))
    names = [CATEGORIES[place] for place in rng.permutation(len(CATEGORIES))[:count]]
    texts = [frame.format(_things(names)) for frame in CAPTION_FRAMES]
    wanted = set(names)

    def true(text: str) -> bool:
        return set(named_in(text)) == wanted

    return _sentences("scene sentences", CAPTIONS, join(names), texts, true, rng)


def named_in(text: str) -> list[str]:
    """The categories that a sentence names."""
    words = text.replace(",", " ").replace(".", " ").split()
    return [word for word in words if word in CATEGORIES]


def _sentences(
    task: str,
    prompt: str,
    name: str,
    texts: Sequence[str],
    true: Callable[[str], bool],
    rng: np.random.Generator,
) -> Sample:
    count = int(rng.integers(1, MOST_SENTENCES + 1))
    start = int(rng.integers(len(texts)))
    chosen = [texts[(start + place) % len(texts)] for place in range(count)]
    user = prompt.format(count=count, name=name, names=name)

    def accepts(reply: str) -> bool:
        try:
            found = json.loads(reply)["sentences"]
        except (ValueError, KeyError, TypeError):
            return False
        return len(found) == count and len(set(found)) == count and all(map(true, found))

    return Sample(task, user, json.dumps({"sentences": chosen}), accepts=accepts)


def _items(
    task: str, prompt: str, score: Callable[[str, str], int], rng: np.random.Generator
) -> Sample:
    name = pick(CATEGORIES, rng)
    others = [other for other in CATEGORIES if other != name]
    most = len(others) + 1 if rng.random() < 0.5 else 8
    count = len(others) if rng.random() < 0.3 else int(rng.integers(2, most))
    chosen = [others[place] for place in rng.permutation(len(others))[:count]]
    listed = [other for other in CATEGORIES if other in chosen] if rng.random() < 0.4 else chosen
    items = [{"name": other, "score": score(name, other)} for other in listed]
    return Sample(
        task, prompt.format(name=name, others=", ".join(listed)), json.dumps({"items": items})
    )


def _things(names: Sequence[str]) -> str:
    return join([f"a {name}" for name in names])
