"""The tiny CLIP as an open_clip model: its configuration, its features, its folder on disk.

The global image feature is the mean of the projected patch tokens (`pool_type: avg` with the last
layer norm before the pooling; the class token takes no part), so plain patch tokens, projected,
live in the space of the texts and say where something is.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import open_clip
import torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from fieldguide.captions import CONTEXT_LENGTH, vocabulary
from fieldguide.clip_pools import SIZE

MEAN: Final = 0.5
STD: Final = 0.5
MODEL_CFG: Final[dict[str, Any]] = {
    "embed_dim": 128,
    "vision_cfg": {
        "image_size": SIZE,
        "patch_size": 12,
        "width": 128,
        "layers": 4,
        "head_width": 64,
        "pool_type": "avg",
    },
    "text_cfg": {
        "context_length": CONTEXT_LENGTH,
        "vocab_size": 49408,
        "width": 128,
        "heads": 4,
        "layers": 3,
    },
}
PREPROCESS_CFG: Final[dict[str, Any]] = {
    "size": [SIZE, SIZE],
    "mode": "RGB",
    "mean": [MEAN] * 3,
    "std": [STD] * 3,
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
_TEXT_CHUNKS: Final = 4

Tokenizer = Callable[[Sequence[str]], Tensor]


def new_model(config: dict[str, Any] = MODEL_CFG) -> CLIP:
    """The model with random weights."""
    model = CLIP(**config)
    model.train()
    return model


class Vocabulary:
    """The few hundred tokens that captions use, so that training need not move the whole table.

    Compact ids keep the order of the tokenizer's, so the end of a text stays its highest id.
    """

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str] | None = None) -> None:
        self._tokenizer = tokenizer
        self._known = tokenizer(vocabulary() if texts is None else texts).unique()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Compact ids of the texts; a token that no caption uses is an error."""
        full = self._tokenizer(texts)
        compact = torch.searchsorted(self._known, full)
        if not torch.equal(self._known[compact.clamp(max=len(self._known) - 1)], full):
            raise ValueError("a text has a token that the vocabulary of captions lacks")
        return compact

    def shrink(self, model: CLIP) -> Tensor:
        """Leave only the known rows of the token table in the model; returns the whole table."""
        table = model.token_embedding.weight.detach().clone()
        model.token_embedding = nn.Embedding.from_pretrained(table[self._known], freeze=False)
        return table

    def state(self, model: CLIP, table: Tensor) -> dict[str, Tensor]:
        """The weights of a shrunk model with the whole token table put back."""
        whole = table.index_copy(0, self._known, model.token_embedding.weight.detach())
        return {**model.state_dict(), "token_embedding.weight": whole}


def load_folder(folder: Path) -> tuple[CLIP, Tokenizer]:
    """The saved model in float32, ready to evaluate, and its tokenizer; no network is used."""
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    return model, open_clip.get_tokenizer(f"local-dir:{folder}")


def save_folder(state: dict[str, Tensor], folder: Path, config: dict[str, Any] = MODEL_CFG) -> None:
    """Write the configuration and the weights, in fp16, as open_clip reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    both = {"model_cfg": config, "preprocess_cfg": PREPROCESS_CFG}
    text = json.dumps(both, indent=2) + "\n"
    (folder / "open_clip_config.json").write_text(text, encoding="utf-8")
    weights = {name: value.half().contiguous() for name, value in state.items()}
    save_file(weights, folder / "open_clip_model.safetensors", metadata={"format": "pt"})


def to_input(pixels: np.ndarray) -> Tensor:
    """Normalised (N, 3, 72, 72) floats from (N, 72, 72, 3) bytes."""
    images = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2)
    return images.float().div_(255.0).sub_(MEAN).div_(STD)


def patch_tokens(model: CLIP, images: Tensor) -> Tensor:
    """Normed but not yet projected patch tokens, (N, 36, 128); their mean is the pooled token."""
    visual = model.visual
    _, tokens = visual._pool(visual.transformer(visual._embeds(images)))
    return tokens


def text_features(model: CLIP, texts: Tensor) -> Tensor:
    """L2-normalised text features, computed in chunks of like length to save the padding."""
    ends = texts.argmax(dim=1)
    order = ends.argsort()
    features = [_short_text(model, texts[part]) for part in order.chunk(_TEXT_CHUNKS)]
    return normalize(torch.cat(features)[order.argsort()], dim=-1)


def _short_text(model: CLIP, texts: Tensor) -> Tensor:
    """What `model.encode_text` gives, without the positions after the longest text."""
    ends = texts.argmax(dim=1)
    length = int(ends.max()) + 1
    tokens = model.token_embedding(texts[:, :length]) + model.positional_embedding[:length]
    tokens = model.ln_final(model.transformer(tokens, attn_mask=model.attn_mask[:length, :length]))
    return tokens[torch.arange(len(texts)), ends] @ model.text_projection
