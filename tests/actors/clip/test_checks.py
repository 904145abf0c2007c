"""Towers that a method cannot use are told before it begins, with what to leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.clip.checks import check_context, check_towers
from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from methods.errors import InputError
from tests.zoo_clip.tiny import tiny_folder

CONVNEXT = {"timm_model_name": "convnext_atto", "timm_pool": "", "timm_proj": "linear"}
COCA_POOL = {"attentional_pool": True, "attn_pooler_heads": 2, "attn_pooler_queries": 4}
WITHOUT = "leave them out with --no-local-prompts"


def check(tmp_path: Path, context: int | None = 4, dense: Any = "auto", **parts: Any) -> None:
    check_towers(resolve_clip(tiny_folder(tmp_path / "clip", **parts)), context, dense, WITHOUT)


def test_towers_of_clip_s_own_kind_are_taken(tmp_path: Path) -> None:
    check(tmp_path)


@pytest.mark.parametrize("vision", [CONVNEXT, COCA_POOL], ids=["timm", "attentional pool"])
def test_what_has_no_features_of_positions_is_told_with_the_flag(
    tmp_path: Path, vision: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as told:
        check(tmp_path, vision_cfg=vision)
    assert "clip: features of positions need a ViT or ResNet of open_clip's own" in str(told.value)
    assert str(told.value).endswith(WITHOUT)
    kind = "TimmModel" if vision is CONVNEXT else "a ViT with an attentional pool"
    assert kind in str(told.value)
    check(tmp_path / "again", dense=None, vision_cfg=vision)


def test_a_text_tower_of_another_kind_is_no_matter_where_no_prompt_is_learned(
    tmp_path: Path,
) -> None:
    text = {"embed_cls": True}
    with pytest.raises(InputError, match="its text tower is not one of CLIP's own kind"):
        check(tmp_path, custom_text=True, text_cfg=text)
    check(tmp_path / "again", context=None, custom_text=True, text_cfg=text)


def test_a_context_that_leaves_names_no_room(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a context of 22 tokens does not fit.*takes 24"):
        check(tmp_path, context=22)
    with pytest.raises(InputError, match="--context 22: a context of 22 tokens does not fit"):
        check_context(ClipEncoder(resolve_clip(str(tmp_path / "clip")), precision="fp32"), 22)
