"""InternVL3 in the form that transformers has: up to twelve tiles and a thumbnail."""

from __future__ import annotations

from pathlib import Path

from tests.zoo.folder import SMALL, ZooModel, ids_of, size_of, train_tokenizer, write_folder
from tests.zoo.templates import chatml, parts

NAMED = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}


def _write(folder: Path) -> None:
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    template = chatml(parts("<IMG_CONTEXT>\\n"))
    tokenizer = train_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *NAMED.values()),
        eos="<|im_end|>",
        pad="<|endoftext|>",
        template=template,
        named=NAMED,
    )
    config = InternVLConfig(
        text_config={
            "model_type": "qwen2",
            "vocab_size": size_of(tokenizer),
            **SMALL,
            "num_key_value_heads": 1,
            "max_position_embeddings": 32768,
        },
        vision_config={
            **SMALL,
            "attention_bias": True,
            "image_size": [448, 448],
            "patch_size": [14, 14],
        },
        image_seq_length=256,
        tie_word_embeddings=False,
        **ids_of(tokenizer, image_token_id="<IMG_CONTEXT>"),
    )
    images = GotOcr2ImageProcessor(
        size={"height": 448, "width": 448},
        crop_to_patches=True,
        min_patches=1,
        max_patches=12,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    videos = InternVLVideoProcessor(size={"height": 448, "width": 448})
    processor = InternVLProcessor(
        images, tokenizer, videos, image_seq_length=256, chat_template=template
    )
    stops = list(ids_of(tokenizer, end="<|im_end|>", text="<|endoftext|>").values())
    write_folder(folder, InternVLForConditionalGeneration(config), processor, stops)


MODELS = (ZooModel("internvl3", "InternVLForConditionalGeneration", _write),)
