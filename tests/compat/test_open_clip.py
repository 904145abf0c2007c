"""Each use of open_clip's internals against what open_clip itself says: red after an upgrade."""

from __future__ import annotations

from collections.abc import Callable

import open_clip
import pytest
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import TextTransformer, VisionTransformer

from actors.compat import open_clip as compat

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning", "error::FutureWarning")

IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def vit(**changes: object) -> VisionTransformer:
    torch.manual_seed(0)
    sizes = {"image_size": 32, "patch_size": 16, "width": 32, "layers": 2, "heads": 2}
    return VisionTransformer(**{**sizes, "mlp_ratio": 2.0, "output_dim": 16, **changes}).eval()


def resnet() -> ModifiedResNet:
    torch.manual_seed(0)
    return ModifiedResNet(
        layers=[1, 1, 1, 1], output_dim=16, heads=4, image_size=32, width=8
    ).eval()


def test_kinds_of_towers_are_told_apart() -> None:
    assert compat.is_vit(vit())
    assert not compat.is_vit(resnet())
    assert compat.is_resnet(resnet())
    assert not compat.is_resnet(vit())
    assert not compat.is_vit(vit(attentional_pool=True)), "no positions can be projected"
    assert compat.pools_by_average(vit(pool_type="avg"))
    assert not compat.pools_by_average(vit())


@torch.no_grad()
def test_a_vit_in_its_steps_gives_its_own_feature() -> None:
    tower = vit()
    tokens = compat.vit_tokens(tower, IMAGES)
    assert tokens.shape == (2, 1 + 4, 32)
    for block in compat.vit_blocks(tower):
        tokens = block(tokens)
    projected = compat.vit_projected(tower, tokens)
    assert torch.allclose(projected[:, 0], tower(IMAGES), atol=1e-6)


@torch.no_grad()
def test_a_block_with_one_token_is_its_value_path_and_its_rest() -> None:
    tower = vit()
    block, token = compat.vit_blocks(tower)[-1], torch.rand(3, 1, 32)
    values = compat.block_values(block, token)
    assert values is not None
    assert torch.allclose(compat.block_residual(block, token, values), block(token), atol=1e-6)


def test_a_block_with_attention_of_another_kind_has_no_value_path() -> None:
    block = compat.vit_blocks(vit())[-1]
    block.attn = torch.nn.Identity()
    assert compat.block_values(block, torch.rand(3, 1, 32)) is None


@torch.no_grad()
def test_a_resnet_in_its_steps_gives_its_own_feature() -> None:
    tower = resnet()
    features = compat.resnet_map(tower, IMAGES)
    usual = tower(IMAGES)
    assert torch.allclose(tower.attnpool(features), usual, atol=1e-6)
    without = compat.resnet_pooled(tower, features)
    assert torch.equal(tower(IMAGES), usual), "the tower is left as it was"
    torch.nn.init.zeros_(tower.attnpool.positional_embedding)
    assert torch.allclose(without, tower(IMAGES), atol=1e-6)


@torch.no_grad()
def test_the_pool_of_a_constant_map_is_its_value_path() -> None:
    tower = resnet()
    side = int((len(tower.attnpool.positional_embedding) - 1) ** 0.5)
    constant = torch.rand(1, 256, 1, 1).expand(1, 256, side, side)
    pooled, values = compat.resnet_pooled(tower, constant), compat.resnet_values(tower, constant)
    assert torch.allclose(values, pooled[:, None].expand_as(values), atol=1e-5)


TEXT = {"context_length": 8, "vocab_size": 60, "width": 32, "heads": 2, "layers": 1}
TOKENS = torch.tensor([[1, 5, 7, 59, 0, 0, 0, 0], [1, 9, 59, 0, 0, 0, 0, 0]])


def text_tower(**changes: object) -> TextTransformer:
    torch.manual_seed(0)
    return TextTransformer(**{**TEXT, "output_dim": 16, **changes}).eval()


@pytest.mark.parametrize(
    "tower",
    [
        text_tower,
        lambda: text_tower(pool_type="eos", eos_id=59),
        lambda: text_tower(no_causal_mask=True),
        lambda: text_tower(proj_type="linear", proj_bias=True),
    ],
    ids=["argmax", "eos", "no-causal-mask", "projection-with-bias"],
)
@torch.no_grad()
def test_a_text_tower_in_its_parts_gives_its_own_feature(
    tower: Callable[[], TextTransformer],
) -> None:
    made = tower()
    parts = compat.text_parts(made)
    assert parts is not None
    x = parts.token_embedding(TOKENS) + parts.positional_embedding
    x = parts.ln_final(parts.transformer(x, parts.attn_mask))
    ends = parts.end_positions(TOKENS)
    assert ends.tolist() == [3, 2]
    found = parts.text_projection(x[torch.arange(2), ends])
    assert torch.allclose(found, made(TOKENS), atol=1e-6)


@pytest.mark.parametrize(
    "changes", [{"embed_cls": True, "pool_type": "last"}, {"pool_type": "first"}]
)
def test_a_text_tower_pooled_elsewhere_is_not_taken_apart(changes: dict[str, object]) -> None:
    assert compat.text_parts(text_tower(**changes)) is None


@torch.no_grad()
def test_whole_models_of_both_makes_have_their_text_tower_where_it_is_looked_for() -> None:
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "layers": 1,
                       "head_width": 16},
        "text_cfg": {**TEXT, "pool_type": "eos", "eos_id": 59},
    }  # fmt: skip
    for make in (open_clip.CLIP, open_clip.CustomTextCLIP):
        parts = compat.text_parts(make(**config).eval())
        assert parts is not None
        assert parts.end_positions(TOKENS).tolist() == [3, 2]


def test_a_file_of_the_hub_is_asked_for_by_repository_and_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from open_clip import pretrained

    asked = []

    def download(**arguments: object) -> str:
        asked.append(arguments)
        return "/cache/file"

    monkeypatch.setattr(pretrained, "hf_hub_download", download)
    assert compat.hub_file("org/model", "open_clip_config.json") == "/cache/file"
    assert asked[0]["repo_id"] == "org/model"
    assert asked[0]["filename"] == "open_clip_config.json"
