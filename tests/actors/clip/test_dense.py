"""Whole-image features of ResNets with and without the position embedding of their pool."""

from __future__ import annotations

import pytest
import torch
from open_clip.modified_resnet import ModifiedResNet
from torch import nn

from actors.clip import dense
from actors.clip.dense import pooled_without_positions


def tower() -> ModifiedResNet:
    """A small ResNet tower with random weights, the position embedding far from zero."""
    torch.manual_seed(0)
    made = ModifiedResNet(
        layers=[1, 1, 1, 1], output_dim=16, heads=4, image_size=64, width=8
    ).eval()
    nn.init.normal_(made.attnpool.positional_embedding)
    return made


def test_without_positions_is_the_pool_with_a_zero_embedding() -> None:
    visual, images = tower(), torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        usual = visual(images)
        found = pooled_without_positions(visual, images)
        assert torch.equal(visual(images), usual), "the tower is left as it was"
        nn.init.zeros_(visual.attnpool.positional_embedding)
        assert found is not None
        assert torch.allclose(found, visual(images), atol=1e-6)
        assert not torch.allclose(found, usual, atol=1e-3)


def test_a_constant_map_has_the_same_feature_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    visual = tower()
    constant = torch.rand(1, 256, 1, 1).expand(1, 256, 2, 2)
    monkeypatch.setattr(dense.towers, "resnet_map", lambda visual, images: constant)
    with torch.no_grad():
        parts = dense.dense_features(visual, constant)
        whole = dense.pooled_without_positions(visual, constant)
    assert whole is not None
    assert torch.allclose(parts, whole[:, None].expand_as(parts), atol=1e-5)


def test_other_towers_have_no_such_pool() -> None:
    assert pooled_without_positions(nn.Linear(2, 2), torch.rand(1, 2)) is None
