"""The second edition's multimodal model: LLaVA of the larger tower and a small Llama."""

from typing import Any, Final

from open_clip.model import CLIP
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from fieldguide.mllm_model import copy_tower
from fieldguide.mllm_tokenizer import IMAGE, LONGEST
from fieldguide.second.mllm_tokens import IMAGE_TOKENS
from fieldguide.second.tower import TOWER_CONFIG

WIDTH: Final = 192
LAYERS: Final = 5
HEAD_WIDTH: Final = 32
INNER: Final = 512


def new_mllm(tokenizer: PreTrainedTokenizerFast, tower: CLIP) -> LlavaForConditionalGeneration:
    """The model with the tower, frozen, and random weights elsewhere."""
    vision: dict[str, Any] = TOWER_CONFIG["vision_cfg"]
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
        vision_config=CLIPVisionConfig(
            hidden_size=vision["width"],
            intermediate_size=4 * vision["width"],
            num_hidden_layers=vision["layers"],
            num_attention_heads=vision["width"] // vision["head_width"],
            image_size=vision["image_size"],
            patch_size=vision["patch_size"],
            hidden_act="gelu",
            layer_norm_eps=1e-5,
            projection_dim=TOWER_CONFIG["embed_dim"],
        ),
        text_config=text,
        image_token_index=tokenizer.get_vocab()[IMAGE],
        image_seq_length=IMAGE_TOKENS,
        projector_hidden_act="gelu",
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    copy_tower(tower, model.model.vision_tower)
    model.model.vision_tower.requires_grad_(False)
    return model
