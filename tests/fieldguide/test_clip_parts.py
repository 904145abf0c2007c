"""Pools, batches and losses that the tiny CLIP is trained with."""

import numpy as np
import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from torch.nn.functional import normalize

from fieldguide.captions import CONTEXT_LENGTH, Caption
from fieldguide.clip_batches import Batches, Mixture, cover, fit
from fieldguide.clip_losses import contrastive_loss
from fieldguide.clip_model import Vocabulary, new_model, patch_tokens, text_features
from fieldguide.clip_pools import Pool, as_clip_sees, draw_pool
from fieldguide.scenes import CATEGORIES
from fieldguide.world import NAMES, SPECIES


@pytest.fixture(scope="module")
def pools() -> dict[str, Pool]:
    return {
        "independent": draw_pool("independent", "dev", 31, 24, False),
        "species": draw_pool("species", "dev", 31, 24, False),
        "scenes": draw_pool("scenes", "dev", 31, 24, False),
    }


@pytest.fixture(scope="module")
def tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer(context_length=CONTEXT_LENGTH)


def test_pools_hold_the_facts(pools: dict[str, Pool]) -> None:
    assert pools["independent"].pixels.shape == (24, 72, 72, 3)
    assert set(pools["independent"].species.tolist()) == {-1}
    assert set(pools["species"].species.tolist()) == set(range(24))
    scenes = pools["scenes"]
    assert (scenes.traits == -1).all()
    assert np.array_equal(scenes.occupancy.any(axis=1), scenes.categories)


@pytest.mark.parametrize("size", [(96, 128), (131, 98), (72, 72), (399, 300)])
def test_resize_gives_the_middle_square(size: tuple[int, int]) -> None:
    assert as_clip_sees(Image.new("RGB", size)).size == (72, 72)


def test_a_caption_fits_every_picture_it_is_true_of(pools: dict[str, Pool]) -> None:
    species = pools["species"]
    fits = fit(species, [Caption("red", traits={0: 0}), Caption("name", species=5), Caption("any")])
    red = [SPECIES[NAMES[row]].traits.body == "red" for row in species.species]
    assert fits[:, 0].tolist() == red
    assert fits[:, 1].tolist() == (species.species == 5).tolist()
    assert fits[:, 2].all()
    scenes = pools["scenes"]
    boat, fish = CATEGORIES.index("boat"), CATEGORIES.index("fish")
    fits = fit(scenes, [Caption("both", every=(boat, fish)), Caption("one", some=(boat, fish))])
    pair = scenes.categories[:, [boat, fish]]
    assert np.array_equal(fits, np.stack([pair.all(axis=1), pair.any(axis=1)], axis=1))


def test_batches_repeat_and_captions_fit_their_pictures(pools: dict[str, Pool]) -> None:
    mixture = Mixture(6, 6, 6, named=0.5)
    first = Batches(**pools, seed=4).draw(mixture)
    again = Batches(**pools, seed=4).draw(mixture)
    assert first.texts == again.texts
    assert np.array_equal(first.pictures.pixels, again.pictures.pixels)
    assert first.fits.diagonal().all()
    assert not first.fits[:12, 12:].any()


def test_mirroring_mirrors_the_occupancy(pools: dict[str, Pool]) -> None:
    batch = Batches(**pools, seed=4).draw(Mixture(0, 0, 40), with_texts=False)
    mirrored = 0
    for pixels, occupancy in zip(batch.pictures.pixels, batch.pictures.occupancy, strict=True):
        grid = occupancy.reshape(6, 6, -1)
        for original, own in zip(pools["scenes"].pixels, pools["scenes"].occupancy, strict=True):
            if np.array_equal(pixels, original[:, ::-1]):
                assert np.array_equal(grid, own.reshape(6, 6, -1)[:, ::-1])
                mirrored += 1
    assert mirrored > 10


def test_features_are_those_of_open_clip(tokenizer: SimpleTokenizer) -> None:
    torch.manual_seed(0)
    model = new_model().eval()
    texts = tokenizer(["a bird", "a photo of a bird with a red body and no crest.", "a boat", "b"])
    images = torch.randn(3, 3, 72, 72)
    with torch.inference_mode():
        assert torch.allclose(
            text_features(model, texts), model.encode_text(texts, normalize=True), atol=1e-5
        )
        pooled = patch_tokens(model, images).mean(dim=1) @ model.visual.proj
        assert torch.allclose(pooled, model.encode_image(images), atol=1e-5)


def test_a_shrunk_token_table_gives_the_same_features(tokenizer: SimpleTokenizer) -> None:
    torch.manual_seed(0)
    model, texts = new_model().eval(), ["a photo of a kaldo dornet.", "tail: fan, beak: short"]
    small = Vocabulary(tokenizer)
    with torch.inference_mode():
        whole = text_features(model, tokenizer(texts))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        table = small.shrink(model)
        assert torch.allclose(text_features(model, small(texts)), whole, atol=1e-6)
    after = small.state(model, table)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    with pytest.raises(ValueError, match="vocabulary"):
        small(["a rhinoceros"])


def test_contrastive_loss_is_least_when_the_fitting_pairs_are_near() -> None:
    fits = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    near = normalize(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), dim=-1)
    far = near[[2, 0, 1]]
    scale = torch.tensor(20.0)
    best = contrastive_loss(near, near, scale, fits)
    assert best < contrastive_loss(near, far, scale, fits)
    assert torch.isclose(best, torch.log(torch.tensor(2.0)) * 2 / 3, atol=1e-3)


def test_covered_patches_are_those_of_what_the_caption_tells(pools: dict[str, Pool]) -> None:
    occupancy = pools["scenes"].occupancy
    covered = cover(
        occupancy, [Caption("two", every=(0, 8)), Caption("any", some=(3,)), Caption("")]
    )
    assert np.array_equal(covered[:, :, 0], occupancy[:, :, 0] | occupancy[:, :, 8])
    assert np.array_equal(covered[:, :, 1], occupancy[:, :, 3])
    assert not covered[:, :, 2].any()
