"""LLaVA-1.5, LLaVA-NeXT (with Mistral) and LLaVA-OneVision (with Qwen2): images before the text."""

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
from tests.zoo.templates import chatml, images_first

TEXT: dict[str, Any] = {
    **SMALL,
    "num_key_value_heads": 1,
    "head_dim": 32,
}
TOWER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "patch_size": 14,
}
CLIP = {"model_type": "clip_vision_model", **TOWER, "image_size": 336, "projection_dim": 64}
NEXT_GRID = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
ONEVISION_GRID = [[384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)]


def _spoken() -> str:
    """``USER:`` and ``ASSISTANT:``, as LLaVA-1.5 with Vicuna has it."""
    return (
        "{%- for message in messages -%}"
        "{{ message['role'] | upper + ': ' }}" + images_first("<image>\\n") + "{{ ' ' }}"
        "{%- endfor -%}{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}"
    )


def _instructed() -> str:
    """``[INST]`` and ``[/INST]``, as LLaVA-NeXT with Mistral has it."""
    return (
        "{{ '<s>' }}{%- for message in messages -%}"
        "{%- if message['role'] == 'assistant' -%}{{ ' ' }}"
        + images_first("<image>\\n")
        + "{{ '</s>' }}{%- else -%}{{ '[INST] ' }}"
        + images_first("<image>\\n")
        + "{{ ' [/INST]' }}{%- endif -%}{%- endfor -%}"
    )


def _sentences(template: str) -> Any:
    return train_tokenizer(
        ("<unk>", "<s>", "</s>", "<image>", "<pad>"),
        eos="</s>",
        pad="<pad>",
        bos="<s>",
        template=template,
        named={"image_token": "<image>"},
    )


def _clip_pictures(kind: Any, **more: Any) -> Any:
    return kind(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}, **more)


def _write_1_5(folder: Path) -> None:
    from transformers import (
        CLIPImageProcessor,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    template = _spoken()
    tokenizer = _sentences(template)
    config = LlavaConfig(
        text_config={
            "model_type": "llama",
            **TEXT,
            "vocab_size": size_of(tokenizer),
            "max_position_embeddings": 4096,
        },
        vision_config=CLIP,
        image_seq_length=576,
        **ids_of(tokenizer, image_token_index="<image>"),
    )
    processor = LlavaProcessor(
        _clip_pictures(CLIPImageProcessor),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    stops = list(ids_of(tokenizer, end="</s>").values())
    write_folder(folder, LlavaForConditionalGeneration(config), processor, stops, tower_names)


def _write_next(folder: Path) -> None:
    from transformers import (
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessor,
        LlavaNextProcessor,
    )

    template = _instructed()
    tokenizer = _sentences(template)
    config = LlavaNextConfig(
        text_config={
            "model_type": "mistral",
            **TEXT,
            "vocab_size": size_of(tokenizer),
            "max_position_embeddings": 32768,
            "sliding_window": None,
        },
        vision_config=CLIP,
        image_grid_pinpoints=NEXT_GRID,
        **ids_of(tokenizer, image_token_index="<image>"),
    )
    processor = LlavaNextProcessor(
        _clip_pictures(LlavaNextImageProcessor, image_grid_pinpoints=NEXT_GRID),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    stops = list(ids_of(tokenizer, end="</s>").values())
    write_folder(folder, LlavaNextForConditionalGeneration(config), processor, stops, tower_names)


def _write_onevision(folder: Path) -> None:
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    template = chatml(images_first("<image>\\n"))
    named = {"image_token": "<image>", "video_token": "<video>"}
    tokenizer = train_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *named.values()),
        eos="<|im_end|>",
        pad="<|endoftext|>",
        template=template,
        named=named,
    )
    config = LlavaOnevisionConfig(
        text_config={
            "model_type": "qwen2",
            **TEXT,
            "vocab_size": size_of(tokenizer),
            "max_position_embeddings": 32768,
        },
        vision_config={
            "model_type": "siglip_vision_model",
            **TOWER,
            "image_size": 384,
            "vision_use_head": False,
        },
        image_grid_pinpoints=ONEVISION_GRID,
        **ids_of(tokenizer, image_token_index="<image>", video_token_index="<video>"),
    )
    processor = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(image_grid_pinpoints=ONEVISION_GRID),
        tokenizer,
        LlavaOnevisionVideoProcessor(),
        num_image_tokens=729,
        vision_feature_select_strategy="full",
        chat_template=template,
    )
    stops = list(ids_of(tokenizer, end="<|im_end|>", text="<|endoftext|>").values())
    write_folder(
        folder, LlavaOnevisionForConditionalGeneration(config), processor, stops, tower_names
    )


MODELS = (
    ZooModel("llava-1.5", "LlavaForConditionalGeneration", _write_1_5),
    ZooModel("llava-next", "LlavaNextForConditionalGeneration", _write_next),
    ZooModel("llava-onevision", "LlavaOnevisionForConditionalGeneration", _write_onevision),
)
