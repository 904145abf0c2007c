"""The CLIP encoder: any open_clip model, batched, on whatever device is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.lane import Lane
from actors.clip.model import ClipModel
from actors.clip.precision import INT8_ON_GPU
from actors.clip.precision import Precision as Precision
from actors.clip.tokenizer import takes_whole
from actors.embedding_store import STORED, stored_rows, unit_features
from actors.images.decode import usable_pixels
from methods.dense import DenseMode
from methods.errors import InputError

if TYPE_CHECKING:
    import torch

_TEXT_BATCH = 256
_TEXTS_BACK = 64 * _TEXT_BATCH  # features that come back from the device together

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
            precision: ``auto`` is bf16 on a GPU and fp32 on a CPU; ``int8`` is `actors.clip.int8`.
            device: a torch device; by default the first GPU visible, else the CPU.
            threads: CPU threads; torch's own choice by default.

        Raises:
            InputError: the weights do not fit the architecture or cannot be read, or int8 is not
                for this tower or device.
        """

        import torch

        from actors.clip.layout import lay_out
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
        lay_out(self.model.visual)
        if precision == "int8":
            self._quantise()
        self.lane = Lane(self.device)
        logger.debug("CLIP %s on %s in %s", model.name, self.device, precision)

    def _quantise(self) -> None:
        import torch

        from actors.clip.int8 import sample_pixels, to_int8

        if self.device.type != "cpu":
            raise InputError(INT8_ON_GPU)
        how = self.model_info.preprocessing
        pixels = torch.from_numpy(sample_pixels(how.height, how.width)[:1])
        to_int8(self.model.visual, self.normalised(pixels), self.model_info.name)

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Make of pixels on the device what the tower takes.

        Args:
            pixels: uint8 (n, height, width, 3).

        Returns:
            In the model's dtype, (n, 3, height, width), laid out as the pixels are.
        """
        import torch

        tensor = pixels.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        return ((tensor - self._mean) / self._std).to(self.dtype)

    def whole(self, images: torch.Tensor, *, positions: bool = True) -> torch.Tensor:
        """Unit features of images as `normalised` gives them, float32 (n, D), on the device.

        Args:
            images: as `normalised` gives them.
            positions: as in `encode_pixels`.
        """
        from actors.clip.dense import pooled_without_positions

        found = None if positions else pooled_without_positions(self.model.visual, images)
        return _unit(self.model.encode_image(images) if found is None else found)

    def dense(self, images: torch.Tensor, mode: DenseMode = "auto") -> torch.Tensor:
        """Unit features of positions, float32 (n, positions, D), on the device."""
        from actors.clip.dense import dense_features

        return _unit(dense_features(self.model.visual, images, mode))

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
        with self.lane.slot() as slot:
            images = self.normalised(slot.put(pixels))
            return slot.take(self.whole(images, positions=positions))[0]

    def encode_decoded(self, batch: pa.Table) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Encode the images of a batch of `actors.images.decode.decode` that have no error.

        Images that bring their feature along, from an embedding store, are not encoded.

        Returns:
            Their rows (n,), ascending, and their unit features, float32 (n, D).
        """
        rows, pixels = usable_pixels(batch, self.model_info.preprocessing)
        stored = stored_rows(batch)
        features = np.zeros((batch.num_rows, self.model_info.embed_dim), np.float32)
        if stored.any():
            features[stored] = unit_features(batch.column(STORED))[stored]
        if len(rows):
            features[rows] = self.encode_pixels(pixels)
        found = np.union1d(rows, np.flatnonzero(stored))
        return found, features[found]

    def encode_dense(
        self, pixels: NDArray[np.uint8], mode: DenseMode = "auto"
    ) -> NDArray[np.float32]:
        """Encode images position by position: unit features, float32 (n, positions, D)."""
        with self.lane.slot() as slot:
            return slot.take(self.dense(self.normalised(slot.put(pixels)), mode))[0]

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: unit features, float32 (n, D).

        Texts beyond the context length are cut by the tokenizer, the end-of-text token kept.
        """
        chunks = [np.zeros((0, self.model_info.embed_dim), np.float32)]
        for start in range(0, len(texts), _TEXTS_BACK):
            chunks.append(self._encode_texts(texts[start : start + _TEXTS_BACK]))
        return np.concatenate(chunks)

    def _encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode in batches; one is cut into tokens while a GPU computes the one before."""
        import torch

        with self.lane.slot() as slot:
            found = [
                _unit(self.model.encode_text(slot.put(self.tokenizer(list(batch)))))
                for start in range(0, len(texts), _TEXT_BATCH)
                for batch in [texts[start : start + _TEXT_BATCH]]
            ]
            return slot.take(torch.cat(found))[0]

    def fits(self, text: str) -> bool:
        """Say whether the tokenizer takes a text whole."""
        return takes_whole(self.tokenizer, text)


def _unit(features: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(features.to(torch.float32), dim=-1)


def clip_record(model: ClipModel, encoder: ClipEncoder) -> dict[str, Any]:
    """What a classifier keeps of its CLIP model, once it is loaded."""
    bias = {} if encoder.logit_bias is None else {"logit_bias": encoder.logit_bias}
    return {**model.record(), "logit_scale": encoder.logit_scale, **bias}
