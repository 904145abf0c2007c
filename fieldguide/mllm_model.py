"""The tiny multimodal model: LLaVA made of the field guide's own CLIP tower and a small Llama."""

from pathlib import Path
from typing import Final

import torch
from open_clip.model import CLIP
from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from fieldguide.clip_model import MODEL_CFG
from fieldguide.clip_pools import SIZE
from fieldguide.mllm_tokenizer import IMAGE, IMAGE_TOKENS, LONGEST

WIDTH: Final = 256
LAYERS: Final = 5
HEAD_WIDTH: Final = 32
INNER: Final = 640
_VISION: Final = MODEL_CFG["vision_cfg"]


def vision_config() -> CLIPVisionConfig:
    """The shape of the CLIP's image tower, as transformers names it."""
    width = _VISION["width"]
    return CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=_VISION["layers"],
        num_attention_heads=width // _VISION["head_width"],
        image_size=SIZE,
        patch_size=_VISION["patch_size"],
        hidden_act="gelu",
        layer_norm_eps=1e-5,
        projection_dim=MODEL_CFG["embed_dim"],
    )


def new_model(tokenizer: PreTrainedTokenizerFast, clip: CLIP) -> LlavaForConditionalGeneration:
    """The model with the CLIP's tower, frozen, and random weights elsewhere."""
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=WIDTH // HEAD_WIDTH,
        num_key_value_heads=WIDTH // HEAD_WIDTH,
        head_dim=HEAD_WIDTH,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=vision_config(),
        text_config=text,
        image_token_index=tokenizer.get_vocab()[IMAGE],
        image_seq_length=IMAGE_TOKENS,
        projector_hidden_act="gelu",
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    copy_tower(clip, model.model.vision_tower)
    model.model.vision_tower.requires_grad_(False)
    return model


def copy_tower(clip: CLIP, tower: CLIPVisionModel) -> None:
    """Give the tower the weights of the CLIP's image tower."""
    visual = clip.visual
    weights = {
        "embeddings.class_embedding": visual.class_embedding,
        "embeddings.patch_embedding.weight": visual.conv1.weight,
        "embeddings.position_embedding.weight": visual.positional_embedding,
        **_layer("pre_layrnorm", visual.ln_pre),
        **_layer("post_layernorm", visual.ln_post),
    }
    for number, block in enumerate(visual.transformer.resblocks):
        into = f"encoder.layers.{number}"
        weights |= {
            **_layer(f"{into}.layer_norm1", block.ln_1),
            **_layer(f"{into}.layer_norm2", block.ln_2),
            **_layer(f"{into}.mlp.fc1", block.mlp.c_fc),
            **_layer(f"{into}.mlp.fc2", block.mlp.c_proj),
            **_layer(f"{into}.self_attn.out_proj", block.attn.out_proj),
        }
        parts = zip(
            block.attn.in_proj_weight.chunk(3), block.attn.in_proj_bias.chunk(3), strict=True
        )
        for name, (weight, bias) in zip("qkv", parts, strict=True):
            weights[f"{into}.self_attn.{name}_proj.weight"] = weight
            weights[f"{into}.self_attn.{name}_proj.bias"] = bias
    wanted = tower.state_dict()
    prefix = "vision_model." if any(key.startswith("vision_model.") for key in wanted) else ""
    tower.load_state_dict({prefix + name: value.detach() for name, value in weights.items()})


def clip_tokens(clip: CLIP, images: Tensor) -> Tensor:
    """What open_clip computes before the last layer norm: class token and patches, (N, 37, 128)."""
    visual = clip.visual
    return visual.transformer(visual._embeds(images))


def load_model(folder: Path) -> LlavaForConditionalGeneration:
    """The saved model in float32, ready to generate."""
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model.eval()


def _layer(name: str, module: torch.nn.Module) -> dict[str, Tensor]:
    return {f"{name}.{part}": value for part, value in module.named_parameters()}
