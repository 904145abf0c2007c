"""Qwen2.5-VL, Qwen3-VL and its thinking kind, Qwen3.5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.zoo.folder import SMALL, ZooModel, ids_of, size_of, train_tokenizer, write_folder
from tests.zoo.templates import chatml, parts

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
THOUGHT = ("<think>", "</think>")
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
SYSTEM = "You are a helpful assistant."
OPEN_THOUGHT = "{{ '<think>\\n' }}"
SWITCHED_THOUGHT = (
    "{%- if enable_thinking is defined and enable_thinking is false -%}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{%- else -%}{{ '<think>\\n' }}{%- endif -%}"
)


def _tokenizer(template: str, words: tuple[str, ...] = ()) -> Any:
    return train_tokenizer(
        SPECIAL, eos="<|im_end|>", pad="<|endoftext|>", words=words, template=template
    )


def _token_ids(tokenizer: Any) -> dict[str, int]:
    return ids_of(
        tokenizer,
        image_token_id="<|image_pad|>",
        video_token_id="<|video_pad|>",
        vision_start_token_id="<|vision_start|>",
        vision_end_token_id="<|vision_end|>",
    )


def _stops(tokenizer: Any) -> list[int]:
    return list(ids_of(tokenizer, end="<|im_end|>", text="<|endoftext|>").values())


def _text(tokenizer: Any, theta: float, **more: Any) -> dict[str, Any]:
    stop, pad = _stops(tokenizer)
    return {
        "vocab_size": size_of(tokenizer),
        **SMALL,
        "num_key_value_heads": 1,
        "bos_token_id": pad,
        "eos_token_id": stop,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": theta,
            "mrope_section": [4, 6, 6],
            **more.pop("rope", {}),
        },
        **more,
    }


def _write_2_5(folder: Path) -> None:
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    template = chatml(parts(IMAGE), system=SYSTEM)
    tokenizer = _tokenizer(template)
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer, 1e6, max_position_embeddings=128000),
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 2,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
            "patch_size": 14,
            "window_size": 112,
            "tokens_per_second": 2,
        },
        tie_word_embeddings=False,
        **_token_ids(tokenizer),
    )
    limits = {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 16384}
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(size=limits, patch_size=14),
        tokenizer,
        Qwen2VLVideoProcessor(patch_size=14),
        chat_template=template,
    )
    write_folder(folder, Qwen2_5_VLForConditionalGeneration(config), processor, _stops(tokenizer))


def _pictures_3(tokenizer: Any, template: str) -> Any:
    """What prepares pictures for Qwen3-VL and Qwen3.5: patches of 16, up to 16,384 tokens."""
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    images = Qwen2VLImageProcessor(
        size={"shortest_edge": 65536, "longest_edge": 16777216},
        patch_size=16,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=template)


VISION_3: dict[str, Any] = {
    "depth": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_heads": 2,
    "out_hidden_size": 64,
    "patch_size": 16,
    "num_position_embeddings": 2304,
}


def _write_3(folder: Path, opening: str = "") -> None:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    template = chatml(parts(IMAGE), opening=opening)
    tokenizer = _tokenizer(template, THOUGHT)
    config = Qwen3VLConfig(
        text_config=_text(
            tokenizer,
            5e6,
            head_dim=32,
            max_position_embeddings=262144,
            rope={"mrope_interleaved": True},
        ),
        vision_config={**VISION_3, "deepstack_visual_indexes": [0]},
        tie_word_embeddings=False,
        **_token_ids(tokenizer),
    )
    processor = _pictures_3(tokenizer, template)
    write_folder(folder, Qwen3VLForConditionalGeneration(config), processor, _stops(tokenizer))


def _write_3_thinking(folder: Path) -> None:
    _write_3(folder, OPEN_THOUGHT)


def _write_3_5(folder: Path) -> None:
    from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration

    template = chatml(parts(IMAGE), opening=SWITCHED_THOUGHT)
    tokenizer = _tokenizer(template, THOUGHT)
    text = _text(
        tokenizer,
        1e7,
        head_dim=64,
        max_position_embeddings=262144,
        layer_types=["linear_attention", "full_attention"],
        linear_key_head_dim=128,
        linear_value_head_dim=128,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        rope={
            "mrope_interleaved": True,
            "mrope_section": [3, 3, 2],
            "partial_rotary_factor": 0.25,
        },
    )
    config = Qwen3_5Config(
        text_config=text,
        vision_config=VISION_3,
        tie_word_embeddings=False,
        **_token_ids(tokenizer),
    )
    processor = _pictures_3(tokenizer, template)
    write_folder(folder, Qwen3_5ForConditionalGeneration(config), processor, _stops(tokenizer))


MODELS = (
    ZooModel("qwen2.5-vl", "Qwen2_5_VLForConditionalGeneration", _write_2_5),
    ZooModel("qwen3-vl", "Qwen3VLForConditionalGeneration", _write_3),
    ZooModel(
        "qwen3-vl-thinking",
        "Qwen3VLForConditionalGeneration",
        _write_3_thinking,
        thinks=True,
    ),
    ZooModel(
        "qwen3.5",
        "Qwen3_5ForConditionalGeneration",
        _write_3_5,
        thinks=True,
        needs="on a CPU bf16 and prompts in parts, which Onoma sees to",
    ),
)
