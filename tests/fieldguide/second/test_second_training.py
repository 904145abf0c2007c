"""Parts of the second edition's trainings: captions, who fits whom, tokens, the optimizer."""

import numpy as np
import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer

from fieldguide.clip_batches import Mixture
from fieldguide.clip_model import Vocabulary
from fieldguide.mllm_tasks.sample import Sample
from fieldguide.mllm_tokenizer import render, train_tokenizer
from fieldguide.second.birds import ATTRIBUTES, NAMES, SMALL, SPECIES
from fieldguide.second.captions import CONTEXT_LENGTH, TOLD, full_caption, vocabulary
from fieldguide.second.clip_batches import PictureBatches
from fieldguide.second.mllm_tokens import phrases
from fieldguide.second.muon import orthogonal
from fieldguide.second.pools import PictureKind, Pictures, draw_pictures


@pytest.fixture(scope="module")
def pools() -> dict[PictureKind, Pictures]:
    kinds: tuple[PictureKind, ...] = ("independent", "species", "scenes")
    return {kind: draw_pictures(kind, "dev", 31, range(24), 72, 0.3) for kind in kinds}


def test_captions_are_in_the_vocabulary_and_fit_their_own_picture(
    pools: dict[PictureKind, Pictures],
) -> None:
    batches = PictureBatches(pools["independent"], pools["species"], pools["scenes"], 0)
    tokenizer = SimpleTokenizer(context_length=CONTEXT_LENGTH)
    known = Vocabulary(tokenizer, vocabulary())
    for _ in range(2):
        batch = batches.draw(Mixture(30, 30, 30, named=0.6, titles=0.4))
        assert batch.fits.shape == (90, 90)
        assert batch.fits.diagonal().all()
        known(batch.texts)
        assert batch.covered.shape == (30, 36, len(batch.exact))
    ends = tokenizer([full_caption(bird.plumage._asdict()) for bird in SPECIES.values()])
    assert int((ends != 0).sum(1).max()) <= CONTEXT_LENGTH


def test_clip_reads_no_latin_name_and_half_of_the_folk_names() -> None:
    read = " ".join(vocabulary())
    assert not [bird.latin for bird in SPECIES.values() if bird.latin in read]
    assert sum(bird.folk in read for bird in SPECIES.values()) == 30
    assert all(name in read for name in NAMES)
    assert list(TOLD) == list(ATTRIBUTES)
    assert max(TOLD[name] for name in SMALL) < 0.1


def test_fixed_phrases_are_single_tokens_and_any_text_comes_back() -> None:
    tokenizer = train_tokenizer(["a red bird with plain wings"] * 3)
    bare = len(tokenizer)
    tokenizer.add_tokens(phrases())
    assert len(tokenizer) == bare + len(phrases())
    text = 'Describe the bird in this image. Mention its tail.\n{"items": [{"name": "Zürich"}]}'
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    sample = Sample("", "What bird is this?", "a lavil grequul", True)
    prompt, whole = render(tokenizer, sample)
    ids = tokenizer(whole)["input_ids"]
    assert ids[: len(tokenizer(prompt)["input_ids"])] == tokenizer(prompt)["input_ids"]


def test_pools_are_functions_of_their_seed(pools: dict[PictureKind, Pictures]) -> None:
    again = draw_pictures("species", "dev", 31, range(24), 72, 0.3)
    assert all(
        np.array_equal(one, other) for one, other in zip(pools["species"], again, strict=True)
    )
    part = draw_pictures("species", "dev", 31, range(10, 20), 72, 0.3)
    assert np.array_equal(part.pixels, again.pixels[10:20])


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (16, 16)])
def test_the_update_is_nearly_orthogonal(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=generator)))
    assert values.min() > 0.3
    assert values.max() < 1.4
