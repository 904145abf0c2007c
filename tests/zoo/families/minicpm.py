"""MiniCPM-V 4.6, whose code transformers has (a hybrid like Qwen3.5)."""

from __future__ import annotations

from pathlib import Path

from tests.zoo.folder import SMALL, ZooModel, ids_of, size_of, train_tokenizer, write_folder
from tests.zoo.templates import chatml, parts

NAMED = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "image_start_token": "<image>",
    "image_end_token": "</image>",
    "slice_start_token": "<slice>",
    "slice_end_token": "</slice>",
    "image_id_start_token": "<image_id>",
    "image_id_end_token": "</image_id>",
}
OPENING = (
    "{%- if enable_thinking is defined and enable_thinking is true -%}{{ '<think>\\n' }}"
    "{%- else -%}{{ '<think>\\n\\n</think>\\n\\n' }}{%- endif -%}"
)


def _write(folder: Path) -> None:
    from transformers import (
        MiniCPMV4_6Config,
        MiniCPMV4_6ForConditionalGeneration,
        MiniCPMV4_6ImageProcessor,
        MiniCPMV4_6Processor,
        MiniCPMV4_6VideoProcessor,
    )

    template = chatml(parts("<|image_pad|>"), opening=OPENING)
    tokenizer = train_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *NAMED.values()),
        eos="<|im_end|>",
        pad="<|endoftext|>",
        words=("<think>", "</think>"),
        template=template,
        named=NAMED,
    )
    config = MiniCPMV4_6Config(
        text_config={
            "model_type": "qwen3_5_text",
            "vocab_size": size_of(tokenizer),
            **SMALL,
            "num_key_value_heads": 1,
            "head_dim": 64,
            "max_position_embeddings": 262144,
            "layer_types": ["linear_attention", "full_attention"],
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e7,
                "partial_rotary_factor": 0.25,
            },
        },
        vision_config={
            **SMALL,
            "image_size": 980,
            "patch_size": 14,
        },
        insert_layer_id=0,
        tie_word_embeddings=False,
        **ids_of(tokenizer, image_token_id="<|image_pad|>", video_token_id="<|video_pad|>"),
    )
    processor = MiniCPMV4_6Processor(
        MiniCPMV4_6ImageProcessor(),
        MiniCPMV4_6VideoProcessor(),
        tokenizer,
        chat_template=template,
    )
    stops = list(ids_of(tokenizer, end="<|im_end|>", text="<|endoftext|>").values())
    write_folder(folder, MiniCPMV4_6ForConditionalGeneration(config), processor, stops)


MODELS = (
    ZooModel(
        "minicpm-v-4.6",
        "MiniCPMV4_6ForConditionalGeneration",
        _write,
        needs="on a CPU bf16 and prompts in parts, which Onoma sees to",
    ),
)
