"""CLIP's text tower in an actor of its own, for stages that need features of a few texts.

It loads while something else goes on that takes as long, such as the start of an MLLM's engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder, Precision
from actors.clip.model import ClipModel
from actors.priority import step_back


class ClipTexts:
    """The actor: one CLIP model."""

    def __init__(
        self,
        model: ClipModel,
        precision: Precision = "auto",
        threads: int | None = None,
        device: str | None = None,
        niceness: int | None = None,
    ) -> None:
        """Load the model, at a lower priority where the cores are another model's as well."""
        step_back(niceness)
        self._encoder = ClipEncoder(model, precision=precision, threads=threads, device=device)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Features of texts, as `ClipEncoder.encode_texts`."""
        return self._encoder.encode_texts(texts)


class RemoteTexts:
    """A `ClipTexts` actor as stages see it; a small picklable object."""

    def __init__(self, actor: Any) -> None:
        """Keep the actor's handle."""
        self._actor = actor

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Features of texts, float32 (n, D), rows of unit length."""
        features: NDArray[np.float32] = ray.get(self._actor.encode_texts.remote(list(texts)))
        return features
