"""The learned prompt, on the field guide's CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.text_tower import text_tower
from methods.class_matrix import unit_rows
from methods.errors import InputError
from methods.near.candidates import candidate_sets, nearest_neighbours
from methods.near.prompt_learner import PromptLearner
from methods.near.settings import NearTrainSettings
from methods.near.training import train
from methods.text_tower import TextTower

NAMES = ["robin", "black-tailed gull", "crow", "Brewer's blackbird", "great grey owl"]
LONG = "very " * 60 + "large gull"


@pytest.fixture(scope="module")
def encoder() -> ClipEncoder:
    return ClipEncoder(resolve_clip("fieldguide"), precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def tower(encoder: ClipEncoder) -> TextTower:
    return text_tower(encoder)


@pytest.fixture(scope="module")
def clip(encoder: ClipEncoder, tower: TextTower) -> Any:
    """The open_clip model, frozen with its tower."""
    return encoder.model


def own_features(clip: Any, tower: TextTower, texts: Sequence[str]) -> Tensor:
    """open_clip's own features."""
    return clip.encode_text(tower.tokenize(texts, len(tower.positional_embedding)), normalize=True)


def test_words_as_context_are_zero_shot_clip(clip: Any, tower: TextTower) -> None:
    learner = PromptLearner(tower, NAMES, context="a photo of a")
    assert learner.ctx.shape == (4, 128)
    assert learner.logit_scale == pytest.approx(float(clip.logit_scale.exp()))
    features = learner.text_features()
    expected = own_features(clip, tower, [f"a photo of a {name}." for name in NAMES])
    assert features.dtype == torch.float32
    assert torch.allclose(features, expected, atol=1e-5)
    assert torch.allclose(features.norm(dim=1), torch.ones(5), atol=1e-5)


def test_a_prompt_is_start_context_name_end(clip: Any, tower: TextTower) -> None:
    """Put together by hand, uncut, with open_clip's own parts."""
    learner = PromptLearner(tower, ["black-tailed gull"], context=5, seed=3)
    tokens = tower.tokenize(["black-tailed gull."], 35)
    words = clip.token_embedding(tokens)
    x = torch.cat([words[:, :1], learner.ctx[None], words[:, 1:]], dim=1)
    x = clip.transformer(x + clip.positional_embedding, attn_mask=clip.attn_mask)
    x = clip.ln_final(x)[0, int(tokens.argmax()) + 5] @ clip.text_projection
    assert torch.allclose(learner.text_features()[0], functional.normalize(x, dim=0), atol=1e-5)


def test_random_context_is_small_and_of_its_seed(tower: TextTower) -> None:
    ctx = PromptLearner(tower, NAMES, context=16, seed=1).ctx
    assert float(ctx.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert torch.equal(ctx, PromptLearner(tower, NAMES[:2], context=16, seed=1).ctx)
    assert not torch.equal(ctx, PromptLearner(tower, NAMES, context=16, seed=2).ctx)
    before = torch.random.get_rng_state()
    PromptLearner(tower, NAMES, context=16, seed=1)
    assert torch.equal(before, torch.random.get_rng_state()), "torch's own state is left alone"


def test_only_the_context_has_a_gradient(clip: Any, tower: TextTower) -> None:
    learner = PromptLearner(tower, NAMES, context=4)
    assert [name for name, _ in learner.named_parameters()] == ["ctx"]
    assert list(learner.state_dict()) == ["ctx"]
    (learner.text_features() @ torch.ones(128)).sum().backward()
    assert learner.ctx.grad is not None
    assert float(learner.ctx.grad.abs().min()) > 0
    assert all(parameter.grad is None for parameter in clip.parameters())
    clip.ln_final.weight.requires_grad_(True)
    with pytest.raises(ValueError, match="must be frozen"):
        PromptLearner(tower, NAMES, context=4)
    clip.ln_final.weight.requires_grad_(False)


def test_training_moves_the_context_and_nothing_else_and_can_be_resumed(
    clip: Any, tower: TextTower
) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 5
    clean = own_features(clip, tower, [f"a photo of a {name}." for name in NAMES]).numpy()
    features = unit_rows(clean[labels] + 0.05 * rng.standard_normal((20, 128)).astype(np.float32))
    labels[::4] = 0
    near = nearest_neighbours(features, 2)
    sets = candidate_sets(labels, near)
    settings = NearTrainSettings(epochs=4, train_batch=8, learning_rate=0.01)
    before = {name: value.clone() for name, value in clip.state_dict().items()}
    learner = PromptLearner(tower, NAMES, context="a photo of a")
    start = learner.ctx.detach().clone()
    reports = list(train(learner, features, labels, sets, settings, neighbours=near))
    assert not torch.equal(learner.ctx, start)
    assert reports[-1].split is not None
    assert all(torch.equal(value, before[name]) for name, value in clip.state_dict().items())
    other = PromptLearner(tower, NAMES, context=4, seed=9)
    state = reports[1].state
    rest = list(train(other, features, labels, sets, settings, neighbours=near, state=state))
    assert torch.equal(other.ctx, learner.ctx)
    assert [report.loss for report in rest] == [report.loss for report in reports[2:]]


def test_chunks_change_neither_features_nor_gradient(tower: TextTower) -> None:
    gradients = []
    for chunk in (1, 2, 256):
        learner = PromptLearner(tower, NAMES, context=4)
        features = learner.text_features(chunk=chunk)
        (features * torch.arange(128.0)).sum().backward()
        gradients.append((features.detach(), learner.ctx.grad))
        with torch.no_grad():
            assert torch.equal(learner.text_features(chunk=chunk), features)
    for features, gradient in gradients[:2]:
        assert torch.allclose(features, gradients[2][0], atol=1e-5)
        assert gradient is not None
        assert torch.allclose(gradient, gradients[2][1], rtol=1e-3, atol=1e-3)


def test_a_name_does_not_depend_on_the_others(tower: TextTower) -> None:
    every = PromptLearner(tower, [*NAMES, LONG], context=4)
    few = PromptLearner(tower, NAMES[1:3], context=4)
    whole = every.text_features().detach()
    assert torch.allclose(few.text_features(), whole[1:3], atol=1e-5)
    ids = torch.tensor([4, 0, 5])
    assert torch.allclose(every.text_features(ids), whole[ids], atol=1e-5)
    order = [3, 1, 0, 2, 4]
    permuted = PromptLearner(tower, [NAMES[i] for i in order], context=4).text_features()
    assert torch.allclose(permuted, whole[order], atol=1e-5)


def test_a_long_name_is_cut_and_its_end_kept(clip: Any, tower: TextTower) -> None:
    features = PromptLearner(tower, [LONG, "robin"], context="a photo of a").text_features()
    expected = own_features(clip, tower, [f"a photo of a {LONG}.", "a photo of a robin."])
    assert torch.allclose(features, expected, atol=1e-5)


def test_no_mask_means_the_padding_is_seen(tower: TextTower) -> None:
    blind = PromptLearner(replace(tower, attn_mask=None), NAMES, context=4)
    assert blind.tokens.shape == (5, 36)
    assert PromptLearner(tower, NAMES, context=4).tokens.shape[1] < 12


@pytest.mark.parametrize("context", [0, -1, 38, "", "word " * 50])
def test_a_context_that_leaves_no_room_is_refused(tower: TextTower, context: int | str) -> None:
    with pytest.raises(InputError, match="use 1 to 37"):
        PromptLearner(tower, NAMES, context=context)


def test_no_names_and_the_longest_context(tower: TextTower) -> None:
    with pytest.raises(InputError, match="no names"):
        PromptLearner(tower, [], context=4)
    assert torch.isfinite(PromptLearner(tower, [LONG], context=37).text_features()).all()
