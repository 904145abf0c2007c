"""A sentence-transformers model made on the spot: a few words, each with its vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np

UNKNOWN = "[UNK]"


def save_tiny_model(
    folder: Path, words: dict[str, list[float]], prompts: dict[str, str] | None = None
) -> str:
    """Save a model that embeds a text as the mean of its words' vectors; unknown words are zeros.

    Args:
        folder: where to; made here.
        words: the vector of each word, all of one width.
        prompts: the first becomes the model's default prompt.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    numbers = {word: number for number, word in enumerate([UNKNOWN, *words])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = [np.zeros(len(next(iter(words.values())))), *words.values()]
    module = StaticEmbedding(tokenizer, embedding_weights=np.array(vectors, dtype=np.float32))
    model = SentenceTransformer(modules=[module], device="cpu", prompts=prompts)
    if prompts:
        model.default_prompt_name = next(iter(prompts))
    model.save(str(folder))
    return str(folder)
