"""Captions fit the context, state only what is true, and keep to their vocabulary."""

import numpy as np
import pytest
from open_clip.tokenizer import SimpleTokenizer

from fieldguide.captions import (
    CONTEXT_LENGTH,
    Caption,
    bird_caption,
    full_caption,
    habitat_caption,
    name_caption,
    scene_caption,
    vocabulary,
)
from fieldguide.scenes import CATEGORIES, SHARED
from fieldguide.world import ATTRIBUTES, NAMES, SPECIES


def _captions(count: int) -> list[Caption]:
    rng = np.random.default_rng(3)
    captions = []
    for _ in range(count):
        traits = np.array([rng.integers(len(values)) for values in ATTRIBUTES.values()])
        present = rng.random(len(CATEGORIES)) < 0.2
        present[rng.integers(len(CATEGORIES))] = True
        captions += [
            bird_caption(traits, int(rng.integers(6)), rng),
            habitat_caption(int(rng.integers(6)), rng),
            name_caption(int(rng.integers(len(NAMES))), traits, rng),
            scene_caption(np.logical_and(present, present.cumsum() <= 5), rng),
        ]
    return captions


@pytest.fixture(scope="module")
def tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer(context_length=CONTEXT_LENGTH)


@pytest.mark.slow
def test_captions_fit_the_context_and_the_vocabulary(tokenizer: SimpleTokenizer) -> None:
    known = {token for piece in vocabulary() for token in tokenizer.encode(piece)}
    for caption in _captions(1500):
        tokens = tokenizer.encode(caption.text)
        assert len(tokens) + 2 <= CONTEXT_LENGTH, caption.text
        assert set(tokens) <= known, caption.text


def test_names_are_short(tokenizer: SimpleTokenizer) -> None:
    assert max(len(tokenizer.encode(name)) for name in NAMES) <= 6


def test_captions_say_the_facts_they_carry() -> None:
    attributes = list(ATTRIBUTES.items())
    for caption in _captions(200):
        for place, value in caption.traits.items():
            name, values = attributes[place]
            word = "no" if (name, values[value]) == ("crest", "none") else values[value]
            assert word in caption.text or f"{name}: none" in caption.text
        for place in caption.every:
            assert CATEGORIES[place] in caption.text
        if caption.species >= 0:
            assert NAMES[caption.species] in caption.text
        if caption.some:
            assert any(shared in caption.text for shared in SHARED)


def test_captions_vary() -> None:
    assert len({caption.text for caption in _captions(500)}) > 1000


def test_full_caption() -> None:
    traits = SPECIES["kaldo dornet"].traits._asdict()
    assert full_caption(traits) == (
        "a photo of a bird with a blue body, striped wings, a pointed crest, a long beak, "
        "a fan tail and a pink belly."
    )
    assert full_caption({"crest": "none"}) == "a photo of a bird with no crest."
