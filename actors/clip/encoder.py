"""The CLIP encoder: any open_clip model, batched, on whatever device is there."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.model import ClipModel
from actors.clip.precision import Precision as Precision
from actors.images.decode import usable_pixels
from methods.dense import DenseMode

if TYPE_CHECKING:
    import torch

_TEXT_BATCH = 256

logger = logging.getLogger(f"onoma.{__name__}")


class ClipEncoder:
    """Both towers of one open_clip model; features are float32, L2-normalised, on the CPU.

    Pixels come as uint8 at the model's input size and are normalised on the device.
    """

    def __init__(
        self,
        model: ClipModel,
        *,
        precision: Precision = "auto",
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: as resolved by `actors.clip.model.resolve_clip`.
            precision: ``auto`` is bf16 on a GPU and fp32 on a CPU.
            device: a torch device; by default the first GPU visible, else the CPU.
            threads: CPU threads; torch's own choice by default.

        Raises:
            InputError: the weights do not fit the architecture or cannot be read.
        """

        import torch

        from actors.clip.loading import load_clip

        if threads:
            torch.set_num_threads(threads)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if precision == "auto":
            precision = "bf16" if self.device.type == "cuda" else "fp32"
        self.model_info = model
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.model, self.tokenizer, self.logit_scale, self.logit_bias = load_clip(
            model, self.device, self.dtype
        )
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(model.mean, device=self.device).reshape(shape)
        self._std = torch.tensor(model.std, device=self.device).reshape(shape)
        logger.debug("CLIP %s on %s in %s", model.name, self.device, precision)

    def _normalised(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        import torch

        tensor = torch.from_numpy(np.require(pixels, requirements=["C", "W"])).to(self.device)
        tensor = tensor.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        return ((tensor - self._mean) / self._std).to(self.dtype)

    def encode_pixels(
        self, pixels: NDArray[np.uint8], *, positions: bool = True
    ) -> NDArray[np.float32]:
        """Encode images.

        Args:
            pixels: uint8 (n, height, width, 3) at the model's input size.
            positions: whether a ResNet's attention pool adds its position embedding, as CLIP does;
                TaI-DPT leaves it out. Of no meaning to other towers.

        Returns:
            Unit features, float32 (n, D).
        """
        import torch

        from actors.clip.dense import pooled_without_positions

        with torch.inference_mode():
            images = self._normalised(pixels)
            features = None
            if not positions:
                features = pooled_without_positions(self.model.visual, images)
            if features is None:
                features = self.model.encode_image(images)
            return _unit(features).cpu().numpy()

    def encode_decoded(self, batch: pa.Table) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Encode the images of a batch of `actors.images.decode.decode` that have no error.

        Returns:
            Their rows (n,), ascending, and their unit features, float32 (n, D).
        """
        rows, pixels = usable_pixels(batch, self.model_info.preprocessing)
        if not len(rows):
            return rows, np.zeros((0, self.model_info.embed_dim), np.float32)
        return rows, self.encode_pixels(pixels)

    def encode_dense(
        self, pixels: NDArray[np.uint8], mode: DenseMode = "auto"
    ) -> NDArray[np.float32]:
        """Encode images position by position: unit features, float32 (n, positions, D)."""
        import torch

        from actors.clip.dense import dense_features

        with torch.inference_mode():
            features = dense_features(self.model.visual, self._normalised(pixels), mode)
            return _unit(features).cpu().numpy()

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: unit features, float32 (n, D).

        Texts beyond the context length are cut by the tokenizer, the end-of-text token kept.
        """
        import torch

        chunks = [np.zeros((0, self.model_info.embed_dim), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(texts), _TEXT_BATCH):
                tokens = self.tokenizer(list(texts[start : start + _TEXT_BATCH])).to(self.device)
                chunks.append(_unit(self.model.encode_text(tokens)).cpu().numpy())
        return np.concatenate(chunks)

    def fits(self, text: str) -> bool:
        """Say whether the tokenizer takes a text whole."""
        length = self.tokenizer.context_length
        short = self.tokenizer([text], context_length=length)[0]
        long, empty = self.tokenizer([text, ""], context_length=2 * length)
        if empty[-1] != empty[-2]:  # a token of its own stands last, whatever the text
            short, long, empty, length = short[:-1], long[:-1], empty[:-1], length - 1
        # with room for as much again, the same tokens stand there, and padding behind them
        return bool((long[:length] == short).all() and (long[length:] == empty[length:]).all())


def _unit(features: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(features.to(torch.float32), dim=-1)


def cpu_threads() -> int:
    """Threads that a model alone on this machine should use: one for each core it may run on."""
    return len(os.sched_getaffinity(0))


def clip_record(model: ClipModel, encoder: ClipEncoder) -> dict[str, Any]:
    """What a classifier keeps of its CLIP model, once it is loaded."""
    bias = {} if encoder.logit_bias is None else {"logit_bias": encoder.logit_bias}
    return {**model.record(), "logit_scale": encoder.logit_scale, **bias}
