"""Idefics3 and SmolVLM: a picture is cut into tiles, each between tokens of row and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.zoo.folder import SMALL, ZooModel, ids_of, size_of, train_tokenizer, write_folder
from tests.zoo.templates import parts

END = "<end_of_utterance>"
NAMED = {
    "image_token": "<image>",
    "fake_image_token": "<fake_token_around_image>",
    "global_image_token": "<global-img>",
    "end_of_utterance_token": END,
}
TILES = tuple(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7))
TEXT: dict[str, Any] = {
    "model_type": "llama",
    **SMALL,
    "num_key_value_heads": 1,
    "head_dim": 32,
}
TOWER: dict[str, Any] = {
    **SMALL,
    "patch_size": 14,
}


def _turns(begin: str) -> str:
    """``User:`` and ``Assistant:`` behind a first token; a picture takes the colon's blank."""
    return (
        f"{{{{ '{begin}' }}}}"
        "{%- for message in messages -%}"
        "{{ message['role'] | capitalize }}"
        "{%- if message['content'] is not string and message['content'][0]['type'] == 'image' -%}"
        "{{ ':' }}{%- else -%}{{ ': ' }}{%- endif -%}" + parts("<image>") + f"{{{{ '{END}\\n' }}}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{ 'Assistant:' }}{%- endif -%}"
    )


def _tokenizer(begin: str, template: str) -> Any:
    return train_tokenizer(
        (begin, "<end_of_text>", *NAMED.values(), *TILES),
        eos=END,
        pad="<end_of_text>",
        bos=begin,
        template=template,
        named=NAMED,
    )


def _configuration(kind: Any, tokenizer: Any, scale: int, side: int, context: int) -> Any:
    pad, image = ids_of(tokenizer, pad="<end_of_text>", image="<image>").values()
    return kind(
        text_config={
            **TEXT,
            "vocab_size": size_of(tokenizer),
            "max_position_embeddings": context,
            "pad_token_id": pad,
        },
        vision_config={**TOWER, "image_size": side},
        scale_factor=scale,
        image_token_id=image,
        pad_token_id=pad,
        tie_word_embeddings=False,
    )


def _write_idefics3(folder: Path) -> None:
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    template = _turns("<|begin_of_text|>")
    tokenizer = _tokenizer("<|begin_of_text|>", template)
    config = _configuration(Idefics3Config, tokenizer, 2, 364, 131072)
    images = Idefics3ImageProcessor(
        size={"longest_edge": 4 * 364},
        max_image_size={"longest_edge": 364},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    processor = Idefics3Processor(images, tokenizer, image_seq_len=169, chat_template=template)
    stops = list(ids_of(tokenizer, end=END, text="<end_of_text>").values())
    write_folder(folder, Idefics3ForConditionalGeneration(config), processor, stops)


def _write_smolvlm(folder: Path) -> None:
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    template = _turns("<|im_start|>")
    tokenizer = _tokenizer("<|im_start|>", template)
    config = _configuration(SmolVLMConfig, tokenizer, 3, 378, 8192)
    images = SmolVLMImageProcessor(
        size={"longest_edge": 3 * 378},
        max_image_size={"longest_edge": 378},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    videos = SmolVLMVideoProcessor(
        size={"longest_edge": 378},
        max_image_size={"longest_edge": 378},
        fps=1,
        num_frames=8,
        video_sampling={"fps": 1, "max_frames": 8, "video_size": {"longest_edge": 378}},
    )
    processor = SmolVLMProcessor(
        images, tokenizer, videos, image_seq_len=81, chat_template=template
    )
    stops = list(ids_of(tokenizer, end=END, text="<end_of_text>").values())
    write_folder(folder, SmolVLMForConditionalGeneration(config), processor, stops)


MODELS = (
    ZooModel("idefics3", "Idefics3ForConditionalGeneration", _write_idefics3),
    ZooModel(
        "smolvlm",
        "SmolVLMForConditionalGeneration",
        _write_smolvlm,
        needs="`num2words` (installed)",
    ),
)
