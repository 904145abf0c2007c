"""Gemma3, and PaliGemma, which has no chat template of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.zoo.folder import (
    SMALL,
    ZooModel,
    ids_of,
    size_of,
    tower_names,
    train_tokenizer,
    write_folder,
)
from tests.zoo.templates import parts

TOWER: dict[str, Any] = {
    **SMALL,
    "patch_size": 14,
    "vision_use_head": False,
}
LINE_BREAKS = ("\n", "\n\n", "\n\n\n", "\n\n\n\n")
"""vLLM looks these up as whole tokens: the processor puts a picture between empty lines."""


def _gemma_turns() -> str:
    """Turns of `user` and `model`; what the system says goes into the first turn of the user."""
    content = parts("<start_of_image>").replace("part['text'] }}", "part['text'] | trim }}")
    return (
        "{{ bos_token }}"
        "{%- for message in messages -%}"
        "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role'])"
        " + '\\n' }}" + content + "{{ '<end_of_turn>\\n' }}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
    )


def _write_gemma3(folder: Path) -> None:
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessor,
        Gemma3Processor,
    )

    template = _gemma_turns()
    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    tokenizer = train_tokenizer(
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", *named.values()),
        eos="<eos>",
        pad="<pad>",
        bos="<bos>",
        words=LINE_BREAKS,
        template=template,
        named=named,
    )
    config = Gemma3Config(
        text_config={
            "vocab_size": size_of(tokenizer),
            **SMALL,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "query_pre_attn_scalar": 32,
            "sliding_window": 1024,
            "layer_types": ["sliding_attention", "full_attention"],
            "max_position_embeddings": 131072,
        },
        vision_config={**TOWER, "image_size": 896},
        mm_tokens_per_image=256,
        **ids_of(
            tokenizer,
            boi_token_index="<start_of_image>",
            eoi_token_index="<end_of_image>",
            image_token_index="<image_soft_token>",
        ),
    )
    images = Gemma3ImageProcessor(
        size={"height": 896, "width": 896}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    processor = Gemma3Processor(images, tokenizer, chat_template=template, image_seq_length=256)
    stops = list(ids_of(tokenizer, end="<eos>", turn="<end_of_turn>").values())
    write_folder(
        folder, Gemma3ForConditionalGeneration(config), processor, stops, tower_names, 0.03
    )


def _write_paligemma(folder: Path) -> None:
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessor,
    )

    tokenizer = train_tokenizer(
        ("<pad>", "<eos>", "<bos>", "<image>"),
        eos="<eos>",
        pad="<pad>",
        bos="<bos>",
        words=LINE_BREAKS,
        named={"image_token": "<image>"},
    )
    images = SiglipImageProcessor(size={"height": 224, "width": 224})
    images.image_seq_length = 256
    processor = PaliGemmaProcessor(images, tokenizer)  # which adds tokens of places and shapes
    rows = size_of(tokenizer)
    config = PaliGemmaConfig(
        text_config={
            "model_type": "gemma",
            "vocab_size": rows,
            **SMALL,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "max_position_embeddings": 8192,
        },
        vision_config={**TOWER, "image_size": 224},
        projection_dim=64,
        hidden_size=64,
        **ids_of(tokenizer, image_token_index="<image>"),
    )
    stops = list(ids_of(tokenizer, end="<eos>").values())
    write_folder(
        folder, PaliGemmaForConditionalGeneration(config), processor, stops, tower_names, 0.03
    )


MODELS = (
    ZooModel("gemma3", "Gemma3ForConditionalGeneration", _write_gemma3),
    ZooModel(
        "paligemma",
        "PaliGemmaForConditionalGeneration",
        _write_paligemma,
        needs="no chat template of its own: vLLM's for this kind is taken",
    ),
)
