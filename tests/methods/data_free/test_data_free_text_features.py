"""Features of sentences and their tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from methods.data_free.ranking import local_scores
from methods.data_free.text_features import TextFeatures, text_token_features
from methods.text_tower import TextTower

TEXTS = ["a dog.", "a dog and a hot dog on a large dining table.", "we see a bird"]


def test_the_end_is_the_text(tower: TextTower, text_model: Any) -> None:
    whole, tokens, lengths = text_token_features(tower, TEXTS)
    assert lengths.tolist() == [5, 14, 6]
    assert tokens.shape == (3, 14, 32)
    ends = tokens[torch.arange(3), lengths - 1]
    assert torch.allclose(whole, ends, atol=1e-6)
    expected = text_model(tower.tokenize(TEXTS, 40))  # open_clip's own, on all positions
    expected = torch.nn.functional.normalize(expected, dim=-1)
    assert torch.allclose(whole, expected, atol=1e-5)
    assert torch.allclose(tokens[0, 0], tokens[1, 0], atol=1e-5)  # start of text is a constant
    assert torch.allclose(tokens[0, :3], tokens[1, :3], atol=1e-5)  # "a dog": only the prefix
    present = torch.arange(14) < lengths[:, None]
    assert torch.allclose(tokens.norm(dim=-1), present.float(), atol=1e-5)
    assert not whole.requires_grad


def test_batches_and_padding_do_not_matter(tower: TextTower) -> None:
    one, other = text_token_features(tower, TEXTS), text_token_features(tower, TEXTS, batch=1)
    for first, second in zip(one, other, strict=True):
        assert torch.allclose(first, second, atol=1e-5)
    alone = text_token_features(tower, TEXTS[:1])
    matrix = torch.nn.functional.normalize(torch.randn(4, 32), dim=-1)
    scores = local_scores(alone[1], matrix)
    present = torch.arange(14) < one[2][:, None]
    padded = local_scores(one[1], matrix, present=present)
    assert torch.allclose(scores[0], padded[0], atol=1e-5)
    garbage = one[1] + 9 * ~present[:, :, None]
    assert torch.allclose(local_scores(garbage, matrix, present=present), padded, atol=1e-5)


def test_a_tower_without_a_mask_sees_its_padding(tower: TextTower) -> None:
    seeing = replace(tower, attn_mask=None)
    one = text_token_features(seeing, TEXTS)
    alone = text_token_features(seeing, TEXTS[:1])
    assert torch.allclose(one[0][:1], alone[0], atol=1e-5)
    assert alone[1].shape == (1, 5, 32)


def test_long_texts_are_cut(tower: TextTower) -> None:
    whole, _, lengths = text_token_features(tower, ["a dog " * 50])
    assert lengths.tolist() == [40]
    assert torch.isfinite(whole).all()
    with pytest.raises(ValueError, match="no texts"):
        text_token_features(tower, [])


def test_tokens_without_padding(tower: TextTower) -> None:
    features = TextFeatures.of(tower, TEXTS)
    whole, tokens, lengths = text_token_features(tower, TEXTS)
    assert features.tokens.shape == (25, 32)
    assert len(features) == 3
    which = np.array([2, 0, 2])
    found = features.padded(which)
    assert torch.equal(found[0], whole[which])
    assert found[1].shape == (3, 6, 32)
    assert torch.equal(found[1], tokens[which][:, :6])
    assert found[2].sum(dim=1).tolist() == lengths[which].tolist()
    half = TextFeatures(
        features.whole.astype(np.float16), features.tokens.astype(np.float16), features.lengths
    )
    assert half.padded(which)[1].dtype == torch.float32
    parts = TextFeatures.of(tower, TEXTS, batch=2)
    assert parts.lengths.tolist() == features.lengths.tolist()
    assert np.allclose(parts.tokens, features.tokens, atol=1e-5)
    with pytest.raises(ValueError, match="no texts"):
        TextFeatures.of(tower, [])
    with pytest.raises(ValueError, match="do not fit"):
        TextFeatures(features.whole, features.tokens[1:], features.lengths)
