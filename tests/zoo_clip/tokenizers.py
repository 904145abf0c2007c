"""Tokenizers of each kind, trained on a few sentences: marks and padding as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

_TEXT = (
    "a photo of a bird, a good photo of the small grey bird on a branch by the sea",
    "an origami gull, a rendition of one owl; black-tailed, red, blue, great and little",
)


class Kind(NamedTuple):
    """How a tokenizer marks texts: its special tokens in order of their ids, and where they go."""

    special: tuple[str, ...]
    template: str
    names: dict[str, str]


KINDS = {
    # pads with the end of text
    "siglip": Kind(("<pad>", "</s>", "<unk>"), "$A </s>", {"pad": "</s>", "eos": "</s>"}),
    "siglip2": Kind(
        ("<pad>", "<eos>", "<bos>", "<unk>"), "$A <eos>", {"pad": "<pad>", "eos": "<eos>"}
    ),
    "bert": Kind(
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]"),
        "[CLS] $A [SEP]",
        {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]"},
    ),
    "xlm": Kind(
        ("<s>", "<pad>", "</s>", "<unk>"),
        "<s> $A </s>",
        {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>"},
    ),
    "nllb": Kind(
        ("<s>", "<pad>", "</s>", "<unk>", "eng_Latn"),
        "eng_Latn $A </s>",
        {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>"},
    ),
}


def write_tokenizer(folder: Path, kind: str) -> int:
    """Write the files of a tokenizer; returns how many tokens it has."""
    marks = KINDS[kind]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(marks.special), initial_alphabet=alphabet
    )
    made.train_from_iterator(_TEXT, trainer)
    ids = [(token, made.token_to_id(token)) for token in marks.special if token in marks.template]
    made.post_processor = processors.TemplateProcessing(single=marks.template, special_tokens=ids)
    named: dict[str, Any] = {f"{name}_token": token for name, token in marks.names.items()}
    fast = PreTrainedTokenizerFast(tokenizer_object=made, padding_side="right", **named)
    fast.save_pretrained(str(folder))
    return len(fast)
