"""Training: what it changes and what not, how it goes on, and that it learns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from methods.data_free.hierarchical_prompts import HierarchicalPrompts
from methods.data_free.nouns import NounFilter
from methods.data_free.ranking import global_scores, local_scores, ranking_loss
from methods.data_free.settings import DataFreeTrainSettings, TokenCounts
from methods.data_free.text_features import TextFeatures, text_token_features
from methods.data_free.training import held_out_texts, train
from methods.metrics_multilabel import average_precisions, mean_average_precision
from methods.multi_label_scores import image_scores
from methods.text_tower import TextTower

NAMES = ["dog", "boat", "kite", "tree", "car", "bird"]
TOKENS = TokenCounts(2, 2, 2, 2)
GROUPS = {
    "attribute_groups": np.array([0, 1, 2, 0, 1, 2]),
    "context_groups": np.array([0, 1, 1, 0, 0, 0]),
}
FRAMES = ("a photo of {}.", "we see {} here.", "{} on a fine day", "this is {}.", "a scene of {}")


def sentences(count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    texts, labels = [], np.zeros((count, len(NAMES)), bool)
    for row in labels:
        members = rng.permutation(len(NAMES))[: rng.integers(1, 4)]
        row[members] = True
        text = " and ".join(f"a {NAMES[at]}" for at in members)
        texts.append(FRAMES[rng.integers(len(FRAMES))].format(text))
    return texts, labels


def prompts_of(tower: TextTower, seed: int = 0, **others: Any) -> HierarchicalPrompts:
    return HierarchicalPrompts(tower, NAMES, TOKENS, **{**GROUPS, **others}, seed=seed)


def settings_of(**others: Any) -> DataFreeTrainSettings:
    usual = {"tokens": TOKENS, "train_batch": 32, "epochs": 4, "learning_rate": 2e-3}
    return DataFreeTrainSettings(**{**usual, **others})


@pytest.fixture(scope="module")
def texts(tower: TextTower) -> tuple[TextFeatures, np.ndarray, np.ndarray]:
    written, labels = sentences(90)
    return TextFeatures.of(tower, written), labels, held_out_texts(written, 0.2, 0)


def test_held_out_texts() -> None:
    written = [f"text {number}" for number in range(1000)]
    found = held_out_texts(written, 0.1, 0)
    assert 60 < found.sum() < 140
    assert (held_out_texts(written[::-1], 0.1, 0) == found[::-1]).all()
    assert (held_out_texts(written, 0.1, 1) != found).any()
    assert not held_out_texts(written, 0.0, 0).any()


def test_training_learns_and_leaves_the_tower_alone(
    tower: TextTower, text_model: Any, texts: Any
) -> None:
    before = [parameter.clone() for parameter in text_model.parameters()]
    features, labels, held_out = texts
    cached = features.tokens.copy()
    prompts = prompts_of(tower)
    tokens = [parameter.clone() for parameter in prompts.parameters()]
    result = train(prompts, features, labels, settings_of(epochs=6), held_out=held_out)
    assert [report.epoch for report in result.epochs] == list(range(6))
    assert result.kept_epoch == 5
    assert result.epochs[-1].loss < result.epochs[0].loss
    assert result.epochs[-1].held_out_loss < result.epochs[0].held_out_loss
    assert result.whole.shape == result.local.shape == (6, 32)
    assert np.allclose(np.linalg.norm(result.whole, axis=1), 1, atol=1e-5)
    assert torch.equal(prompts.matrices()[0], torch.from_numpy(result.whole))
    for parameter, first in zip(prompts.parameters(), tokens, strict=True):
        assert not torch.equal(parameter, first)
    for parameter, first in zip(text_model.parameters(), before, strict=True):
        assert torch.equal(parameter, first)
        assert parameter.grad is None
    assert (features.tokens == cached).all()


def test_the_same_again_and_after_a_stop(tower: TextTower, texts: Any) -> None:
    features, labels, held_out = texts
    settings = settings_of(selection="best_held_out")
    states: list[dict[str, Any]] = []
    whole = train(
        prompts_of(tower),
        features,
        labels,
        settings,
        held_out=held_out,
        on_epoch=lambda report, state: states.append(state),
    )
    assert len(states) == 4
    for state in states:
        other = prompts_of(tower, seed=9)  # all that counts is in the state
        resumed = train(other, features, labels, settings, held_out=held_out, state=state)
        assert resumed.epochs == whole.epochs
        assert resumed.kept_epoch == whole.kept_epoch
        assert (resumed.whole == whole.whole).all()
        assert (resumed.local == whole.local).all()
    with pytest.raises(ValueError, match="other settings"):
        train(prompts_of(tower), features, labels, settings_of(), state=states[0])


def test_adam_goes_on_as_well(tower: TextTower, texts: Any) -> None:
    features, labels, _ = texts
    settings, states = settings_of(optimizer="adam", epochs=3), []
    whole = train(
        prompts_of(tower), features, labels, settings, on_epoch=lambda _, s: states.append(s)
    )
    resumed = train(prompts_of(tower, seed=1), features, labels, settings, state=states[1])
    assert (resumed.whole == whole.whole).all()
    assert whole.epochs[0].held_out_map is None


def test_the_best_epoch_is_kept(tower: TextTower, texts: Any) -> None:
    features, labels, held_out = texts
    settings = settings_of(
        selection="best_held_out", epochs=5, learning_rate=0.5
    )  # too fast: it jumps about
    states: list[dict[str, Any]] = []
    prompts = prompts_of(tower)
    result = train(
        prompts,
        features,
        labels,
        settings,
        held_out=held_out,
        on_epoch=lambda report, state: states.append(state),
    )
    figures = [report.held_out_map for report in result.epochs]
    assert result.kept_epoch == int(np.argmax(figures))
    kept = states[result.kept_epoch]["learner"]
    assert all(torch.equal(kept[name], value) for name, value in prompts.state_dict().items())


def test_cached_features_train_as_fresh_ones(tower: TextTower) -> None:
    written, labels = sentences(24)
    settings = settings_of(train_batch=24, epochs=3)
    cached, fresh = prompts_of(tower), prompts_of(tower)
    result = train(cached, TextFeatures.of(tower, written, batch=7), labels, settings)
    optimizer = torch.optim.SGD(fresh.rate_groups(2e-3), momentum=0.9, weight_decay=5e-4)
    for rate in (1e-5, 2e-3, 2e-3 * 0.75):
        for group in optimizer.param_groups:
            group["lr"] = rate * group["multiplier"]
        whole, tokens, lengths = text_token_features(tower, written)
        there = torch.arange(tokens.shape[1]) < lengths[:, None]
        first, second = fresh.matrices()
        truth = torch.from_numpy(labels)
        loss = ranking_loss(global_scores(whole, first), truth)
        loss = loss + ranking_loss(local_scores(tokens, second, present=there), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert np.allclose(result.whole, fresh.matrices()[0].detach().numpy(), atol=1e-5)
    assert np.allclose(result.local, fresh.matrices()[1].detach().numpy(), atol=1e-5)


def test_settings_count(tower: TextTower, texts: Any) -> None:
    features, labels, _ = texts
    implied = np.zeros_like(labels)
    plain = train(prompts_of(tower), features, labels, settings_of(epochs=1))
    masked = settings_of(epochs=1, mask_implied=True)
    found = train(prompts_of(tower), features, labels, masked, implied=implied)
    assert found.epochs == plain.epochs
    found = train(prompts_of(tower), features, labels, masked, implied=~labels)
    assert found.epochs[0].loss == 0
    alone = settings_of(epochs=1, local_prompts=False)
    found = train(prompts_of(tower, local=False), features, labels, alone)
    assert found.local is None
    assert 0 < found.epochs[0].loss < plain.epochs[0].loss
    even = settings_of(epochs=2, level_rates=False)
    found = train(prompts_of(tower), features, labels, even)
    assert (found.whole != train(prompts_of(tower), features, labels, settings_of()).whole).any()


def test_what_cannot_be(tower: TextTower, texts: Any) -> None:
    features, labels, _ = texts
    prompts = prompts_of(tower)
    with pytest.raises(ValueError, match="different numbers"):
        train(prompts, features, labels[1:], settings_of())
    with pytest.raises(ValueError, match="labels are"):
        train(prompts, features, labels[:, 1:], settings_of())
    with pytest.raises(ValueError, match="no text is left"):
        train(prompts, features, labels, settings_of(), held_out=np.ones(90, bool))
    with pytest.raises(ValueError, match="some texts must be held out"):
        train(prompts, features, labels, settings_of(selection="best_held_out"))
    with pytest.raises(ValueError, match="implied"):
        train(prompts, features, labels, settings_of(mask_implied=True))
    with pytest.raises(ValueError, match="bank"):
        train(prompts, features, labels, settings_of(local_prompts=False))
    broken = TextFeatures(features.whole * np.nan, features.tokens, features.lengths)
    with pytest.raises(FloatingPointError, match="epoch 0"):
        train(prompts, broken, labels, settings_of())


def pseudo_images(tower: TextTower, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of an aligned world: features of unseen sentences with noise, tokens as positions."""
    written, labels = sentences(200, seed)
    whole, tokens, lengths = (part.numpy() for part in text_token_features(tower, written))
    rng = np.random.default_rng(seed)
    last = tokens[np.arange(len(tokens)), lengths - 1][:, None]
    there = (np.arange(tokens.shape[1]) < lengths[:, None])[:, :, None]
    dense = np.where(there, tokens, last)
    noisy = [part + 0.05 * rng.normal(size=part.shape) for part in (whole, dense)]
    whole, dense = (part / np.linalg.norm(part, axis=-1, keepdims=True) for part in noisy)
    return whole.astype(np.float32), dense.astype(np.float32), labels


@pytest.mark.extended
@pytest.mark.slow
def test_images_of_an_aligned_world(tower: TextTower) -> None:
    written, labels = sentences(300, seed=1)
    features = TextFeatures.of(tower, written)
    whole, dense, truth = pseudo_images(tower, seed=2)

    def image_map(matrices: tuple[Any, Any]) -> float:
        first, second = (np.asarray(torch.as_tensor(part).detach()) for part in matrices)
        return mean_average_precision(image_scores(whole, dense, first, second).fused, truth)

    settings = settings_of(epochs=8, learning_rate=1e-2)
    start = image_map(prompts_of(tower).matrices())
    result = train(prompts_of(tower), features, labels, settings)
    learned = image_map((result.whole, result.local))
    shuffled = np.random.default_rng(0).permuted(labels, axis=1)
    result = train(prompts_of(tower), features, shuffled, settings)
    at_random = image_map((result.whole, result.local))
    assert learned > start + 0.1
    assert at_random < start + 0.05


@pytest.mark.slow
def test_sentences_of_scenes_on_the_field_guides_clip() -> None:
    """The tower of a trained CLIP, sentences of the world that it knows."""
    from actors.clip.encoder import ClipEncoder
    from actors.clip.model import resolve_clip
    from actors.clip.text_tower import text_tower
    from fieldguide.mllm_tasks.scene_texts import captions
    from fieldguide.scenes import CATEGORIES

    encoder = ClipEncoder(resolve_clip("fieldguide"), precision="fp32", device="cpu", threads=1)
    rng = np.random.default_rng(0)
    written: list[str] = []
    for _ in range(60):
        written += json.loads(captions(rng).answer)["sentences"]
    nouns = NounFilter([[name] for name in CATEGORIES])
    labels = np.zeros((len(written), len(CATEGORIES)), bool)
    for row, text in zip(labels, written, strict=True):
        row[nouns.classes(text)] = True
    tower = text_tower(encoder)
    features, held_out = TextFeatures.of(tower, written), held_out_texts(written, 0.25, 0)
    assert np.allclose(features.whole, encoder.encode_texts(written), atol=1e-4)
    groups = np.arange(16) // 4
    prompts = HierarchicalPrompts(
        tower, CATEGORIES, TOKENS, attribute_groups=groups, context_groups=groups
    )
    settings = settings_of(epochs=6, learning_rate=5e-4)
    result = train(prompts, features, labels, settings, held_out=held_out)
    assert result.epochs[-1].held_out_loss < 0.6 * result.epochs[0].held_out_loss
    scores = image_scores(features.whole[held_out], None, result.whole, None).fused
    truth = labels[held_out]
    assert average_precisions(scores, truth)[truth.any(axis=0)].mean() > 0.8
