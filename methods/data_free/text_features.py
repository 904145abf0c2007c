"""What is computed once of each sentence: its feature, and one of each of its tokens.

A sentence stands in for an image (TaI-DPT, Guo et al. 2023): the feature at its end-of-text token
for the image's, those of all its tokens, start and end included, for the image's positions. The
tower is frozen, so both are constant over training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from methods.text_tower import TextTower


def text_token_features(
    tower: TextTower, texts: Sequence[str], batch: int = 256
) -> tuple[Tensor, Tensor, Tensor]:
    """Encode texts, without a gradient.

    Texts too long for the tower are cut, the end-of-text token kept.

    Args:
        tower: frozen; on its device all is computed.
        texts: B of them, at least one.
        batch: texts encoded at a time.

    Returns:
        Unit features of texts, float32 (B, D); unit features of tokens, float32 (B, T, D), T the
        tokens of the longest text and 0 behind a text's end; and how many tokens each has, start
        and end counted, int64 (B,). All on the CPU.

    Raises:
        ValueError: no texts.
    """
    if not texts:
        raise ValueError("there are no texts to encode")
    position = tower.positional_embedding
    tokens = tower.tokenize(list(texts), len(position)).to(position.device)
    ends = tower.end_positions(tokens)
    longest = int(ends.max()) + 1
    whole, parts = [], []
    with torch.no_grad():
        for ids, end in zip(tokens.split(batch), ends.split(batch), strict=True):
            # where every position sees all others, padding belongs to what the tower knows
            length = int(end.max()) + 1 if tower.attn_mask is not None else len(position)
            ids = ids[:, :length]
            mask = None if tower.attn_mask is None else tower.attn_mask[:length, :length]
            x = tower.token_embedding(ids).to(position.dtype) + position[:length]
            x = tower.text_projection(tower.ln_final(tower.transformer(x, mask)))
            x = functional.normalize(x.float(), dim=-1)
            whole.append(x[torch.arange(len(x), device=x.device), end].cpu())
            x = x * (torch.arange(length, device=x.device) <= end[:, None])[:, :, None]
            x = x[:, :longest]
            parts.append(functional.pad(x, (0, 0, 0, longest - x.shape[1])).cpu())
    return torch.cat(whole), torch.cat(parts), ends.cpu() + 1


@dataclass(frozen=True)
class TextFeatures:
    """Features of n texts, tokens without padding.

    Attributes:
        whole: unit features of texts, (n, D), float32 or float16.
        tokens: unit features of all tokens, one text behind the other, (sum of lengths, D), float32
            or float16.
        lengths: int64 (n,), tokens of each text, at least 1.
    """

    whole: NDArray[np.floating]
    tokens: NDArray[np.floating]
    lengths: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that the parts fit each other.

        Raises:
            ValueError: they do not.
        """
        n, total = len(self.lengths), int(self.lengths.sum())
        fits = self.whole.ndim == self.tokens.ndim == 2
        fits = fits and len(self.whole) == n and len(self.tokens) == total
        if not fits or self.whole.shape[1] != self.tokens.shape[1] or (self.lengths < 1).any():
            raise ValueError(
                f"features {self.whole.shape} and {self.tokens.shape} do not fit {n} texts of "
                f"{total} tokens in all, at least one each"
            )

    def __len__(self) -> int:
        """How many texts."""
        return len(self.lengths)

    @classmethod
    def of(cls, tower: TextTower, texts: Sequence[str], batch: int = 256) -> TextFeatures:
        """Encode texts, as `text_token_features` does, and leave padding out.

        Raises:
            ValueError: no texts.
        """
        parts = []
        for start in range(0, max(1, len(texts)), batch):
            whole, tokens, lengths = text_token_features(tower, texts[start : start + batch])
            present = torch.arange(tokens.shape[1]) < lengths[:, None]
            parts.append(cls(whole.numpy(), tokens[present].numpy(), lengths.numpy()))
        return cls.joined(parts)

    @classmethod
    def joined(cls, parts: Sequence[TextFeatures]) -> TextFeatures:
        """Put features of texts one behind the other; at least one part."""
        return cls(
            np.concatenate([part.whole for part in parts]),
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.lengths for part in parts]),
        )

    def padded(self, texts: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Take some texts, with padding up to the longest of them.

        Args:
            texts: int64 (b,), which.

        Returns:
            Features of texts, float32 (b, D); features of tokens, float32 (b, T, D), 0 in padding;
            and which tokens are no padding, bool (b, T).
        """
        lengths = self.lengths[texts]
        present = np.arange(int(lengths.max(initial=1)))[None, :] < lengths[:, None]
        starts = (np.cumsum(self.lengths) - self.lengths)[texts]
        tokens = np.zeros((*present.shape, self.tokens.shape[1]), np.float32)
        place = starts[:, None] + np.arange(present.shape[1])[None, :]
        tokens[present] = self.tokens[place[present]]
        whole = self.whole[texts].astype(np.float32)
        return torch.from_numpy(whole), torch.from_numpy(tokens), torch.from_numpy(present)
