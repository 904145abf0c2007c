"""Each use of open_clip's internals against what open_clip itself says: red after an upgrade."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import TextTransformer, VisionTransformer

from actors.clip.weights import weights_in
from actors.compat import open_clip as compat
from tests.zoo_clip.shrink import small
from tests.zoo_clip.tokenizers import write_tokenizer

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
    assert asked[0]["revision"] is None
    compat.hub_file("org/model@abc")
    assert (asked[1]["repo_id"], asked[1]["revision"]) == ("org/model", "abc")


@pytest.mark.parametrize("name", ["ViT-B-32-quickgelu", "coca_ViT-B-32", "MobileCLIP2-S0"])
def test_a_model_is_built_as_open_clip_s_factory_builds_it(name: str) -> None:
    config = small(open_clip.get_model_config(name))
    kept = json.dumps(config)
    made = compat.make_model(config)
    assert json.dumps(config) == kept, "the configuration is left as it was"
    cls = {"coca": open_clip.CoCa, "Mobi": open_clip.CustomTextCLIP}.get(name[:4], open_clip.CLIP)
    assert type(made) is cls
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(open_clip.factory._MODEL_CONFIGS, "zoo-same", config)
        theirs = open_clip.create_model("zoo-same")
    made.load_state_dict(theirs.state_dict(), strict=True)
    assert str(made) == str(theirs)


def test_tokenizers_are_those_of_open_clip_s_factory(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, "siglip")
    text = {"context_length": 9, "hf_tokenizer_name": "x", "tokenizer_kwargs": {"clean": "lower"}}
    config = {"embed_dim": 1, "vision_cfg": {}, "text_cfg": text}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    theirs = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    ours = compat.make_tokenizer(config, str(tmp_path))
    assert ours(["A Gull, and"]).tolist() == theirs(["A Gull, and"]).tolist()
    own = compat.make_tokenizer({"text_cfg": {"context_length": 5}}, None)
    assert (
        own(["a gull"]).tolist() == open_clip.SimpleTokenizer(context_length=5)(["a gull"]).tolist()
    )
    assert text["tokenizer_kwargs"] == {"clean": "lower"}


@pytest.mark.parametrize("seed", range(8))
def test_of_several_files_open_clip_s_own_choice_is_taken(tmp_path: Path, seed: int) -> None:
    """It is not called for it: it would bring torch into a process that only finds models."""
    names = ["open_clip_model", "open_clip_pytorch_model", "model", "pytorch_model", "a", "z"]
    every = [f"{name}.{kind}" for name in names for kind in ("safetensors", "bin", "pth")]
    for name in random.Random(seed).sample(every, 1 + seed):
        (tmp_path / name).write_bytes(b"")
    theirs = open_clip.factory._find_checkpoint_in_dir(tmp_path)
    assert str(weights_in(tmp_path, "--clip x")) == theirs
