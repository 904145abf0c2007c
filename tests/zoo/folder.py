"""What every family uses to write a folder: a tokenizer of its own, random weights, stop tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # whoever only wants the names of the zoo waits for no library
    from torch import nn
    from transformers import PreTrainedTokenizerFast

CORPUS = (
    "What do you see? Describe the object in the image precisely, in one sentence.",
    "A goldfish swims in a round bowl on a wooden table near the window.",
    "Two birds with red tails and yellow wings are sitting on a branch over the river.",
    "Which of these classes is it? Answer with one name only: tench, hen, great white shark.",
    "The photograph shows an old temple with carved roofs, lanterns, stairs and a blue sky.",
    "It is a flower: petals of orange and pink, a dark centre, green leaves behind it.",
    "I think that this is a street with cars, a church, people, shops and a grey cat.",
)
"""What tokenizers are trained on: our own sentences, with words that archives have."""

VOCABULARY = 700

SMALL: Mapping[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
"""The shrunken size of a language model, and of most image towers."""


@dataclass(frozen=True)
class ZooModel:
    """One architecture of the zoo.

    Attributes:
        name: of the folder, the test and the row in docs/models.md.
        architecture: as config.json says it.
        write: writes the folder.
        engine: engine arguments that it needs on a CPU (``--mllm-engine``).
        thinks: its chat template opens a thought, or it writes one unless told not to.
        needs: what it needs beside, for the table.
    """

    name: str
    architecture: str
    write: Callable[[Path], None]
    engine: Mapping[str, Any] = field(default_factory=dict)
    thinks: bool = False
    needs: str = ""


def train_tokenizer(
    special: Sequence[str],
    *,
    eos: str,
    pad: str,
    bos: str | None = None,
    words: Sequence[str] = (),
    longest: int = 32768,
    template: str | None = None,
    named: Mapping[str, str] | None = None,
) -> PreTrainedTokenizerFast:
    """A byte-level BPE; any text is encoded, down to its bytes.

    Args:
        special: tokens that templates and processors write, in the order of their ids.
        eos, pad, bos: which of them end, fill and begin a text; none begins it without ``bos``.
        words: further whole tokens that are text, such as line breaks.
        longest: ``model_max_length``.
        template: the chat template that goes with the tokenizer.
        named: special tokens that processors look up by an attribute's name.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    if bos is not None:
        ids = [(bos, tokenizer.token_to_id(bos))]
        tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=ids
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=eos,
        pad_token=pad,
        bos_token=bos,
        model_max_length=longest,
        padding_side="left",
        chat_template=template,
        clean_up_tokenization_spaces=False,
        extra_special_tokens=dict(named or {}),
    )


def ids_of(tokenizer: PreTrainedTokenizerFast, **tokens: str) -> dict[str, int]:
    """Ids by the names that a configuration has for them."""
    return {name: int(tokenizer.convert_tokens_to_ids(token)) for name, token in tokens.items()}


def size_of(tokenizer: PreTrainedTokenizerFast, multiple: int = 64) -> int:
    """Rows of an embedding that holds every token; real ones have some to spare as well."""
    return -(-len(tokenizer) // multiple) * multiple


def randomize(model: nn.Module, words: float, seed: int = 20) -> None:
    """Draw weights of such a size that answers depend on the picture; biases too.

    Args:
        model: whose norms stay as they are.
        words: size of the embeddings of words.
        seed: of all that is drawn.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if weight.dim() > 1:
                embeds = "embed" in name or "position" in name
                scale = 1.0 if embeds else weight[0].numel() ** -0.5
                scale = words if "embed_tokens" in name else scale
                weight.copy_(torch.randn(weight.shape, generator=generator) * scale)
            elif name.endswith("bias"):
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.02)


def write_folder(
    folder: Path,
    model: nn.Module,
    processor: Any,
    stops: Sequence[int],
    rename: Callable[[str], str] | None = None,
    words: float = 1.0,
) -> None:
    """Write configuration, weights, processor, tokenizer, chat template and what ends an answer.

    Args:
        folder: is made.
        model: a transformers model; its weights are drawn here.
        processor: what prepares pictures and texts.
        stops: ids that end an answer.
        rename: names of weights as vLLM reads them, where transformers saves others.
        words: size of the embeddings of words; small where they are the output's weights as well,
            or a model says again what it read last.
    """
    from safetensors.torch import load_file, save_file
    from transformers import GenerationConfig

    randomize(model, words)
    _end_soon(model, stops)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    GenerationConfig(
        do_sample=True, temperature=0.7, eos_token_id=list(stops), pad_token_id=stops[0]
    ).save_pretrained(folder)
    weights = folder / "model.safetensors"
    if rename is not None:
        renamed = {rename(name): value for name, value in load_file(weights).items()}
        save_file(renamed, weights, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["architectures"] = [type(model).__name__]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def _end_soon(model: Any, stops: Sequence[int]) -> None:
    """Make what ends an answer likely, so that answers end at different lengths."""
    import torch

    head = model.get_output_embeddings()
    with torch.no_grad():
        for stop in stops:
            head.weight[stop] *= 1.5


def tower_names(name: str) -> str:
    """The name of a weight of a SigLIP or CLIP tower as vLLM 0.32 and older checkpoints have it."""
    return re.sub(
        r"^(model\.)?vision_tower\.(?!vision_model\.)", r"\1vision_tower.vision_model.", name
    )
