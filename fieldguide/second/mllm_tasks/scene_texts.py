"""Tasks, text only: what the things of scenes look like, where they are and what they share.

Lists come as JSON. Strengths run from 0 to 3: for co-occurrence by how often the other thing is
there where the one is, for attributes by how many they share. Sentences follow one another in a
fixed order from a random start, so that a greedy answer does not repeat itself.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import join
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.mllm_tasks.scene_texts import (
    ALIKE,
    CAPTION_FRAMES,
    CAPTIONS,
    CHARACTER_FRAMES,
    CHARACTERISTICS,
    LOOK_FRAMES,
    MOST_SENTENCES,
    PLACE_FRAMES,
    SURROUNDINGS,
    TOGETHER,
)
from fieldguide.second.scenes import CATEGORIES, CONTEXT_SHARES, CONTEXTS, SHARED

EDGES: Final = (0.05, 0.15, 0.3)


def chance(one: str, other: str) -> float:
    """How often the other is in a scene in which the one is."""
    both = sum(
        weight * CONTEXTS[place].get(one, 0) * CONTEXTS[place].get(other, 0)
        for place, weight in CONTEXT_SHARES.items()
    )
    alone = sum(w * CONTEXTS[place].get(one, 0) for place, w in CONTEXT_SHARES.items())
    return both / alone


def together(one: str, other: str) -> int:
    """The strength of co-occurrence: 0 for hardly ever, up to 3."""
    return sum(chance(one, other) > edge for edge in EDGES)


def alike(one: str, other: str) -> int:
    """How many attributes two categories share, at most 3."""
    return min(3, sum(one in members and other in members for members in SHARED.values()))


def usual_places(name: str) -> list[str]:
    """The contexts in which a category is at least half as usual as where it is most usual."""
    most = max(shares.get(name, 0) for shares in CONTEXTS.values())
    return [place for place, shares in CONTEXTS.items() if shares.get(name, 0) >= most / 2]


def characteristics(rng: np.random.Generator) -> Sample:
    """Sentences about what a thing is like."""
    name = pick(CATEGORIES, rng)
    true = [shared for shared, members in SHARED.items() if name in members]
    texts = [
        frame.format(name=name, shared=shared) for frame in CHARACTER_FRAMES for shared in true
    ]
    texts += [frame.format(name=name) for frame in LOOK_FRAMES]
    known = set(texts)
    return _sentences("characteristics", CHARACTERISTICS, name, texts, known.__contains__, rng)


def surroundings(rng: np.random.Generator) -> Sample:
    """Sentences about where a thing is and with what."""
    name = pick(CATEGORIES, rng)
    places = usual_places(name)
    texts = []
    for frame in PLACE_FRAMES:
        place = pick(places, rng)
        usual = [o for o, share in CONTEXTS[place].items() if share >= 0.2 and o != name]
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
    count = MOST_SENTENCES if rng.random() < 0.5 else int(rng.integers(1, MOST_SENTENCES + 1))
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
    listed = others
    if rng.random() < 0.5:
        count = int(rng.integers(2, 16))
        listed = [others[place] for place in sorted(rng.permutation(len(others))[:count])]
    items = [{"name": other, "score": score(name, other)} for other in listed]
    return Sample(
        task, prompt.format(name=name, others=", ".join(listed)), json.dumps({"items": items})
    )


def _things(names: Sequence[str]) -> str:
    return join([f"a {name}" for name in names])
