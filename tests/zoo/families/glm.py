"""GLM-4.1V-Thinking: its template opens a thought, its answer stands in a box."""

from __future__ import annotations

from pathlib import Path

from tests.zoo.folder import SMALL, ZooModel, ids_of, size_of, train_tokenizer, write_folder
from tests.zoo.templates import parts

SPECIAL = (
    "<|endoftext|>",
    "[gMASK]",
    "<sop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
    "<|image|>",
    "<|video|>",
)
WORDS = ("<think>", "</think>", "<answer>", "</answer>", "<|begin_of_box|>", "<|end_of_box|>")
IMAGE = "<|begin_of_image|><|image|><|end_of_image|>"
TEMPLATE = (
    "{{ '[gMASK]<sop>' }}"
    "{%- for message in messages -%}"
    "{{ '<|' + message['role'] + '|>\\n' }}" + parts(IMAGE) + "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n<think>' }}{%- endif -%}"
)


def _write(folder: Path) -> None:
    from transformers import (
        Glm4vConfig,
        Glm4vForConditionalGeneration,
        Glm4vImageProcessor,
        Glm4vProcessor,
        Glm4vVideoProcessor,
    )

    tokenizer = train_tokenizer(
        SPECIAL, eos="<|endoftext|>", pad="<|endoftext|>", words=WORDS, template=TEMPLATE
    )
    stops = list(
        ids_of(tokenizer, text="<|endoftext|>", user="<|user|>", seen="<|observation|>").values()
    )
    config = Glm4vConfig(
        text_config={
            "vocab_size": size_of(tokenizer),
            **SMALL,
            "num_key_value_heads": 1,
            "max_position_embeddings": 65536,
            "eos_token_id": stops,
            "pad_token_id": stops[0],
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.5,
                "mrope_section": [2, 3, 3],
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 2,
            "out_hidden_size": 64,
            "image_size": 336,
            "patch_size": 14,
        },
        tie_word_embeddings=False,
        **ids_of(
            tokenizer,
            image_token_id="<|image|>",
            video_token_id="<|video|>",
            image_start_token_id="<|begin_of_image|>",
            image_end_token_id="<|end_of_image|>",
            video_start_token_id="<|begin_of_video|>",
            video_end_token_id="<|end_of_video|>",
        ),
    )
    images = Glm4vImageProcessor(size={"shortest_edge": 12544, "longest_edge": 9633792})
    processor = Glm4vProcessor(images, tokenizer, Glm4vVideoProcessor(), chat_template=TEMPLATE)
    write_folder(folder, Glm4vForConditionalGeneration(config), processor, stops)


MODELS = (ZooModel("glm-4.1v-thinking", "Glm4vForConditionalGeneration", _write, thinks=True),)
