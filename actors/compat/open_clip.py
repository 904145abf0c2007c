"""What open_clip has no public way for: the parts of its towers, and one file of a hub model.

open_clip gives the feature of a whole image or text. Features of positions and prompts that are
learned need the steps in between, for which its towers have attributes and one private method.
Everything of that kind that this project touches is here, each with a test in
``tests/compat/test_open_clip.py`` that compares it with what the tower itself says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard

if TYPE_CHECKING:
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.transformer import VisionTransformer
    from torch import Tensor, nn

_TEXT_PARTS: Final = ("token_embedding", "positional_embedding", "transformer", "ln_final")


def hub_file(repository: str, filename: str | None = None) -> str:
    """Download a file of a hub repository to the cache, by default the weights; returns its path.

    Args:
        repository: ``ORG/REPO``, or ``ORG/REPO@REVISION``.
        filename: of the file.

    Why: open_clip tries several names of weights, safetensors first, in a function that it does not
    export. The file hashed here must be the one that it loads later.
    """
    from open_clip.pretrained import download_pretrained_from_hf

    repository, _, revision = repository.partition("@")
    path: str = download_pretrained_from_hf(
        repository, filename=filename, revision=revision or None
    )
    return path


def make_model(config: Mapping[str, Any]) -> nn.Module:
    """Build a model of a ``model_cfg``, its weights random, in fp32 on the CPU.

    Why: open_clip's factory chooses the file of weights itself and builds only what a registered
    name, a folder or the hub says. The configuration that the identity is made of must be the one
    that is built, and the weights those that were hashed.
    """
    from open_clip import CLIP, CoCa, CustomTextCLIP

    parts: dict[str, Any] = deepcopy(dict(config))
    hub_text = bool(parts["text_cfg"].get("hf_model_name"))
    # weights come with the model: nothing is fetched for its towers
    if parts["vision_cfg"].get("timm_model_name"):
        parts["vision_cfg"]["timm_model_pretrained"] = False
    if hub_text:
        parts["text_cfg"]["hf_model_pretrained"] = False
    kind = CustomTextCLIP if parts.pop("custom_text", False) or hub_text else CLIP
    if kind is CustomTextCLIP and "multimodal_cfg" in parts:
        kind = CoCa
    model: nn.Module = kind(**parts)
    return model


def make_tokenizer(config: Mapping[str, Any], files: str | None) -> Any:
    """Make the tokenizer of a ``model_cfg``.

    Args:
        config: the model's.
        files: folder of the tokenizer of transformers, where it has one.

    Why: open_clip's factory looks for these files where the model's name says, and not where they
    are found.
    """
    from open_clip import SimpleTokenizer
    from open_clip.tokenizer import HFTokenizer

    text = config["text_cfg"]
    length, settings = text.get("context_length", 77), dict(text.get("tokenizer_kwargs") or {})
    if not text.get("hf_tokenizer_name"):
        return SimpleTokenizer(context_length=length, **settings)
    mode = text.get("tokenizer_mode")
    return HFTokenizer(files, context_length=length, tokenizer_mode=mode, **settings)


def is_vit(visual: nn.Module) -> TypeGuard[VisionTransformer]:
    """Say whether an image tower is open_clip's own ViT without an attention pool.

    Why: the class is not exported, and an attention pool has no projection of single positions.
    """
    from open_clip.transformer import VisionTransformer

    return isinstance(visual, VisionTransformer) and visual.attn_pool is None


def is_resnet(visual: nn.Module) -> TypeGuard[ModifiedResNet]:
    """Say whether an image tower is CLIP's ResNet; the class is not exported."""
    from open_clip.modified_resnet import ModifiedResNet

    return isinstance(visual, ModifiedResNet)


def pools_by_average(visual: VisionTransformer) -> bool:
    """Say whether a ViT's feature is the mean of its patches, not that of its class token."""
    return bool(visual.pool_type == "avg")


def vit_tokens(visual: VisionTransformer, images: Tensor) -> Tensor:
    """Tokens before the first block, class token first: (n, 1 + positions, width).

    Why: `forward_intermediates` gives the output of blocks, not what goes into the first one, and a
    tower of one block needs that.
    """
    tokens: Tensor = visual._embeds(images)
    return tokens


def vit_blocks(visual: VisionTransformer) -> list[nn.Module]:
    """Residual blocks in order, each from tokens to tokens."""
    return list(visual.transformer.resblocks)


def vit_projected(visual: VisionTransformer, tokens: Tensor) -> Tensor:
    """Tokens after the last block in the joint space, as the class token is: (n, tokens, D)."""
    tokens = visual.ln_post(tokens)
    return tokens @ visual.proj if visual.proj is not None else tokens


def block_values(block: Any, tokens: Tensor) -> Tensor | None:
    """What a block's attention gives if each token attends to itself alone: (n, tokens, width).

    Softmax over one token is one, so only the value path remains. torch keeps the three projections
    of `torch.nn.MultiheadAttention` in one weight.

    Returns:
        None where the attention is of another kind.
    """
    from torch import nn

    attention = block.attn
    if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_weight is None:
        return None
    width = attention.embed_dim
    bias = attention.in_proj_bias[2 * width :] if attention.in_proj_bias is not None else None
    weight = attention.in_proj_weight[2 * width :]
    values = nn.functional.linear(block.ln_1(tokens), weight, bias)
    projected: Tensor = attention.out_proj(values)
    return projected


def block_residual(block: Any, tokens: Tensor, values: Tensor) -> Tensor:
    """The rest of a block after its attention: both residual paths and the MLP."""
    tokens = tokens + block.ls_1(values)
    whole: Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
    return whole


def resnet_map(visual: ModifiedResNet, images: Tensor) -> Tensor:
    """What comes before a ResNet's attention pool: (n, width, height, width of the map)."""
    x = visual.stem(images)
    found: Tensor = visual.layer4(visual.layer3(visual.layer2(visual.layer1(x))))
    return found


def resnet_values(visual: ModifiedResNet, features: Tensor) -> Tensor:
    """Value and output projection of the pool at every position of a map: (n, positions, D)."""
    pool = visual.attnpool
    values: Tensor = pool.c_proj(pool.v_proj(features.flatten(2).transpose(1, 2)))
    return values


def resnet_pooled(visual: ModifiedResNet, features: Tensor) -> Tensor:
    """The attention pool of a map without its position embedding: (n, D)."""
    import torch

    pool = visual.attnpool
    changed = {"positional_embedding": torch.zeros_like(pool.positional_embedding)}
    return torch.func.functional_call(pool, changed, (features,))


@dataclass(frozen=True)
class TextParts:
    """A text tower of CLIP's own kind in its parts, named as `methods.text_tower.TextTower`'s."""

    end_positions: Callable[[Tensor], Tensor]
    token_embedding: Callable[[Tensor], Tensor]
    positional_embedding: Tensor
    transformer: Callable[[Tensor, Tensor | None], Tensor]
    attn_mask: Tensor | None
    ln_final: Callable[[Tensor], Tensor]
    text_projection: Callable[[Tensor], Tensor]


def text_parts(model: Any) -> TextParts | None:
    """Take a model's text tower apart: that of a `CLIP`, or the ``text`` of a `CustomTextCLIP`.

    Why: `encode_text` takes tokens, and a learned context is no token.

    Returns:
        None for towers of another make: those of transformers, with a class token, or pooled
        elsewhere than at the end of text.
    """
    text = getattr(model, "text", model)
    pooling = getattr(model, "text_pool_type", getattr(text, "pool_type", None))
    known = all(hasattr(text, part) for part in _TEXT_PARTS) and pooling in ("argmax", "eos")
    if not known or getattr(text, "cls_emb", None) is not None:
        return None
    end = None
    if pooling == "eos":
        end = int(getattr(model, "text_eos_id", getattr(text, "eos_id", 0)))
    return TextParts(
        end_positions=lambda tokens: (
            tokens.argmax(dim=-1) if end is None else tokens.eq(end).int().argmax(dim=-1)
        ),
        token_embedding=text.token_embedding,
        positional_embedding=text.positional_embedding,
        transformer=lambda x, mask: text.transformer(x, attn_mask=mask),
        attn_mask=text.attn_mask,
        ln_final=text.ln_final,
        text_projection=lambda x: _projected(x, text.text_projection),
    )


def _projected(x: Tensor, projection: Any) -> Tensor:
    from torch import nn

    if projection is None:
        return x
    projected: Tensor = projection(x) if isinstance(projection, nn.Linear) else x @ projection
    return projected
