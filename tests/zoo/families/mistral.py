"""Mistral3 with Pixtral's tower, in the form that transformers has: rows that end in a token."""

from __future__ import annotations

from pathlib import Path

from tests.zoo.folder import SMALL, ZooModel, ids_of, size_of, train_tokenizer, write_folder
from tests.zoo.templates import parts

SPECIAL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")
PICTURE = ("[IMG]", "[IMG_BREAK]", "[IMG_END]", "<pad>")
TEMPLATE = (
    "{{ bos_token }}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}"
    "{{ '[SYSTEM_PROMPT]' }}" + parts("[IMG]") + "{{ '[/SYSTEM_PROMPT]' }}"
    "{%- elif message['role'] == 'user' -%}"
    "{{ '[INST]' }}" + parts("[IMG]") + "{{ '[/INST]' }}"
    "{%- else -%}" + parts("[IMG]") + "{{ eos_token }}{%- endif -%}"
    "{%- endfor -%}"
)


def _write(folder: Path) -> None:
    from transformers import (
        Mistral3Config,
        Mistral3ForConditionalGeneration,
        PixtralImageProcessor,
        PixtralProcessor,
    )

    tokenizer = train_tokenizer(
        (*SPECIAL, *PICTURE), eos="</s>", pad="<pad>", bos="<s>", template=TEMPLATE
    )
    config = Mistral3Config(
        text_config={
            "model_type": "mistral",
            "vocab_size": size_of(tokenizer),
            **SMALL,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "max_position_embeddings": 131072,
            "sliding_window": None,
        },
        vision_config={
            "model_type": "pixtral",
            **SMALL,
            "image_size": 1540,
            "patch_size": 14,
        },
        spatial_merge_size=2,
        tie_word_embeddings=False,
        **ids_of(tokenizer, image_token_index="[IMG]"),
    )
    images = PixtralImageProcessor(
        size={"longest_edge": 1540}, patch_size={"height": 14, "width": 14}
    )
    processor = PixtralProcessor(
        images, tokenizer, patch_size=14, spatial_merge_size=2, chat_template=TEMPLATE
    )
    stops = list(ids_of(tokenizer, end="</s>").values())
    write_folder(folder, Mistral3ForConditionalGeneration(config), processor, stops)


MODELS = (ZooModel("mistral3", "Mistral3ForConditionalGeneration", _write),)
